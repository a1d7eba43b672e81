/**
 * Finals to captions that can be read while they show.
 *
 * At most two lines of 42 columns, at most 7 s and at least 1 s, long enough to read at 17 columns a second where the
 * next one lets it, none over another of its channel; cut at pauses and where sentences and phrases end. Servers and
 * the `steno` command follow the same rules: `tests/wire/captions/` holds all of them to these. Knows nothing of
 * documents.
 */

import { columnsOf } from "./columns.js";
import { LINE, PHRASE, pieces, readingMs, SENTENCE, spaced, textOf } from "./pieces.js";

/** @import { Caption, Said } from "./subtitles.js" */
/** @import { Piece } from "./pieces.js" */

const LONGEST_MS = 7_000;
/** The next one waits for this, but only where both don't fit into one: words so close have wrong times. */
const SHORTEST_MS = 1_000;
/** Silence that always ends a caption; a third of it is where one may well end. */
const PAUSE_MS = 1_000;
/** A caption stays until the next one where less than this would lie between them. */
const FLICKER_MS = 500;

/** @param {Iterable<Said>} finals @returns {Caption[]} */
export function captions(finals) {
  /** @type {Map<number, Said[]>} */
  const channels = new Map();
  for (const final of finals) channels.set(final.channel, [...(channels.get(final.channel) ?? []), final]);
  return [...channels]
    .flatMap(([channel, said]) => shown(groups(said), channel))
    .sort((one, other) => one.start_ms - other.start_ms || one.channel - other.channel);
}

/**
 * The pieces of each caption of a channel. A final ends with a caption, unless that is too short to stand alone before
 * the next one.
 * @param {Said[]} finals
 */
function groups(finals) {
  /** @type {Piece[][]} */
  const done = [];
  /** @type {Piece[]} */
  let held = [];
  for (const final of finals) {
    let said = pieces(final, held.at(-1)?.end_ms ?? 0);
    if (!said.length) continue;
    if (held.length && said[0].start_ms - held[0].start_ms < SHORTEST_MS) {
      const [first, ...rest] = said;
      said = [...held, { ...first, spaced: spaced(held[held.length - 1].text, first.text) }, ...rest];
    } else if (held.length) {
      done.push(held);
    }
    const all = cut(said);
    held = all.pop() ?? [];
    done.push(...all);
  }
  if (held.length) done.push(held);
  return done;
}

/**
 * Long enough to read, and none over the next. The last one may stay behind the end of its final.
 * @param {Piece[][]} groups @param {number} channel @returns {Caption[]}
 */
function shown(groups, channel) {
  let free = 0;
  return groups.map((group, index) => {
    const following = groups[index + 1];
    const start = Math.max(group[0].start_ms, free);
    const readable = start + Math.max(SHORTEST_MS, readingMs(columnsOf(textOf(group))));
    let end = Math.max(group[group.length - 1].end_ms, readable);
    if (following && following[0].start_ms - end < FLICKER_MS) end = following[0].start_ms;
    free = Math.max(start + SHORTEST_MS, Math.min(end, start + LONGEST_MS));
    return { start_ms: start, end_ms: free, lines: linesOf(group), channel };
  });
}

/**
 * The pieces of each caption: of all ways to cut them that fit, the one of least cost.
 * @param {Piece[]} said
 */
function cut(said) {
  const reach = [0];
  for (const piece of said) reach.push(reach[reach.length - 1] + Number(piece.spaced) + columnsOf(piece.text));
  const least = [0, ...said.map(() => Infinity)];
  const begin = least.map(() => 0);
  said.forEach((piece, first) => {
    let lineEnd = first;
    for (let end = first + 1; end <= said.length; end++) {
      const last = said[end - 1];
      const columns = reach[end] - reach[first] - Number(piece.spaced);
      if (columns <= LINE) lineEnd = end;
      else if (reach[end] - reach[lineEnd] - Number(said[lineEnd].spaced) > LINE) break;
      const several = end - first > 1;
      if (several && last.end_ms - piece.start_ms > LONGEST_MS) break;
      if (several && last.start_ms - said[end - 2].end_ms >= PAUSE_MS) break;
      const cost = least[first] + costOf(columns, piece.start_ms, last, said[end]);
      if (cost < least[end]) {
        least[end] = cost;
        begin[end] = first;
      }
    }
  });
  const cuts = [];
  for (let end = said.length; end > 0; end = begin[end]) cuts.unshift(said.slice(begin[end], end));
  return cuts;
}

/**
 * What is bad about a caption, in milliseconds that its readers lack; those too short are worse than all else.
 * @param {number} columns @param {number} start @param {Piece} last @param {Piece | undefined} following
 */
function costOf(columns, start, last, following) {
  const room = following ? Math.min(LONGEST_MS, following.start_ms - start) : LONGEST_MS;
  const tooShort = room < SHORTEST_MS ? 100_000 : 0;
  const rushed = Math.max(0, readingMs(columns) - room);
  return tooShort + rushed + border(last, following) + Math.floor((2 * LINE - columns) ** 2 / 10);
}

/**
 * How much it hurts to break between two pieces.
 * @param {Piece} last @param {Piece | undefined} following
 */
function border(last, following) {
  if (!following || SENTENCE.test(last.text)) return 0;
  return PHRASE.test(last.text) || following.start_ms - last.end_ms >= Math.floor(PAUSE_MS / 3) ? 100 : 400;
}

/**
 * The text on one line, else on two of about equal length, the first one rather to the end of a phrase.
 * @param {Piece[]} group
 */
function linesOf(group) {
  const whole = textOf(group);
  if (columnsOf(whole) <= LINE) return [whole];
  let best = 1;
  let least = Infinity;
  for (let at = 1; at < group.length; at++) {
    const first = columnsOf(textOf(group.slice(0, at)));
    const second = columnsOf(textOf(group.slice(at)));
    const tooLong = Math.max(first, second) > LINE ? 1_000 : 0;
    const cost = tooLong + Math.abs(first - second) + Math.floor(border(group[at - 1], group[at]) / 40);
    if (cost < least) {
      least = cost;
      best = at;
    }
  }
  return [textOf(group.slice(0, best)), textOf(group.slice(best))];
}
