import { takeToken } from "./key.js";
import { themeButton } from "./theme.js";

takeToken();
themeButton(/** @type {HTMLElement} */ (document.getElementById("theme")));
