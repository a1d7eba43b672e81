/**
 * How wide text is on a screen: wide characters (Chinese, Japanese, Korean, emoji) take two columns, combining ones
 * none. Knows nothing of what the text is for.
 */

/** What has the East Asian Width W or F in Unicode, by blocks; and emoji, but for the halves of flags. */
const BLOCKS =
  String.raw`\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\u3247\u3250-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7a3` +
  String.raw`\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6` +
  String.raw`\u{16fe0}-\u{1b2fb}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}`;
const WIDE = new RegExp(String.raw`^(?:[${BLOCKS}]|(?![\u{1f1e6}-\u{1f1ff}])\p{Emoji_Presentation})`, "u");
const COMBINING = /^[\p{Mn}\p{Me}\p{Cf}]/u;
const ASCII = /^[\0-\x7f]*$/;

/** @param {string} text */
export function columnsOf(text) {
  if (ASCII.test(text)) return text.length;
  let columns = 0;
  for (const char of text) columns += widthOf(char);
  return columns;
}

/** @param {string} char */
export function widthOf(char) {
  if (COMBINING.test(char)) return 0;
  return WIDE.test(char) ? 2 : 1;
}
