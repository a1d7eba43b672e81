/**
 * Events that wait for a reader: whatever is out of date gives way, nothing that counts is lost.
 *
 * A slow reader so costs memory by segments, never by updates. Knows nothing of sockets or promises.
 */

/** @import { SessionEvent, ViewerEvent } from "./steno.js" */

/** @template {SessionEvent | ViewerEvent} Event */
export class Inbox {
  /** @type {Map<unknown, Event>} */
  #waiting = new Map();
  /** Goes on behind what was taken: from the front, a Map passes all places that it has had there. */
  #order = this.#waiting.entries();

  get size() {
    return this.#waiting.size;
  }

  /**
   * Adds an event behind the others, in place of those that it makes out of date.
   * @param {Event} event
   */
  put(event) {
    const key = event.type === "partial" ? event.segment : event.type === "ack" ? "ack" : event;
    if (event.type === "final" || event.type === "suppressed") this.#waiting.delete(event.segment);
    this.#waiting.delete(key);
    this.#waiting.set(key, event);
  }

  /** The event that has waited longest; undefined when there is none. */
  take() {
    if (this.#waiting.size === 0) return undefined;
    let next = this.#order.next();
    if (next.done) {
      this.#order = this.#waiting.entries();
      next = this.#order.next();
    }
    const [key, event] = /** @type {[unknown, Event]} */ (next.value);
    this.#waiting.delete(key);
    return event;
  }
}
