/**
 * What was said so far: the events of a session, or of several in turn, put together into segments of text.
 *
 * Pure: knows nothing of sockets or of the page.
 */

/**
 * A stretch of speech. `stable` is text that won't change, `unstable` what may; once it is over there is none of that,
 * and no text at all where it turned out to say nothing. Times are seconds on the session's clock.
 *
 * @typedef {object} Segment
 * @property {number} id
 * @property {number} channel
 * @property {number} start
 * @property {number} end
 * @property {string} stable
 * @property {string} unstable
 * @property {boolean} over
 */

/** @typedef {import("../js/steno.js").SessionEvent | import("../js/steno.js").ViewerEvent} Event */

export class Transcript {
  /** Each session counts its segments from 0. */
  #base = 0;
  #next = 0;
  /** @type {Map<number, Segment>} */
  #open = new Map();

  constructor() {
    /** As they came: what subtitles are made of. @type {import("../js/steno.js").FinalEvent[]} */
    this.finals = [];
  }

  /** Another session begins. @returns {Segment[]} those that it leaves without an end */
  begin() {
    this.#base = this.#next;
    return this.#void();
  }

  /** @param {Event} event @returns {Segment[]} those that it changes */
  apply(event) {
    switch (event.type) {
      case "ready":
        return this.#void();
      case "speech_started":
        return [this.#keep(event, { start: event.at, end: event.at }, false)];
      case "partial":
        return [this.#keep(event, event, false, event.stable_text, event.unstable_text)];
      case "final":
        this.finals.push(event);
        return [this.#keep(event, event, true, event.text)];
      case "suppressed":
        return [this.#keep(event, event, true)];
      default:
        return [];
    }
  }

  /** What a lost connection leaves open is heard again, under new numbers. */
  #void() {
    const left = [...this.#open.values()];
    this.#open.clear();
    return left.map((segment) => ({ ...segment, stable: "", unstable: "", over: true }));
  }

  /**
   * @param {{segment: number, channel: number}} of @param {{start: number, end: number}} times @param {boolean} over
   * @returns {Segment}
   */
  #keep({ segment: number, channel }, { start, end }, over, stable = "", unstable = "") {
    const segment = { id: this.#base + number, channel, start, end, stable, unstable, over };
    this.#next = Math.max(this.#next, segment.id + 1);
    if (over) this.#open.delete(segment.id);
    else this.#open.set(segment.id, segment);
    return segment;
  }
}
