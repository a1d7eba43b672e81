/**
 * Puts words into lines, so that a word that is stable stays where it is, whatever becomes of those behind it.
 *
 * Pure: knows words by their width, and nothing of the page.
 */

/** @typedef {import("./transcript.js").Segment} Segment */

/**
 * `stable`: how many characters (UTF-16) at the beginning of `text` won't change. `spaced`: whether a space is before it.
 *
 * @typedef {{text: string, stable: number, spaced: boolean}} Word
 */

/** `row` counts from the first line of all. A place is kept, what it holds may yet get a comma. */
/** @typedef {{word: Word}} Place */
/** @typedef {{row: number, places: Place[]}} Line */

/**
 * What a segment has in lines: places of its stable words, then the others, in runs. The first run goes on in the line
 * `last`, where there is one; each of the others has a line of its own, which is not settled.
 *
 * @typedef {object} Part
 * @property {Segment} segment
 * @property {boolean} turn  whether another channel has spoken before
 * @property {{place: Place, line: Line}[]} settled
 * @property {Line | null} last
 * @property {Word[][]} runs
 */

/** Scripts that are written without spaces, in which a line may end behind any character. */
const UNSPACED = "\\p{sc=Han}\\p{sc=Hiragana}\\p{sc=Katakana}\\p{sc=Thai}\\p{sc=Lao}\\p{sc=Khmer}\\p{sc=Myanmar}";
const WORDS = new RegExp(`(\\s*)([${UNSPACED}]\\p{M}*\\p{P}*|[^\\s${UNSPACED}]+)`, "gu");
/** A pause shorter than this, in seconds, doesn't begin a new line. */
const SHORT_PAUSE_S = 1;
/** Opens what is said on another channel than what was said before. */
const DASH = "–";

/**
 * The words of a text of which the beginning is stable.
 *
 * @param {string} stable @param {string} unstable
 * @returns {Word[]}
 */
export function split(stable, unstable) {
  return [...(stable + unstable).matchAll(WORDS)].map(({ index, 1: space, 2: text }) => ({
    text,
    stable: Math.max(0, Math.min(text.length, stable.length - index - space.length)),
    spaced: space !== "",
  }));
}

export class Lines {
  /** @type {Map<number, Part>} */
  #parts = new Map();
  /** Lines with a stable word, by their rows. @type {Map<number, Line>} */
  #settled = new Map();
  /** @type {Part | null} */
  #newest = null;
  #rows = 0;
  #width;
  #measure;
  #space;

  /**
   * @param {number} width  of a line; what comes late behind its last word may stand out a little
   * @param {(text: string) => number} measure  the width of a text
   */
  constructor(width, measure) {
    this.#width = width;
    this.#measure = measure;
    this.#space = measure(" ");
  }

