// What a call is made of, event by event, and the cards that it raises.

import assert from "node:assert/strict";
import { test } from "node:test";

import { CallModel } from "../../clients/web/callmodel.js";

/** A rule for one word: as many places as it has letters, each behind the other. */
function rule(word, fields = {}) {
  const places = [...word].map((_, place) => place);
  const automaton = {
    sets: [...word].map((letter) => [[letter.codePointAt(0), letter.codePointAt(0)]]),
    first: [0],
    follow: places.map((place) => (place + 1 < word.length ? [place + 1] : [])),
    last: [word.length - 1],
  };
  return { name: word, hint: "h", side: null, severity: "info", cooldown_s: null, automaton, ...fields };
}

const rules = { data: [rule("refund")], digits: {} };
const started = (segment, channel, at) => ({ type: "speech_started", segment, channel, at });
const partial = (segment, channel, start, end, stable_text, unstable_text = "") => {
  return { type: "partial", segment, channel, start, end, stable_text, unstable_text };
};
const final = (segment, channel, start, end, text) => ({ type: "final", segment, channel, start, end, text });

test("a card is raised with the event that makes its words stable", () => {
  const call = new CallModel(rules);
  assert.deepEqual(call.apply(started(0, 0, 1)), []);
  assert.deepEqual(call.apply(partial(0, 0, 1, 2, "a", " refund")), []);
  const [card] = call.apply(partial(0, 0, 1, 3, "a refund", " now"));
  assert.deepEqual([card.rule, card.at, call.text(card.places)], ["refund", 3, "refund"]);
  assert.deepEqual(call.apply(final(0, 0, 1, 3, "a refund now")), []);
  assert.deepEqual([...call.changed], [0]);
  assert.equal(call.duration, 3);
});

test("a call is complete when it was followed from its beginning to its end", () => {
  const watching = { type: "watching", session: "s1", model: "base", first_seq: 1, missed: 0 };
  const done = { type: "done", audio_s: 9 };
  for (const [missed, complete] of [
    [0, true],
    [3, false],
  ]) {
    const call = new CallModel(rules);
    call.apply({ ...watching, missed });
    assert.equal(call.complete, false);
    call.apply(final(0, 0, 1, 2, "hello"));
    call.apply(done);
    assert.deepEqual([call.session, call.model, call.complete, call.duration], ["s1", "base", complete, 9]);
  }
});

test("what a lost connection leaves open is heard again, and raises no second card", () => {
  const call = new CallModel(rules);
  const ready = { type: "ready", session: "s1", model: "base" };
  call.apply(ready);
  const [card] = call.apply(partial(0, 0, 1, 3, "a refund"));
  call.apply({ ...ready, session: "s2" });
  assert.deepEqual(call.segments, []);
  assert.deepEqual(call.apply(final(1, 0, 1, 3, "a refund")), []);
  assert.equal(call.text(card.places), "refund");
  assert.equal(call.segments.length, 1);
});

test("channels beyond the two sides are left out", () => {
  const call = new CallModel(rules);
  assert.deepEqual(call.apply(final(0, 2, 1, 2, "refund")), []);
  assert.deepEqual([call.crowded, call.segments, call.finals], [true, [], []]);
});

test("the document has names, cards with their words, and who dismissed them", () => {
  const call = new CallModel(rules);
  const [card] = call.apply(final(0, 1, 1, 2, "a refund"));
  const record = call.record(["Ana", "Sam"], [{ card, dismissed: true }]);
  assert.deepEqual(record.speakers, ["Ana", "Sam"]);
  assert.deepEqual([record.cards[0].text, record.cards[0].dismissed, record.complete], ["refund", true, false]);
});
