/**
 * When to try again what has failed, and when to give up. Knows nothing of what is tried, nor of timers.
 */

import { ConnectError, IncompleteError, RefusedError, SessionError } from "./errors.js";

const FIRST_S = 0.5;
const LONGEST_S = 5;
/** Fatal errors of a session that another one need not have. */
const PASSING = new Set(["draining", "engine_failed", "overloaded", "quota", "slow_reader", "timed_out"]);

export class Backoff {
  #seconds;
  #since = 0;
  attempt = 0;

  /** @param {number} seconds for how long to try */
  constructor(seconds) {
    this.#seconds = seconds;
  }

  /** What comes next is another loss, not a failure to make up for the last one. */
  reset() {
    this.attempt = 0;
  }

  /**
   * Seconds until the next attempt, half of them by chance, so that not all come at once; undefined to give up.
   * @param {unknown} error what the last one has failed with @param {number} now in seconds @param {number} chance 0..1
   */
  next(error, now, chance) {
    if (!passing(error)) return undefined;
    if (this.attempt === 0) this.#since = now;
    const least = error instanceof RefusedError ? (error.retry_after ?? 0) : 0;
    const wait = Math.max(least, Math.min(LONGEST_S, FIRST_S * 2 ** this.attempt) * (0.5 + chance / 2));
    if (now + wait > this.#since + this.#seconds) return undefined;
    this.attempt++;
    return wait;
  }
}

/** @param {unknown} error */
function passing(error) {
  if (error instanceof RefusedError) return error.status === 429 || error.status >= 500;
  if (error instanceof SessionError) return PASSING.has(error.code);
  return error instanceof ConnectError || error instanceof IncompleteError;
}
