/**
 * A session's finals as one document: text, SRT or WebVTT. Knows nothing of files or sessions.
 */

import { captions } from "./captions.js";

/** @import { Caption, Said } from "./subtitles.js" */

export { captions };

/** @param {Iterable<Said>} finals */
export function txt(finals) {
  return Array.from(finals, ({ text }) => `${text}\n`).join("");
}

/** @param {Iterable<Said>} finals */
export function srt(finals) {
  const cues = captions(finals).map(
    (one, index) => `${index + 1}\n${timed(one, ",")}\n${one.lines.join("\n")}\n\n`,
  );
  return cues.join("");
}

/** @param {Iterable<Said>} finals @param {readonly string[]} [voices] */
export function vtt(finals, voices = []) {
  const shown = captions(finals);
  const several = new Set(shown.map(({ channel }) => channel)).size > 1;
  const cues = shown.map((one) => {
    const voice = several ? `<v ${escaped(voices[one.channel] ?? `Channel ${one.channel + 1}`)}>` : "";
    return `${timed(one, ".")}\n${voice}${escaped(one.lines.join("\n"))}`;
  });
  return ["WEBVTT", ...cues].join("\n\n") + "\n";
}

/** @param {Caption} caption @param {string} point */
function timed({ start_ms, end_ms }, point) {
  return `${clock(start_ms, point)} --> ${clock(end_ms, point)}`;
}

/** @param {number} ms @param {string} point */
function clock(ms, point) {
  const two = (/** @type {number} */ number) => String(Math.floor(number)).padStart(2, "0");
  const rest = String(ms % 1000).padStart(3, "0");
  return `${two(ms / 3_600_000)}:${two((ms / 60_000) % 60)}:${two((ms / 1000) % 60)}${point}${rest}`;
}

/** @param {string} text */
function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
