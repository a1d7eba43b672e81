/**
 * How captions look as an overlay, as a browser source of OBS has it: what the URL's query says of it.
 *
 * Knows nothing of sessions.
 */

const DEFAULTS = { size: "48", lines: "2", color: "#ffffff", position: "bottom", font: "" };

/** What each may be, and how that is said. @type {Record<string, [(value: string) => boolean, string]>} */
const RULES = {
  size: [(value) => within(value, 12, 200), "a number of pixels from 12 to 200"],
  lines: [(value) => within(value, 1, 8), "a number from 1 to 8"],
  color: [(value) => CSS.supports("color", value), "a colour of CSS, like white or %23ffcc00"],
  position: [(value) => ["top", "bottom"].includes(value), "top or bottom"],
  font: [(value) => value === "" || CSS.supports("font-family", value), "the name of a font"],
};

/**
 * Makes the page an overlay.
 *
 * @param {URLSearchParams} query
 * @returns {string[]} what is wrong with the query; these have their defaults
 */
export function becomeOverlay(query) {
  /** @type {Record<string, string>} */
  const look = {};
  const wrong = [];
  for (const [name, [allowed, form]] of Object.entries(RULES)) {
    const value = query.get(name) ?? DEFAULTS[/** @type {keyof typeof DEFAULTS} */ (name)];
    if (!allowed(value)) wrong.push(`${name} is ${form}, not ${value}.`);
    look[name] = allowed(value) ? value : DEFAULTS[/** @type {keyof typeof DEFAULTS} */ (name)];
  }
  const root = document.documentElement;
  root.dataset.overlay = look.position;
  root.style.setProperty("--overlay-size", `${look.size}px`);
  root.style.setProperty("--overlay-lines", look.lines);
  root.style.setProperty("--overlay-color", look.color);
  if (look.font) root.style.setProperty("--overlay-font", look.font);
  return wrong;
}

/** @param {string} value @param {number} least @param {number} most */
function within(value, least, most) {
  return value !== "" && Number(value) >= least && Number(value) <= most;
}
