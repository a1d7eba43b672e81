/**
 * How a page stands with its server, in words.
 *
 * Knows nothing of the page; what it shows is told by `show`.
 */

import { sentence } from "./api.js";

/** What a state is to the eye: nothing goes on, something is awaited, all is well, something is wrong. */
/** @typedef {"idle" | "waiting" | "live" | "wrong"} Tone */

/** How many words' delays the median is taken of. */
const RECENT = 30;

/** How long after they were said words are shown, in seconds. */
export class Delay {
  /** @type {number[]} */
  #recent = [];

  /** @param {number} seconds */
  add(seconds) {
    this.#recent.push(Math.max(0, seconds));
    if (this.#recent.length > RECENT) this.#recent.shift();
  }

  /** The median of the latest, null before there is one. */
  get median() {
    const sorted = [...this.#recent].sort((a, b) => a - b);
    return sorted.length ? sorted[sorted.length >> 1] : null;
  }
}

/** @param {number | null} delay  in seconds @param {boolean} [behind]  whether the server has said that it is */
export function live(delay, behind = false) {
  if (behind) return "Live, but the server is busy: words come late";
  return delay === null ? "Live" : `Live, words after ${delay.toFixed(1)} s`;
}

/** @param {import("../js/steno.js").ReconnectingEvent} event */
export function reconnecting(event) {
  const wait = Math.ceil(event.in_s);
  return event.attempt > 1 && wait > 1 ? `Reconnecting… next try in ${wait} s` : "Reconnecting…";
}

/** What an error means to someone who looks at captions. @param {any} error */
export function trouble(error) {
  const said = sentence({ message: String(error?.reason ?? error?.message ?? error), hint: error?.hint });
  if (error?.status === 429 || error?.status === 503) return `The server takes no more sessions now. ${said}`;
  if (error?.status === 0 || error?.name === "ConnectError" || error?.name === "IncompleteError") return `The server is gone. ${said}`;
  return said;
}