  /** How many lines there have been so far. */
  get rows() {
    let floating = 0;
    for (const part of this.#parts.values()) floating += this.#floating(part).length;
    return this.#rows + floating;
  }

  /** Takes a segment as it is now. @param {Segment} segment */
  update(segment) {
    const part = this.#parts.get(segment.id) ?? this.#begin(segment);
    part.segment = segment;
    const words = this.#words(part);
    const unstable = words.findIndex((word) => !word.stable);
    const settled = unstable < 0 ? words.length : unstable;
    if (settled < part.settled.length) this.#withdraw(part);
    words.slice(0, settled).forEach((word, i) => this.#settle(part, word, i));
    part.runs = this.#flow(part, words.slice(settled));
  }

  /**
   * Lines from a row on, in order; `places` of stable words come first in each.
   *
   * @param {number} from
   * @returns {{row: number, words: Word[]}[]}
   */
  from(from) {
    const found = new Map();
    for (let row = Math.max(0, from); row < this.#rows; row++) {
      const places = this.#settled.get(row)?.places ?? [];
      found.set(row, { row, words: places.map(({ word }) => word) });
    }
    let row = this.#rows;
    for (const part of this.#parts.values()) {
      if (part.last) found.get(part.last.row)?.words.push(...part.runs[0]);
      for (const words of this.#floating(part)) found.set(row, { row: row++, words });
    }
    return [...found.values()];
  }

  /** Forgets lines before a row, and segments that are over and have nothing behind it. @param {number} row */
  forget(row) {
    for (const known of this.#settled.keys()) if (known < row) this.#settled.delete(known);
    for (const [id, part] of this.#parts) {
      if (part.segment.over && part !== this.#newest && (part.last?.row ?? -1) < row) this.#parts.delete(id);
    }
  }

  /** @param {Segment} segment @returns {Part} */
  #begin(segment) {
    const before = this.#newest?.segment;
    const line = this.#newest?.last;
    const turn = before !== undefined && before.channel !== segment.channel;
    const goesOn = line?.row === this.#rows - 1 && before?.over && !turn && segment.start - before.end < SHORT_PAUSE_S;
    const part = { segment, turn, settled: [], last: (goesOn && line) || null, runs: [[]] };
    this.#parts.set(segment.id, part);
    this.#newest = part;
    return part;
  }

  /** @param {Part} part @returns {Word[]} */
  #words({ segment, turn }) {
    const words = split(segment.stable, segment.unstable);
    if (words.length === 0) return words;
    // It may go on in a line that has words.
    words[0].spaced = true;
    if (turn) words.unshift({ text: DASH, stable: Math.min(1, words[0].stable), spaced: true });
    return words.flatMap((word) => this.#cut(word));
  }

  /**
   * Gives the stable word of that number a place for good; in the place that it has, its comma may have come.
   *
   * @param {Part} part @param {Word} word @param {number} i
   */
  #settle(part, word, i) {
    if (i < part.settled.length) {
      part.settled[i].place.word = word;
      return;
    }
    if (!part.last || !this.#fits(part.last.places.map((place) => place.word), word)) {
      part.last = { row: this.#rows++, places: [] };
      this.#settled.set(part.last.row, part.last);
    }
    const place = { word };
    part.last.places.push(place);
    part.settled.push({ place, line: part.last });
  }

  /**
   * Runs of words that fit into a line each, the first of them behind the stable words.
   *
   * @param {Part} part @param {Word[]} words
   */
  #flow(part, words) {
    const before = part.last?.places.map((place) => place.word) ?? [];
    /** @type {Word[][]} */
    const runs = [[]];
    for (const word of words) {
      const run = runs[runs.length - 1];
      if (this.#fits(runs.length === 1 ? [...before, ...run] : run, word)) run.push(word);
      else runs.push([word]);
    }
    return runs;
  }

  /** @param {Part} part */
  #floating(part) {
    return part.last ? part.runs.slice(1) : part.runs.filter((run) => run.length > 0);
  }

  /** Takes back what a lost connection has made void. @param {Part} part */
  #withdraw(part) {
    for (const { place, line } of part.settled) line.places.splice(line.places.indexOf(place), 1);
    part.settled = [];
    part.last = null;
    while (this.#rows > 0 && this.#settled.get(this.#rows - 1)?.places.length === 0) this.#settled.delete(--this.#rows);
  }

  /** @param {Word[]} words @param {Word} next */
  #fits(words, next) {
    if (words.length === 0) return true;
    const wide = [...words, next].reduce((sum, word, i) => sum + this.#wide(word, i > 0), 0);
    return wide <= this.#width;
  }

  /** @param {Word} word @param {boolean} inside  whether it doesn't begin its line */
  #wide(word, inside) {
    return this.#measure(word.text) + (inside && word.spaced ? this.#space : 0);
  }

  /** A word that is wider than a line, in pieces that are not. @param {Word} word @returns {Word[]} */
  #cut(word) {
    const characters = Array.from(word.text);
    if (characters.length < 2 || this.#measure(word.text) <= this.#width) return [word];
    let count = 1;
    while (this.#measure(characters.slice(0, count + 1).join("")) <= this.#width) count++;
    const text = characters.slice(0, count).join("");
    const rest = { text: word.text.slice(text.length), stable: Math.max(0, word.stable - text.length), spaced: false };
    return [{ ...word, text, stable: Math.min(word.stable, text.length) }, ...this.#cut(rest)];
  }
}
