/**
 * A link by which others may watch a live session.
 *
 * Knows nothing of how a session is watched.
 */

import { ask } from "./api.js";
import { copy } from "./download.js";
import { storedKey } from "./key.js";

/** The most that a server gives. */
const TTL_S = 600;

/**
 * Shows the link in a dialog.
 *
 * @param {HTMLDialogElement} dialog @param {string} session
 * @throws {import("./api.js").Refused}
 */
export async function share(dialog, session) {
  const link = new URL(`/?watch=${encodeURIComponent(session)}`, location.href);
  let note = "Whoever can reach this server can watch until the session ends.";
  if (storedKey()) {
    const { token } = await ask("/v1/tokens", { scope: "watch", session, ttl_s: TTL_S });
    // A fragment is not sent to any server.
    link.hash = `token=${token}`;
    note = `Opens within the next ${TTL_S / 60} minutes, and shows this session until it ends.`;
  }
  const input = /** @type {HTMLInputElement} */ (dialog.querySelector("input"));
  const button = /** @type {HTMLButtonElement} */ (dialog.querySelector(".primary"));
  input.value = link.href;
  /** @type {HTMLElement} */ (dialog.querySelector(".note")).textContent = note;
  button.textContent = "Copy";
  button.onclick = async () => {
    button.textContent = (await copy(link.href)) ? "Copied" : "Copy it by hand";
  };
  dialog.showModal();
  input.select();
}
