// A call as it is downloaded.

import assert from "node:assert/strict";
import { test } from "node:test";

import { callRecord } from "../../clients/web/record.js";

const about = { session: "s1", model: "base", complete: true, speakers: ["Ana", "Sam"], duration: 9 };
const segment = (id, channel, start, end, stable, over = true) => {
  return { id, channel, start, end, stable, unstable: "", over };
};
const word = (text, start, end) => ({ text, start, end, confidence: 0.9 });
const card = {
  id: 0,
  rule: "Refund",
  severity: "warning",
  hint: "Be kind.",
  channel: 0,
  at: 2,
  places: [{ segment: 0, start: 0, end: 2 }],
  text: "My",
  dismissed: true,
};

test("turns, words, cards and statistics, of what is final", () => {
  const segments = [segment(0, 0, 0, 1, "My order"), segment(2, 0, 2, 3, "is late"), segment(1, 1, 4, 5, "still", false)];
  const finals = [
    { segment: 0, words: [word("My", 0, 0.4), word("order", 0.5, 1)] },
    { segment: 2, words: [word("is", 2, 2.4), word("late", 2.5, 3)] },
  ];
  const record = callRecord(about, segments, finals, [card]);
  assert.equal(record.format, "steno-call-1");
  assert.deepEqual(record.speakers, ["Ana", "Sam"]);
  assert.deepEqual(record.turns, [
    { speaker: 0, start: 0, end: 3, text: "My order is late", words: [...finals[0].words, ...finals[1].words] },
  ]);
  assert.deepEqual(record.cards, [
    { rule: "Refund", severity: "warning", hint: "Be kind.", speaker: 0, at: 2, text: "My", dismissed: true },
  ]);
  assert.equal(record.statistics.sides[0].talk_s, 2);
  assert.equal(record.statistics.silence_s, 7);
});

test("words that the session did not list are none", () => {
  const record = callRecord(about, [segment(0, 1, 0, 1, "hello")], [{ segment: 0 }], []);
  assert.equal(record.turns[0].words, null);
  assert.deepEqual(callRecord(about, [], [], []).turns, []);
});
