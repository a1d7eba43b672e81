// Turns, overlaps, interruptions and talk time, from segments and from the events that make them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Transcript } from "../../clients/web/transcript.js";
import { Timeline, interruptions, overlaps, statistics, turns } from "../../clients/web/turns.js";

let numbers = 0;

/** A segment that is over. */
function said(channel, start, end, text = "hello there") {
  return { id: numbers++, channel, start, end, stable: text, unstable: "", over: true };
}

function timeline(...segments) {
  const line = new Timeline();
  segments.forEach((segment) => line.put(segment));
  return line.segments;
}

/** Numbers from 0 to 1, the same each time (mulberry32). */
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** The events of one channel: some seconds of speech, with partials, some of it suppressed. */
function* events(channel, next, count) {
  let at = next();
  for (let each = 0; each < count; each++) {
    const segment = 2 * each + channel;
    const end = at + 0.1 + 4 * next();
    const times = { segment, channel, start: at, end };
    yield { type: "speech_started", segment, channel, at };
    yield { type: "partial", ...times, end: (at + end) / 2, stable_text: "one", unstable_text: " tw" };
    yield { type: "speech_ended", segment, channel, at: end, reason: "endpoint" };
    yield next() < 0.2 ? { type: "suppressed", ...times } : { type: "final", ...times, text: "one two" };
    at = end + (next() < 0.3 ? 8 : 1) * next();
  }
}

test("the order in which the channels' events arrive makes no difference", () => {
  for (let seed = 0; seed < 200; seed++) {
    const next = random(seed);
    const sides = [0, 1].map((channel) => [...events(channel, next, 1 + Math.floor(8 * next()))]);
    const seen = Array.from({ length: 3 }, () => {
      const queues = sides.map((side) => [...side]);
      const [transcript, line] = [new Transcript(), new Timeline()];
      while (queues.some((queue) => queue.length)) {
        const queue = queues[Math.floor(2 * next())];
        if (queue.length) transcript.apply(queue.shift()).forEach((segment) => line.put(segment));
      }
      return { turns: turns(line.segments), statistics: statistics(line.segments) };
    });
    assert.deepEqual(seen[1], seen[0]);
    assert.deepEqual(seen[2], seen[0]);
  }
});

test("every moment is somebody's, everybody's or nobody's", () => {
  for (let seed = 0; seed < 200; seed++) {
    const next = random(seed);
    const segments = timeline(
      ...[0, 1].flatMap((channel) =>
        [...events(channel, next, 9)].filter(({ type }) => type === "final").map((e) => said(channel, e.start, e.end)),
      ),
    );
    const { duration_s, silence_s, overlap_s, sides } = statistics(segments);
    assert.ok(Math.abs(sides[0].talk_s + sides[1].talk_s - overlap_s + silence_s - duration_s) < 0.01);
    assert.ok(segments.length === 0 || Math.abs(sides[0].share + sides[1].share - 1) < 0.002);
    assert.equal(
      turns(segments).reduce((sum, turn) => sum + turn.segments.length, 0),
      segments.length,
    );
  }
});

test("a turn lasts until the other side begins, or nobody talks for long", () => {
  const segments = timeline(said(0, 0, 2), said(0, 3, 4), said(1, 4.5, 6), said(0, 6.5, 8), said(0, 14, 15));
  assert.deepEqual(
    turns(segments).map(({ channel, start, end }) => [channel, start, end]),
    [
      [0, 0, 4],
      [1, 4.5, 6],
      [0, 6.5, 8],
      [0, 14, 15],
    ],
  );
});

test("a long segment of the other side is no silence", () => {
  const segments = timeline(said(0, 0, 20), said(0, 21, 22));
  assert.equal(turns(segments).length, 1);
  assert.equal(turns(timeline(said(0, 0, 20), said(1, 1, 2), said(1, 19, 20))).length, 2);
});

test("a segment is replaced as it goes on, and vanishes where it says nothing", () => {
  const line = new Timeline();
  const open = { id: 1, channel: 0, start: 5, end: 5, stable: "", unstable: "", over: false };
  line.put(open);
  line.put({ id: 2, channel: 1, start: 4, end: 6, stable: "yes", unstable: "", over: false });
  assert.deepEqual(line.segments.map(({ id }) => id), [2, 1]);
  assert.equal(turns(line.segments).length, 1);
  line.put({ ...open, start: 3, end: 6, unstable: "well" });
  assert.deepEqual(line.segments.map(({ id }) => id), [1, 2]);
  line.put({ ...open, end: 6, over: true });
  assert.deepEqual(line.segments.map(({ id }) => id), [2]);
});

test("where both talk, whoever began and however often", () => {
  const segments = timeline(said(0, 0, 10), said(1, 1, 2), said(1, 5, 6), said(1, 9, 12), said(0, 11, 13));
  assert.deepEqual(overlaps(segments), [
    { start: 1, end: 2 },
    { start: 5, end: 6 },
    { start: 9, end: 10 },
    { start: 11, end: 12 },
  ]);
  assert.equal(statistics(segments).overlap_s, 4);
});

test("who breaks in and is given way has interrupted, and who is not has tried", () => {
  assert.deepEqual(interruptions(timeline(said(0, 0, 4), said(1, 3, 7))), [{ at: 3, by: 1, yielded: true }]);
  assert.deepEqual(interruptions(timeline(said(0, 0, 9), said(1, 3, 5))), [{ at: 3, by: 1, yielded: false }]);
  assert.deepEqual(interruptions(timeline(said(1, 0, 4), said(0, 3, 7))), [{ at: 3, by: 0, yielded: true }]);
});

test("to take over at the end, to begin at once and to say mm-hm is no interruption", () => {
  assert.deepEqual(interruptions(timeline(said(0, 0, 4), said(1, 3.8, 7))), []);
  assert.deepEqual(interruptions(timeline(said(0, 0, 4), said(1, 0.5, 7))), []);
  assert.deepEqual(interruptions(timeline(said(0, 0, 9), said(1, 3, 3.6))), []);
  assert.deepEqual(interruptions(timeline(said(0, 0, 3), said(1, 4, 7))), []);
});

test("a breath doesn't end what a side has to say", () => {
  const held = timeline(said(0, 0, 2), said(0, 2.6, 6), said(1, 3, 8));
  assert.deepEqual(interruptions(held), [{ at: 3, by: 1, yielded: true }]);
  const paused = timeline(said(0, 0, 2), said(0, 4, 7), said(1, 4.5, 8));
  assert.deepEqual(interruptions(paused), []);
});

test("a call is as long as it is said to be, or as what was said in it", () => {
  assert.equal(statistics([], 60).silence_s, 60);
  assert.equal(statistics(timeline(said(1, 2, 8)), 6).duration_s, 8);
  assert.deepEqual(statistics(timeline(said(1, 2, 8, "one two three"))).sides, [
    { talk_s: 0, share: 0, turns: 0, words: 0, interruptions: 0 },
    { talk_s: 6, share: 1, turns: 1, words: 3, interruptions: 0 },
  ]);
});
