/**
 * Plain text: what is left of speech when how it is written is not to count.
 *
 * Knows nothing of rules. `stream/patterns.py` says the same of phrases; `tests/web` holds one to the other.
 */

const WORDS = /[\p{L}\p{N}\p{M}]+/gu;
/** Scripts without spaces between words; a sound mark belongs to the kana before it. */
const SPACELESS =
  /[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\u{20000}-\u{3ffff}][\u3099\u309a]?/gu;

/**
 * A text without accents and capitals.
 * @param {string} text
 */
export function folded(text) {
  return text.normalize("NFKD").toLowerCase().replace(/[\u0300-\u036f]/g, "").normalize("NFC");
}

/**
 * The words of a text, without what does not count, and where each is in it, in UTF-16 units.
 * @param {string} text
 * @returns {{word: string, start: number, end: number}[]}
 */
export function plainWords(text) {
  const found = [];
  for (const run of text.matchAll(WORDS)) {
    let start = run.index;
    for (const part of run[0].replace(SPACELESS, "\0$&\0").split("\0")) {
      const end = start + part.length;
      for (const word of (folded(part).match(WORDS) ?? []).join(" ").replace(SPACELESS, " $& ").split(" ")) {
        if (word) found.push({ word, start, end });
      }
      start = end;
    }
  }
  return found;
}
