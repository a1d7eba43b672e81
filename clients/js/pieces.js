/**
 * Finals as pieces of text with times, each at most a line long: what captions are made of.
 * Knows nothing of captions.
 */

import { columnsOf, widthOf } from "./columns.js";

/** @import { Said } from "./subtitles.js" */

/**
 * Text that no line breaks; `spaced` says whether there is a space before it.
 * @typedef {{ text: string, spaced: boolean, start_ms: number, end_ms: number }} Piece
 */

/** Columns of a line, of which a caption has two at most; from Netflix's Timed Text Style Guides, like the next one. */
export const LINE = 42;
/**
 * Columns that people read in a second: the guides' limit for most languages; 20 in English, 9 wide ones in Chinese.
 */
const PER_SECOND = 17;

export const SENTENCE = /[.!?…。！？｡؟۔։।॥።။។][^\p{L}\p{N}_]*$/u;
export const PHRASE = /[,;:–—、，；：､،؛၊][^\p{L}\p{N}_]*$/u;
/** Text without space, but for the kind at which no line may end. */
const UNBROKEN = /[\S\u00a0\u2007\u202f]+/gu;
/** Characters of Chinese and Japanese, which write no space between sentences. */
const UNSPACED = /[\u2e80-\ua4cf\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\u{20000}-\u{3ffff}]/u;
const OPENING = /^[\p{Ps}\p{Pi}¿¡]*$/u;
const CLOSING = /^[\s\p{P}]*$/u;

/**
 * The pieces of a final, none of which ends before the one before it, or before `after`; punctuation is one with what
 * it belongs to.
 * @param {Said} final @param {number} after in ms
 */
export function pieces(final, after) {
  /** @type {Piece[]} */
  const ordered = [];
  let end = after;
  for (const word of wordsOf(final)) {
    for (const piece of partsOf(word)) {
      end = Math.max(end, piece.start_ms, piece.end_ms);
      const last = ordered[ordered.length - 1];
      const both = last && (isClosing(piece.text) || OPENING.test(last.text)) && textOf([last, piece]);
      if (both && columnsOf(both) <= LINE) ordered[ordered.length - 1] = { ...last, text: both, end_ms: end };
      else ordered.push({ ...piece, end_ms: end });
    }
  }
  return ordered;
}

/** @param {Piece[]} group */
export function textOf(group) {
  return group.map(({ text, spaced }, index) => (spaced && index ? ` ${text}` : text)).join("");
}

/** @param {number} columns */
export function readingMs(columns) {
  return Math.ceil((columns * 1000) / PER_SECOND);
}

/**
 * Whether there is a space between two finals.
 * @param {string} before @param {string} after
 */
export function spaced(before, after) {
  const last = /** @type {string} */ (Array.from(before).at(-1));
  return !(UNSPACED.test(last) || UNSPACED.test(String.fromCodePoint(/** @type {number} */ (after.codePointAt(0)))));
}

/**
 * The text cut at its words, with their times; whole where there are none, or they aren't those of the text.
 * @param {Said} final @returns {{ text: string, start: number, end: number }[]}
 */
function wordsOf({ text, start, end, words = [] }) {
  const cut = [];
  let begin = 0;
  for (const [index, word] of words.entries()) {
    const found = text.indexOf(word.text.trim(), begin);
    if (found < 0) return [{ text, start, end }];
    const behind = found + word.text.trim().length;
    const next = words[index + 1];
    let after = next ? text.indexOf(next.text.trim(), behind) : text.length;
    const space = next ? text.slice(behind, Math.max(after, behind)).search(/\s/u) : -1;
    if (space >= 0) after = behind + space;
    after = Math.max(after, behind);
    cut.push({ text: text.slice(begin, after), start: word.start, end: word.end });
    begin = after;
  }
  return cut.length ? cut : [{ text, start, end }];
}

/**
 * The text cut at spaces, and into lines where it is longer; each piece has its share of the time, by code points.
 * @param {{ text: string, start: number, end: number }} word @returns {Piece[]}
 */
function partsOf({ text, start, end }) {
  const found = Array.from(text.matchAll(UNBROKEN)).filter(([part]) => part.trim());
  if (!found.length) return [];
  const length = points(text.slice(found[0].index)) - points(text.slice(endOf(found[found.length - 1])));
  const from = ms(start);
  const share = (/** @type {number} */ point) => from + Math.floor(((ms(end) - from) * point) / length);
  return found.flatMap((part) => {
    let at = points(text.slice(found[0].index, part.index));
    return filled(part[0]).map((line, index) => {
      const begin = at;
      at += points(line);
      return { text: line, spaced: index === 0 && part.index > 0, start_ms: share(begin), end_ms: share(at) };
    });
  });
}

/** @param {RegExpMatchArray} found */
function endOf(found) {
  return /** @type {number} */ (found.index) + found[0].length;
}

/**
 * @param {string} text without space
 */
function filled(text) {
  const lines = [""];
  let columns = 0;
  for (const char of text) {
    const width = widthOf(char);
    if (columns + width > LINE) {
      lines.push("");
      columns = 0;
    }
    lines[lines.length - 1] += char;
    columns += width;
  }
  return lines;
}

/** @param {string} text */
function isClosing(text) {
  return CLOSING.test(text) && !OPENING.test(String.fromCodePoint(/** @type {number} */ (text.codePointAt(0))));
}

/** @param {string} text */
function points(text) {
  return Array.from(text).length;
}

/**
 * To the nearest millisecond, which times on the wire are rounded to.
 * @param {number} seconds
 */
function ms(seconds) {
  return Math.round(seconds * 1000);
}
