/**
 * What a session has said so far: its events put together into segments of text.
 *
 * Pure: knows nothing of sockets or of the page.
 */

/**
 * A stretch of speech. `stable` is text that won't change, `unstable` what may; a segment that is over has no unstable
 * text. Times are seconds on the clock of the audio.
 *
 * @typedef {object} Segment
 * @property {number} id
 * @property {number} channel
 * @property {number} start
 * @property {number} end
 * @property {string} stable
 * @property {string} unstable
 * @property {boolean} over
 * @property {object | null} final  the event that ended it, where there is text
 */

export class Transcript {
  constructor() {
    /** Those that go on. @type {Map<number, Segment>} */
    this.open = new Map();
    /** The events that ended segments with text, as they came. @type {any[]} */
    this.finals = [];
    this.segments = 0;
    /** @type {Map<number, number>} numbers of this session's segments, to ours: each session begins at 0 again */
    this.numbers = new Map();
  }

  /**
   * @param {any} event  of the session, or of watching one
   * @returns {Segment[]}  those that it changed
   */
  apply(event) {
    switch (event.type) {
      case "ready":
      case "watching":
        return this.begin();
      case "speech_started":
        return [this.segment(event, event.at)];
      case "partial": {
        const [stable, unstable] = divide(event.text, event.stable);
        return [Object.assign(this.segment(event, event.start), { end: event.end, start: event.start, stable, unstable })];
      }
      case "final":
        this.finals.push(event);
        return [this.close(event, event.text, event)];
      case "suppressed":
        return [this.close(event, "", null)];
      default:
        return [];
    }
  }
}
