/**
 * The rules of the server as its file has them now, and a note on how they stand.
 *
 * Knows nothing of what they find.
 */

import { ask } from "./api.js";

export const NO_RULES = { data: [], digits: {} };
const EXAMPLES = "These rules are examples; steno-server rules prints them, to write your own.";

/**
 * @param {HTMLElement} note says what there is to know about them
 * @returns {Promise<ConstructorParameters<typeof import("./rules.js").RuleMatcher>[0]>}
 * @throws {import("./api.js").Refused}
 */
export async function loadRules(note) {
  try {
    const rules = await ask("/v1/rules");
    note.textContent = rules.problem ?? (rules.example ? EXAMPLES : "");
    note.className = rules.problem ? "complaint" : "note";
    return rules;
  } catch (error) {
    const { status, message } = /** @type {any} */ (error);
    if (status !== 403) throw error;
    note.textContent = `No rules: ${message}`;
    note.className = "note";
    return NO_RULES;
  }
}
