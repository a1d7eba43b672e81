/**
 * What a session has said so far: its events, put together into segments of text.
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
  constructor() {
    /** As the session told them: what subtitles are made of. @type {import("../js/steno.js").FinalEvent[]} */
    this.finals = [];
    /** @type {Map<number, Segment>} */
    this.open = new Map();
  }

  /**
   * @param {Event} event
   * @returns {Segment[]} those that it has changed
   */
  apply(event) {
    switch (event.type) {
      case "ready":
        return this.#void();
      case "speech_started":
        return [this.#segment(event, event.at, event.at, "", "")];
      case "partial":
        return [this.#segment(event, event.start, event.end, event.stable_text, event.unstable_text)];
      case "final":
        this.finals.push(event);
        return [this.#close(event, event.text)];
      case "suppressed":
        return [this.#close(event, "")];
      default:
        return [];
    }
  }

  /** In a new connection's session, what was still open is heard again under new numbers. */
  #void() {
    const segments = [...this.open.values()];
    this.open.clear();
    return segments.map((segment) => ({ ...segment, stable: "", unstable: "", over: true }));
  }

  /**
   * @param {{segment: number, channel: number}} of
   * @param {number} start @param {number} end @param {string} stable @param {string} unstable
   */
  #segment(of, start, end, stable, unstable) {
    const segment = { id: of.segment, channel: of.channel, start, end, stable, unstable, over: false };
    this.open.set(segment.id, segment);
    return segment;
  }

  /** @param {{segment: number, channel: number, start: number, end: number}} of @param {string} text */
  #close(of, text) {
    this.open.delete(of.segment);
    const { segment: id, channel, start, end } = of;
    return { id, channel, start, end, stable: text, unstable: "", over: true };
  }
}
