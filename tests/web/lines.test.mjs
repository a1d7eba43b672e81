// Lines of captions: what is stable stays in its place, whatever else comes, and every line fits.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Lines, split } from "../../clients/web/lines.js";

const WIDTH = 20;
const measure = (text) => Array.from(text).length;
const segment = (id, stable, unstable = "", more = {}) =>
  ({ id, channel: 0, start: 10 * id, end: 10 * id + 5, stable, unstable, over: false, ...more });
const texts = (lines) =>
  lines.from(0).map(({ words }) => words.map((word, i) => (i && word.spaced ? " " : "") + word.text).join(""));

function lines(...segments) {
  const made = new Lines(WIDTH, measure);
  for (const each of segments) made.update(each);
  return made;
}

test("words are parted at spaces, and say how much of them is stable", () => {
  assert.deepEqual(split("Good morning", ". Can"), [
    { text: "Good", stable: 4, spaced: false },
    { text: "morning.", stable: 7, spaced: true },
    { text: "Can", stable: 0, spaced: true },
  ]);
});

test("a script without spaces is parted behind each character, and no line begins with its comma", () => {
  assert.deepEqual(split("今日は、", "雨").map(({ text }) => text), ["今", "日", "は、", "雨"]);
});

test("a line takes as many words as fit", () => {
  assert.deepEqual(texts(lines(segment(0, "", "one two three four five six seven"))), ["one two three four", "five six seven"]);
});

test("a stable word stays in its line though there would be room for it now", () => {
  const made = lines(segment(0, "one two three four five", ""));
  const before = texts(made);
  made.update(segment(0, "one two three four five", " six"));
  assert.deepEqual(texts(made), [before[0], "five six"]);
});

test("a comma that comes late changes no line", () => {
  const made = lines(segment(0, "aaaa bbbb cccc dddd0"));
  made.update(segment(0, "aaaa bbbb cccc dddd0", ", eeee"));
  assert.deepEqual(texts(made), ["aaaa bbbb cccc dddd0,", "eeee"]);
});

test("after a short pause the line goes on, after a long one another begins", () => {
  const over = (id, text, start, end) => segment(id, text, "", { start, end, over: true });
  assert.deepEqual(texts(lines(over(0, "One.", 0, 1), over(1, "Two.", 1.5, 2), over(2, "Three.", 4, 5))), ["One. Two.", "Three."]);
});

test("another channel begins a line of its own, with a dash", () => {
  const made = lines(
    segment(0, "Yes.", "", { over: true, end: 5 }),
    segment(1, "No", " way", { channel: 1, start: 5.2 }),
  );
  assert.deepEqual(texts(made), ["Yes.", "– No way"]);
});

test("two channels at once don't share lines, and neither moves the other", () => {
  const made = lines(segment(0, "", "aaaa bbbb cccc dddd eeee"), segment(1, "ffff", " gggg", { channel: 1 }));
  assert.deepEqual(texts(made), ["– ffff gggg", "aaaa bbbb cccc dddd", "eeee"]);
  made.update(segment(0, "aaaa bbbb cccc dddd eeee"));
  assert.deepEqual(texts(made), ["– ffff gggg", "aaaa bbbb cccc dddd", "eeee"]);
  made.update(segment(1, "ffff gggg hhhh iiii jjjj", "", { channel: 1, over: true }));
  assert.deepEqual(texts(made), ["– ffff gggg hhhh", "aaaa bbbb cccc dddd", "eeee", "iiii jjjj"]);
});

test("a word wider than a line is cut", () => {
  assert.deepEqual(texts(lines(segment(0, "a".repeat(45)))), ["a".repeat(20), "a".repeat(20), "a".repeat(5)]);
});

test("what a lost connection has made void goes, and its lines are free again", () => {
  const made = lines(segment(0, "said", "", { over: true }), segment(1, "one two three four five", " six"));
  made.update(segment(1, "", "", { over: true }));
  assert.deepEqual(texts(made), ["said"]);
  made.update(segment(2, "again"));
  assert.deepEqual(texts(made), ["said", "again"]);
});

test("lines that are forgotten are gone, and the others where they were", () => {
  const made = lines();
  for (let id = 0; id < 1000; id++) {
    made.update(segment(id, `word ${id}`, "", { over: true }));
    made.forget(made.rows - 5);
  }
  assert.deepEqual(made.from(0).filter(({ words }) => words.length).map(({ row }) => row), [995, 996, 997, 998, 999]);
});

/** Numbers from 0 to 1 that are the same in each run. */
function* random(seed) {
  for (let state = seed; ; ) yield (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
}

test("whatever is revised, stable words never move and lines are never too wide", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const numbers = random(seed);
    const next = (most) => Math.floor(numbers.next().value * most);
    const word = () => "abcdefghijkl".slice(0, 1 + next(11));
    const made = lines();
    const open = new Map();
    const placed = new Map();
    for (let step = 0, id = 0; step < 60; step++) {
      const channel = next(2);
      const state = open.get(channel) ?? { id: id++, stable: [] };
      for (let more = next(3); more > 0; more--) state.stable.push(word());
      const over = next(5) === 0;
      const unstable = over ? "" : Array.from({ length: next(8) }, () => ` ${word()}`).join("");
      made.update(segment(state.id, state.stable.join(" "), unstable, { channel, over, start: step, end: step + next(3) }));
      over ? open.delete(channel) : open.set(channel, state);
      for (const { row, words } of made.from(0)) {
        let at = 0;
        words.forEach((each, i) => {
          if (i && each.spaced) at++;
          const key = `${row} ${i}`;
          if (placed.has(key)) assert.deepEqual([at, each.text], placed.get(key), `seed ${seed}, step ${step}`);
          if (each.stable) placed.set(key, [at, each.text]);
          at += measure(each.text);
        });
        assert.ok(at <= WIDTH, `seed ${seed}, step ${step}: ${at}`);
      }
    }
  }
});
