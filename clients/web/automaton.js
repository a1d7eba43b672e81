/**
 * Runs the automaton of a rule over words, one after the other, as they come.
 *
 * Knows nothing of cards and calls. A character costs at most as many steps as the automaton has places.
 */

const SPACE = 32;

/**
 * @typedef {object} Automaton as `GET /v1/rules` has it
 * @property {[number, number][][]} sets for each place, ranges of code points
 * @property {number[]} first
 * @property {number[][]} follow for each place, those that may come next
 * @property {number[]} last
 */

export class Search {
  #automaton;
  #last;
  /** @type {Map<number, number>} the places that were reached, and the number of the word that each began with */
  #reached = new Map();

  /** @param {Automaton} automaton */
  constructor(automaton) {
    this.#automaton = automaton;
    this.#last = new Set(automaton.last);
  }

  /**
   * @param {string} word in plain text
   * @param {number} number its own
   * @param {boolean} continued it goes on where the word before ended, as digits do
   * @returns {number | null} the first word of the longest match that ends with this one
   */
  hear(word, number, continued) {
    if (!continued) this.#step(SPACE, null);
    let begins = continued ? null : number;
    for (const char of word) {
      this.#step(/** @type {number} */ (char.codePointAt(0)), begins);
      begins = null;
    }
    let earliest = null;
    for (const [place, start] of this.#reached) {
      if (this.#last.has(place) && (earliest === null || start < earliest)) earliest = start;
    }
    return earliest;
  }

  /**
   * @param {number} code
   * @param {number | null} begins the number of the word that begins with it, if one does
   */
  #step(code, begins) {
    const { sets, first, follow } = this.#automaton;
    /** @type {Map<number, number>} */
    const reached = new Map();
    const reach = (/** @type {number} */ place, /** @type {number} */ start) => {
      if ((reached.get(place) ?? Infinity) > start && takes(sets[place], code)) reached.set(place, start);
    };
    for (const [place, start] of this.#reached) {
      for (const next of follow[place]) reach(next, start);
    }
    if (begins !== null) {
      for (const place of first) reach(place, begins);
    }
    this.#reached = reached;
  }
}

/** @param {[number, number][]} ranges @param {number} code */
function takes(ranges, code) {
  for (const [first, last] of ranges) {
    if (first <= code && code <= last) return true;
  }
  return false;
}
