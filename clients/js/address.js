/**
 * Where a server's resources are, and what it means when one is refused.
 * Knows nothing of sockets.
 */

import { RefusedError } from "./errors.js";

/**
 * The WebSocket address of a server's resource, by what a user calls the server.
 *
 * url: ws(s) or http(s), with or without the path `/v1/stream`, which may have a prefix.
 * Throws TypeError, also for a query or credentials: options are arguments, and so is the key.
 * @param {string | URL} url @param {string} resource
 */
export function endpoint(url, resource) {
  const parts = URL.canParse(url) ? new URL(url) : null;
  if (!parts?.hostname || !/^(ws|http)s?:$/.test(parts.protocol)) {
    throw new TypeError(`"${url}" is not an address like ws://127.0.0.1:8765 or https://speech.example.org`);
  }
  if (parts.search || parts.hash || parts.username || parts.password) {
    throw new TypeError("an address has no query and no credentials: options are arguments, and so is the key");
  }
  const prefix = parts.pathname.replace(/\/+$/, "").replace(/\/v1\/stream$/, "");
  return `${parts.protocol.replace("http", "ws")}//${parts.host}${prefix}/v1/${resource}`;
}

/**
 * What an HTTP answer says that isn't a session. Other servers' pages say nothing but their status.
 * @param {number} status @param {string | null} retryAfter @param {string} body
 */
export function refusal(status, retryAfter, body) {
  const seconds = retryAfter && /^\d+$/.test(retryAfter) ? Number(retryAfter) : null;
  try {
    const { code, message } = JSON.parse(body).error;
    if (code && message) return new RefusedError(status, code, message, seconds);
  } catch {
    // Not one of Steno's.
  }
  return new RefusedError(status, "http", "the server refused the connection", seconds);
}
