// What a search finds in a text, and where.

import assert from "node:assert/strict";
import { test } from "node:test";

import { occurrences } from "../../clients/web/occurrences.js";

const found = (text, query) => occurrences(text, query).map(({ start, end }) => text.slice(start, end));

test("capitals, accents and runs of spaces make no difference", () => {
  assert.deepEqual(found("Café, CAFE and cafe\u0301s", "café"), ["Café".slice(0, 4), "CAFE", "cafe\u0301"]);
  assert.deepEqual(found("my  order\nnumber", "Order  Number"), ["order\nnumber"]);
  assert.deepEqual(found("ﬁne 🙂 day", "day"), ["day"]);
  assert.deepEqual(found("ﬁne", "fi"), ["ﬁ"]);
});

test("parts are apart from each other, and none is found of nothing", () => {
  assert.deepEqual(occurrences("aaaa", "aa"), [
    { start: 0, end: 2 },
    { start: 2, end: 4 },
  ]);
  assert.deepEqual(found("anything", "  "), []);
  assert.deepEqual(found("anything", "x"), []);
  assert.deepEqual(found("", "x"), []);
});
