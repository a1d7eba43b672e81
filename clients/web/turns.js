/**
 * A call of two sides on one time line: who has the turn, who talks how much, who talks over whom.
 *
 * Pure: knows nothing of the page, the network and the clock. All of it follows from the segments alone, however their
 * events have come. Times are seconds on the session's clock.
 */

/**
 * @typedef {import("./transcript.js").Segment} Segment
 *
 * @typedef {object} Turn what one side says until the other begins, or falls silent for long
 * @property {number} channel
 * @property {number} start
 * @property {number} end
 * @property {Segment[]} segments
 *
 * @typedef {{start: number, end: number}} Span
 *
 * @typedef {object} Interruption
 * @property {number} at
 * @property {number} by the channel that broke in
 * @property {boolean} yielded whether the other side stopped for it
 *
 * @typedef {object} Statistics
 * @property {number} duration_s
 * @property {number} silence_s nobody talked
 * @property {number} overlap_s both did
 * @property {{talk_s: number, share: number, turns: number, words: number, interruptions: number}[]} sides
 *   `share`: of all talk time, 0 to 1
 * @property {Interruption[]} interruptions
 */

/** A longer silence of both ends a turn. */
export const SILENT_S = 5;
/**
 * When one side breaks in. It has to begin after the other has talked for HELD_S, for two who begin at once don't
 * interrupt each other. They have to talk at once for TOGETHER_S: shorter overlaps are how turns change hands (Heldner
 * and Edlund, "Pauses, gaps and overlaps in conversations", Journal of Phonetics 38, 2010). And what ends within
 * LISTENER_S while the other talks on is a listener's "mm-hm".
 */
export const HELD_S = 1;
export const TOGETHER_S = 0.3;
export const LISTENER_S = 1;
/** A pause of a side that is shorter doesn't end what it has to say. */
const BREATH_S = 1;

/** The segments of a call, in order of time. */
export class Timeline {
  /** @type {Segment[]} */
  segments = [];
  #known = new Set();

  /** Takes a segment as it is now; one that turned out to say nothing is left out. @param {Segment} segment */
  put(segment) {
    const { segments } = this;
    if (this.#known.delete(segment.id)) {
      segments.splice(segments.findLastIndex(({ id }) => id === segment.id), 1);
    }
    if (segment.over && !segment.stable) return;
    this.#known.add(segment.id);
    segments.splice(segments.findLastIndex((other) => inOrder(other, segment) < 0) + 1, 0, segment);
  }
}

/** @param {Segment} a @param {Segment} b */
function inOrder(a, b) {
  return a.start - b.start || a.channel - b.channel || a.id - b.id;
}

/** Of the segments that have text. @param {Segment[]} segments in order @returns {Turn[]} */
export function turns(segments) {
  /** @type {Turn[]} */
  const found = [];
  let heard = 0;
  for (const segment of segments) {
    if (!segment.stable && !segment.unstable) continue;
    const { channel, start, end } = segment;
    const turn = found.at(-1);
    if (turn?.channel === channel && start - heard < SILENT_S) {
      turn.segments.push(segment);
      turn.end = Math.max(turn.end, end);
    } else {
      found.push({ channel, start, end, segments: [segment] });
    }
    heard = Math.max(heard, end);
  }
  return found;
}

/**
 * When a channel talks, pauses of up to `pause` seconds included.
 *
 * @param {Segment[]} segments in order
 * @param {number} channel
 * @returns {Span[]}
 */
function speech(segments, channel, pause = 0) {
  /** @type {Span[]} */
  const found = [];
  for (const { channel: by, start, end } of segments) {
    if (by !== channel || end <= start) continue;
    const last = found.at(-1);
    if (last && start - last.end <= pause) last.end = Math.max(last.end, end);
    else found.push({ start, end });
  }
  return found;
}

/** When both talk. @param {Segment[]} segments in order @returns {Span[]} */
export function overlaps(segments) {
  const [firsts, seconds] = [speech(segments, 0), speech(segments, 1)];
  /** @type {Span[]} */
  const found = [];
  for (let i = 0, j = 0; i < firsts.length && j < seconds.length; ) {
    const start = Math.max(firsts[i].start, seconds[j].start);
    const end = Math.min(firsts[i].end, seconds[j].end);
    if (start < end) found.push({ start, end });
    if (firsts[i].end < seconds[j].end) i++;
    else j++;
  }
  return found;
}

/** @param {Segment[]} segments in order @returns {Interruption[]} in order */
export function interruptions(segments) {
  const sides = [speech(segments, 0, BREATH_S), speech(segments, 1, BREATH_S)];
  /** @type {Interruption[]} */
  const found = [];
  for (const by of [0, 1]) {
    const others = sides[1 - by];
    let i = 0;
    for (const { start, end } of sides[by]) {
      while (i < others.length && others[i].end <= start) i++;
      const held = others[i];
      if (!held || start - held.start < HELD_S || Math.min(end, held.end) - start < TOGETHER_S) continue;
      const yielded = held.end < end;
      if (yielded || end - start >= LISTENER_S) found.push({ at: start, by, yielded });
    }
  }
  return found.sort((a, b) => a.at - b.at || a.by - b.by);
}

/** @param {Segment[]} segments in order @param {number} [duration] seconds, where more is known than what was said */
export function statistics(segments, duration = 0) {
  const talked = [0, 1].map((channel) => total(speech(segments, channel)));
  const overlap = total(overlaps(segments));
  const taken = turns(segments);
  const broken = interruptions(segments);
  const sides = [0, 1].map((channel) => ({
    talk_s: rounded(talked[channel]),
    share: rounded(talked[channel] / (talked[0] + talked[1] || 1)),
    turns: taken.filter((turn) => turn.channel === channel).length,
    words: segments.reduce((sum, each) => sum + (each.channel === channel ? wordCount(each.stable) : 0), 0),
    interruptions: broken.filter(({ by }) => by === channel).length,
  }));
  const lasted = segments.reduce((latest, { end }) => Math.max(latest, end), duration);
  const silence_s = rounded(lasted - (talked[0] + talked[1] - overlap));
  /** @type {Statistics} */
  const told = { duration_s: rounded(lasted), silence_s, overlap_s: rounded(overlap), sides, interruptions: broken };
  return told;
}

/** @param {Span[]} spans */
function total(spans) {
  return spans.reduce((sum, { start, end }) => sum + end - start, 0);
}

/** @param {string} text */
function wordCount(text) {
  return text.split(/\s+/).filter(Boolean).length;
}

/** To the millisecond, as all times are. @param {number} value */
function rounded(value) {
  return Math.round(value * 1000) / 1000;
}
