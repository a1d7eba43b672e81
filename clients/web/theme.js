/**
 * Dark or light: as the system has it, until the user says otherwise.
 *
 * Knows nothing of colours, which are in style.css.
 */

const STORED = "steno.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

/** Makes a button switch between the two; what was chosen is kept. @param {HTMLElement} button */
export function themeButton(button) {
  const show = () => {
    const chosen = localStorage.getItem(STORED);
    document.documentElement.dataset.theme = chosen ?? (dark.matches ? "dark" : "light");
    button.setAttribute("aria-label", current() === "dark" ? "Light theme" : "Dark theme");
    button.title = button.getAttribute("aria-label") ?? "";
  };
  button.addEventListener("click", () => {
    localStorage.setItem(STORED, current() === "dark" ? "light" : "dark");
    show();
  });
  dark.addEventListener("change", show);
  show();
}

function current() {
  return document.documentElement.dataset.theme;
}
