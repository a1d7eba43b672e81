/**
 * WebSockets to a Steno server, and why one could not be had. Knows nothing of what is said over them.
 */

import { refusal } from "./address.js";
import { ConnectError, RefusedError } from "./errors.js";

/** @import { WebSocketConstructor } from "./steno.js" */

const SUBPROTOCOL = "steno.v1";
const PROBE_MS = 5_000;

/**
 * A WebSocket that is about to open. Throws TypeError for a key that can't be sent, ConnectError where there are no
 * WebSockets.
 * @param {string} address @param {string | undefined} key @param {WebSocketConstructor | undefined} given
 */
export async function dial(address, key, given) {
  const Socket = given ?? /** @type {WebSocketConstructor | undefined} */ (globalThis.WebSocket) ?? (await imported());
  if (key !== undefined && !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(key)) {
    throw new TypeError("a key from a browser has letters, digits and !#$%&'*+.^_`|~- only; use a token in its place");
  }
  return new Socket(address, key === undefined ? [SUBPROTOCOL] : [SUBPROTOCOL, `steno.key.${key}`]);
}

/** @returns {Promise<WebSocketConstructor>} */
async function imported() {
  try {
    return (await import("ws")).WebSocket;
  } catch (cause) {
    throw new ConnectError("there is no WebSocket here: use Node 22, or install the package `ws`", { cause });
  }
}

/**
 * Why a handshake failed, which no WebSocket tells: what the server says to a plain request with the same key.
 * @param {string} address of the WebSocket @param {string} resource to ask for, beside it
 * @param {string | undefined} key @param {(body: any) => Error | undefined} [verdict] on what comes back
 */
export async function explained(address, resource, key, verdict = () => undefined) {
  const base = `http${address.slice(2, address.lastIndexOf("/v1/"))}`;
  try {
    const answer = await ask(`${base}/v1/${resource}`, key);
    // 403 is said to a good token, which is good for nothing but its purpose.
    if (!answer.ok && answer.status !== 403) {
      return refusal(answer.status, answer.headers.get("Retry-After"), await answer.text());
    }
    const refused = answer.ok ? verdict(await answer.json()) : undefined;
    return refused ?? (await unready(base)) ?? new ConnectError(`the server at ${base} opens no session now`);
  } catch (cause) {
    // Browsers don't tell a page which of the two it is.
    const hidden = isForeign(base) ? ", or not to pages of this origin (--allow-origin lets them)" : "";
    return new ConnectError(`no session at ${address}: nothing answers there${hidden}`, { cause });
  }
}

/** @param {string} base */
async function unready(base) {
  const answer = await ask(`${base}/readyz`, undefined);
  if (answer.status !== 503) return undefined;
  const { reasons } = await answer.json();
  return new RefusedError(503, "not_ready", `not ready: ${reasons.join(", ")}`);
}

/** @param {string} base */
function isForeign(base) {
  return globalThis.location !== undefined && new URL(base).origin !== location.origin;
}

/** @param {string} url @param {string | undefined} key */
function ask(url, key) {
  return fetch(url, {
    headers: key === undefined ? {} : { Authorization: `Bearer ${key}` },
    // The key goes nowhere else.
    redirect: "error",
    credentials: "omit",
    cache: "no-store",
    signal: AbortSignal.timeout(PROBE_MS),
  });
}
