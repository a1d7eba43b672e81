// Events put together into segments.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Transcript } from "../../clients/web/transcript.js";

const started = (segment, at) => ({ type: "speech_started", segment, channel: 0, at });
const partial = (segment, stable_text, unstable_text) =>
  ({ type: "partial", segment, channel: 0, start: 1, end: 2, stable_text, unstable_text });
const final = (segment, text) => ({ type: "final", segment, channel: 0, start: 1, end: 3, text });

test("a segment is what its latest event says", () => {
  const transcript = new Transcript();
  const of = { id: 0, channel: 0 };
  assert.deepEqual(transcript.apply(started(0, 1)), [{ ...of, start: 1, end: 1, stable: "", unstable: "", over: false }]);
  assert.deepEqual(transcript.apply(partial(0, "Good", " mor")), [
    { ...of, start: 1, end: 2, stable: "Good", unstable: " mor", over: false },
  ]);
  const said = { ...of, start: 1, end: 3, stable: "Good morning.", unstable: "", over: true };
  assert.deepEqual(transcript.apply(final(0, "Good morning.")), [said]);
  assert.deepEqual(transcript.finals, [final(0, "Good morning.")]);
});

test("what turns out to say nothing leaves nothing", () => {
  const transcript = new Transcript();
  transcript.apply(partial(0, "", "hm"));
  const [gone] = transcript.apply({ type: "suppressed", segment: 0, channel: 0, start: 1, end: 2, reason: "noise" });
  assert.deepEqual([gone.stable + gone.unstable, gone.over, transcript.finals], ["", true, []]);
});

test("a new connection makes void what was open, and leaves what had its final", () => {
  const transcript = new Transcript();
  transcript.apply(final(0, "Good morning."));
  transcript.apply(partial(1, "Can you", " hear"));
  const [gone, ...others] = transcript.apply({ type: "ready" });
  assert.deepEqual([gone.id, gone.stable + gone.unstable, gone.over, others], [1, "", true, []]);
  assert.deepEqual(transcript.apply({ type: "ready" }), []);
});

test("another session's segments are others, though they count from 0 again", () => {
  const transcript = new Transcript();
  transcript.begin();
  transcript.apply(final(0, "one"));
  transcript.apply(partial(1, "two", ""));
  assert.deepEqual(transcript.begin().map(({ id }) => id), [1]);
  assert.deepEqual(transcript.apply(final(0, "three")).map(({ id }) => id), [2]);
});

test("what says nothing of segments changes none", () => {
  const transcript = new Transcript();
  for (const type of ["ack", "warning", "speech_ended", "watching", "what comes with version 2"]) {
    assert.deepEqual(transcript.apply({ type }), []);
  }
});
