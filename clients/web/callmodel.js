/**
 * What is known of one call so far: what was said, by whom and when, and the cards that it has raised.
 *
 * Pure: knows nothing of the page, the network and the clock.
 */

import { callRecord } from "./record.js";
import { RuleMatcher } from "./rules.js";
import { Transcript } from "./transcript.js";
import { Timeline } from "./turns.js";

/** A call has two sides; what else a session hears is left out. */
const SIDES = 2;

export class CallModel {
  /** @type {string | null} */
  session = null;
  /** @type {string | null} */
  model = null;
  /** Whether all of it was followed, from the beginning to the end. */
  complete = false;
  /** Numbered events from its beginning that could not be had. */
  missed = 0;
  /** Whether there were channels that belong to neither side. */
  crowded = false;
  /** Segments that have changed since this was last cleared. @type {Set<number>} */
  changed = new Set();
  #transcript = new Transcript();
  #timeline = new Timeline();
  #matcher;
  /** What each segment has said that is stable. @type {Map<number, string>} */
  #texts = new Map();
  #heard = 0;
  #duration = 0;

  /** @param {ConstructorParameters<typeof RuleMatcher>[0]} rules as `GET /v1/rules` has them */
  constructor(rules) {
    this.#matcher = new RuleMatcher(rules);
  }

  /** In order of time. */
  get segments() {
    return this.#timeline.segments;
  }

  get finals() {
    return this.#transcript.finals.filter(({ channel }) => channel < SIDES);
  }

  /** How far the call is known, in seconds. */
  get duration() {
    return Math.max(this.#heard, this.#duration);
  }

  /**
   * @param {import("./transcript.js").Event} event
   * @returns {import("./rules.js").Card[]} those that it raises
   */
  apply(event) {
    if (event.type === "ready" || event.type === "watching") {
      this.session = event.session;
      this.model = event.model;
    }
    if (event.type === "watching") this.missed += event.missed;
    if (event.type === "done") {
      this.complete = this.missed === 0;
      this.#duration = event.audio_s;
    }
    return this.#transcript.apply(event).flatMap((segment) => this.#put(segment));
  }

  /** @param {import("./transcript.js").Segment} segment */
  #put(segment) {
    const { id, channel, start, end, stable } = segment;
    if (channel >= SIDES) {
      this.crowded = true;
      return [];
    }
    this.#timeline.put(segment);
    this.changed.add(id);
    this.#heard = Math.max(this.#heard, end);
    if (!stable) return [];
    this.#texts.set(id, stable);
    return this.#matcher.hear({ segment: id, channel, start, end, stable });
  }

  /** The words at some places. @param {import("./rules.js").Place[]} places */
  text(places) {
    return places.map(({ segment, start, end }) => this.#texts.get(segment)?.slice(start, end)).join(" ");
  }

  /**
   * The call as it is downloaded.
   *
   * @param {string[]} speakers names of the sides
   * @param {{card: import("./rules.js").Card, dismissed: boolean}[]} raised
   */
  record(speakers, raised) {
    const { session, model, complete, duration } = this;
    const cards = raised.map(({ card, dismissed }) => ({ ...card, text: this.text(card.places), dismissed }));
    return callRecord({ session, model, complete, speakers, duration }, this.segments, this.finals, cards);
  }
}
