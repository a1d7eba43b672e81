/**
 * Requests to the page's own server, with the key that the page has.
 *
 * Knows nothing of what is asked, nor of who gave the key.
 */

import { storedKey } from "./key.js";

/** An answer that is no success; `status` 0: there was none at all. `message` is fit to be shown. */
export class Refused extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/**
 * The JSON that a path answers with; with a `body`, it is posted.
 *
 * @param {string} path
 * @param {object} [body]
 * @returns {Promise<any>}
 * @throws {Refused}
 */
export async function ask(path, body) {
  /** @type {Record<string, string>} */
  const headers = {};
  const key = storedKey();
  if (key) headers["Authorization"] = `Bearer ${key}`;
  if (body) headers["Content-Type"] = "application/json";
  const request = { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body) };
  let answer;
  try {
    answer = await fetch(path, request);
  } catch {
    throw new Refused(0, "The server doesn't answer.");
  }
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, sentence(told.error) || `The server answers ${answer.status}.`);
  return told;
}

/**
 * An error of the server's as a sentence: what is wrong, and what to do.
 *
 * @param {{message?: string, hint?: string | null} | undefined} error
 */
export function sentence(error) {
  if (!error?.message) return "";
  const said = error.hint ? `${error.message}: ${error.hint}` : error.message;
  return `${said[0].toUpperCase()}${said.slice(1)}${/[.!?]$/.test(said) ? "" : "."}`;
}
