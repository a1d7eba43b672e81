/**
 * When the server wants another key than the page has sent.
 *
 * Knows nothing of what was asked for.
 */

import { ask } from "./api.js";
import { askForKey, holdsToken } from "./key.js";
import { trouble } from "./status.js";

/**
 * Asks for another key, if that is what an error means.
 *
 * @param {any} error
 * @returns {Promise<boolean>} whether there is another one now
 */
export async function askAgain(error) {
  if (error?.status === 401) return askForKey(trouble(error));
  // Of a token that has been used, a browser learns no more than of a server that is gone.
  const used = error?.name === "ConnectError" && holdsToken() && (await ask("/livez").catch(() => null));
  return Boolean(used) && askForKey("A token opens one session, and this one may have been used.");
}
