/**
 * The key that a page sends: typed in by its user, or a token from the URL's fragment, which no server sees.
 *
 * Knows nothing of what it opens.
 */

const STORED = "steno.key";

/** The key of this tab, "" where there is none. Reloads keep it, other tabs don't have it. */
export function storedKey() {
  return sessionStorage.getItem(STORED) ?? "";
}

/** Whether it is a token, which opens one session and no more. */
export function holdsToken() {
  return /^(st|ek|rt)_/.test(storedKey());
}

/** Keeps what `#token=…` holds and takes it out of the address bar, so that nobody copies it from there. */
export function takeToken() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const token = fragment.get("token");
  if (token === null) return;
  sessionStorage.setItem(STORED, token);
  fragment.delete("token");
  const rest = String(fragment);
  history.replaceState(history.state, "", location.pathname + location.search + (rest && `#${rest}`));
}

/**
 * Asks for a key in a dialog, saying why.
 *
 * @param {string} reason
 * @returns {Promise<boolean>} whether there is one now; false where the user left the dialog
 */
export function askForKey(reason) {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("key") ?? build());
  const input = /** @type {HTMLInputElement} */ (dialog.querySelector("input"));
  const complaint = /** @type {HTMLElement} */ (dialog.querySelector("[role=alert]"));
  input.value = "";
  complaint.textContent = reason;
  dialog.returnValue = "";
  if (!dialog.open) dialog.showModal();
  input.focus();
  return new Promise((resolve) => {
    dialog.addEventListener(
      "close",
      () => {
        const key = input.value.trim();
        const given = dialog.returnValue === "use" && key !== "";
        if (given) sessionStorage.setItem(STORED, key);
        input.value = "";
        resolve(given);
      },
      { once: true },
    );
  });
}

function build() {
  const dialog = document.createElement("dialog");
  dialog.id = "key";
  dialog.setAttribute("aria-labelledby", "key-title");
  const form = append(dialog, "form", { method: "dialog" });
  append(form, "h2", { id: "key-title", textContent: "This server asks for a key" });
  append(form, "p", { role: "alert", className: "complaint" });
  const label = append(form, "label", { textContent: "API key or token" });
  append(label, "input", {
    type: "password",
    name: "key",
    required: true,
    autocomplete: "off",
    spellcheck: false,
    pattern: "\\s*[!-+\\-.-~]+\\s*",
    title: "visible ASCII without spaces and commas",
  });
  append(form, "p", { className: "note", textContent: "It stays in this tab and goes to this server alone." });
  const buttons = append(form, "div", { className: "buttons" });
  append(buttons, "button", { type: "button", textContent: "Cancel" }).addEventListener("click", () => dialog.close());
  append(buttons, "button", { className: "primary", value: "use", textContent: "Use it" });
  document.body.append(dialog);
  return dialog;
}

/** @template {keyof HTMLElementTagNameMap} T @param {Element} parent @param {T} tag @param {object} properties */
function append(parent, tag, properties) {
  const element = Object.assign(document.createElement(tag), properties);
  parent.append(element);
  return element;
}
