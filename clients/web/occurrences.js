/**
 * Where a text holds what someone searches for, whatever its capitals and accents.
 *
 * Pure: knows nothing of the page.
 */

import { folded } from "./plain.js";

/**
 * Parts of the text, in UTF-16 units, in order and apart from each other. Whole characters count: "e" is in "é".
 *
 * @param {string} text
 * @param {string} query
 * @returns {{start: number, end: number}[]}
 */
export function occurrences(text, query) {
  const wanted = folded(query).trim().replace(/\s+/g, " ");
  if (!wanted) return [];
  const parts = [...new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text)];
  let searched = "";
  /** The part that each unit of what is searched comes from. @type {number[]} */
  const origin = [];
  parts.forEach(({ segment }, part) => {
    const plain = /\s/.test(segment) ? " " : folded(segment);
    searched += plain;
    for (let unit = 0; unit < plain.length; unit++) origin.push(part);
  });
  const found = [];
  for (let at = searched.indexOf(wanted); at >= 0; at = searched.indexOf(wanted, at + wanted.length)) {
    const end = parts[origin[at + wanted.length - 1] + 1]?.index ?? text.length;
    found.push({ start: parts[origin[at]].index, end });
  }
  return found;
}
