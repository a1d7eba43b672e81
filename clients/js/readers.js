/**
 * Events for whoever iterates, as they come, until there are no more. Knows nothing of where they come from.
 */

import { Inbox } from "./inbox.js";

/** @import { SessionEvent, ViewerEvent } from "./steno.js" */

/** @template {SessionEvent | ViewerEvent} Event */
export class Readers {
  /** @type {Inbox<Event>} */
  #inbox = new Inbox();
  #over = false;
  /** @type {Error | null} */
  #error = null;
  /** @type {(() => void)[]} */
  #waiting = [];

  /** @param {Event} event */
  put(event) {
    this.#inbox.put(event);
    this.#wake();
  }

  /**
   * Nothing will be put any more. What has been put is still read, then the error thrown, if there is one.
   * @param {Error | null} error
   */
  end(error) {
    this.#over = true;
    this.#error = error;
    this.#wake();
  }

  /** @returns {AsyncIterator<Event, undefined>} */
  iterate() {
    return { next: () => this.#next() };
  }

  /** @returns {Promise<IteratorResult<Event, undefined>>} */
  async #next() {
    for (;;) {
      const event = this.#inbox.take();
      if (event) return { done: false, value: event };
      if (this.#error) throw this.#error;
      if (this.#over) return { done: true, value: undefined };
      await new Promise((resolve) => this.#waiting.push(/** @type {() => void} */ (resolve)));
    }
  }

  #wake() {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
