/**
 * Finds the words of rules in what both sides of a call say, as it becomes stable, and raises cards for them.
 *
 * Knows nothing of the page, the network and the clock.
 */

import { Search } from "./automaton.js";
import { plainWords } from "./plain.js";

/**
 * @typedef {{segment: number, start: number, end: number}} Place part of a segment's text, in UTF-16 units
 *
 * @typedef {object} Card
 * @property {number} id
 * @property {string} rule its name
 * @property {string} hint
 * @property {"info" | "warning" | "urgent"} severity
 * @property {number} channel who said it
 * @property {number} at seconds: how far the call was heard when it was raised
 * @property {Place[]} places the words that raised it, a part for each segment
 *
 * @typedef {object} Rule as `GET /v1/rules` has it
 * @property {string} name
 * @property {string} hint
 * @property {"caller" | "agent" | null} side
 * @property {"info" | "warning" | "urgent"} severity
 * @property {number | null} cooldown_s
 * @property {import("./automaton.js").Automaton} automaton
 *
 * @typedef {{first: number, last: number, card: Card | null}} Match numbers of words
 */

/** What the channels of a call are called in rules. */
export const SIDES = ["caller", "agent"];
/** Seconds of silence on a side over which words don't go on. */
export const PAUSE_S = 3;
/** Words of a side that are remembered, for the places of a match that is still to come. */
const REMEMBERED = 1000;
const DIGITS = /^[0-9]+$/;

/** A rule at work on one side. */
class Watch {
  /** @param {Rule} rule */
  constructor(rule) {
    this.rule = rule;
    this.search = new Search(rule.automaton);
    /** @type {Match | null} */
    this.latest = null;
  }
}

/** What one side has said since it was last silent. */
class Speech {
  /** @param {Rule[]} rules */
  constructor(rules) {
    this.watches = rules.map((rule) => new Watch(rule));
    /** @type {Place[]} */
    this.words = [];
    this.forgotten = 0;
    this.digit = false;
    this.segment = -1;
    this.heard = 0;
    this.end = 0;
  }

  /** @param {Place} place @returns {number} the word's number */
  add(place) {
    if (this.words.length === 2 * REMEMBERED) this.forgotten += this.words.splice(0, REMEMBERED).length;
    return this.forgotten + this.words.push(place) - 1;
  }

  /** @param {Match} match @returns {Place[]} */
  places({ first, last }) {
    /** @type {Place[]} */
    const places = [];
    for (const word of this.words.slice(Math.max(0, first - this.forgotten), last - this.forgotten + 1)) {
      const before = places.at(-1);
      if (before?.segment === word.segment) before.end = word.end;
      else places.push({ ...word });
    }
    return places;
  }
}

export class RuleMatcher {
  #rules;
  #digits;
  /** @type {Map<number, Speech>} */
  #speech = new Map();
  /** @type {Map<Rule, number>} when each last raised a card */
  #raised = new Map();
  #cards = 0;

  /** @param {{data: Rule[], digits: Record<string, number>}} rules as `GET /v1/rules` has them */
  constructor({ data, digits }) {
    this.#rules = data;
    this.#digits = new Map(Object.entries(digits));
  }

  /**
   * Hear a segment's text as far as it is stable; of one channel, segments come in order. Times are in seconds.
   * @param {{segment: number, channel: number, start: number, end: number, stable: string}} heard
   * @returns {Card[]} the new ones; the words of the one before may have become more
   */
  hear({ segment, channel, start, end, stable }) {
    let speech = this.#speech.get(channel);
    if (!speech || start - speech.end > PAUSE_S) {
      speech = new Speech(this.#rules.filter(({ side }) => side === null || side === SIDES[channel]));
      this.#speech.set(channel, speech);
    }
    if (speech.segment !== segment) {
      speech.segment = segment;
      speech.heard = 0;
    }
    speech.end = end;
    const cards = [];
    const from = speech.heard;
    for (const { word, start, end: last } of plainWords(stable.slice(from))) {
      cards.push(...this.#hearWord(speech, word, { segment, start: from + start, end: from + last }, channel));
    }
    speech.heard = Math.max(from, stable.length);
    return cards;
  }

  /** @param {Speech} speech @param {string} written @param {Place} place @param {number} channel */
  #hearWord(speech, written, place, channel) {
    const word = String(this.#digits.get(written) ?? written);
    const digit = DIGITS.test(word);
    const continued = digit && speech.digit;
    speech.digit = digit;
    const number = speech.add(place);
    /** @type {Card[]} */
    const cards = [];
    for (const watch of speech.watches) {
      const first = watch.search.hear(word, number, continued);
      if (first === null) continue;
      if (watch.latest?.first === first) {
        watch.latest.last = number;
        if (watch.latest.card) watch.latest.card.places = speech.places(watch.latest);
      } else if (!watch.latest || first > watch.latest.last) {
        const card = this.#card(watch.rule, channel, speech.end);
        watch.latest = { first, last: number, card };
        if (card) {
          card.places = speech.places(watch.latest);
          cards.push(card);
        }
      }
    }
    return cards;
  }

  /** @param {Rule} rule @param {number} channel @param {number} at @returns {Card | null} */
  #card(rule, channel, at) {
    const before = this.#raised.get(rule);
    if (before !== undefined && (rule.cooldown_s === null || at - before < rule.cooldown_s)) return null;
    this.#raised.set(rule, at);
    const { name, hint, severity } = rule;
    return { id: this.#cards++, rule: name, hint, severity, channel, at, places: [] };
  }
}
