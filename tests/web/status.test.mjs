// How things stand, in words.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Delay, live, reconnecting, trouble } from "../../clients/web/status.js";

test("the delay that is told is the median of the latest", () => {
  const delay = new Delay();
  assert.equal(live(delay.median), "Live");
  for (const seconds of [9, 0.4, 0.6]) delay.add(seconds);
  assert.equal(live(delay.median), "Live, words after 0.6 s");
  for (let i = 0; i < 30; i++) delay.add(2);
  assert.equal(live(delay.median), "Live, words after 2.0 s");
  assert.match(live(delay.median, true), /busy/);
});

test("a reconnection tells when the next try is", () => {
  assert.equal(reconnecting({ attempt: 1, in_s: 0.2 }), "Reconnecting…");
  assert.equal(reconnecting({ attempt: 3, in_s: 3.2 }), "Reconnecting… next try in 4 s");
});

test("trouble is told by who can do something about it", () => {
  const error = (name, message, more = {}) => Object.assign(new Error(message), { name, ...more });
  assert.equal(trouble(error("ConnectError", "nothing listens there")), "The server is gone. Nothing listens there.");
  assert.equal(trouble(error("RefusedError", "no seat (HTTP 503)", { status: 503, reason: "no seat" })), "The server takes no more sessions now. No seat.");
  assert.equal(trouble(error("SessionError", "x", { reason: "no model `x`", hint: "there is `y`" })), "No model `x`: there is `y`.");
  assert.equal(trouble(error("AudioError", "there is no microphone")), "There is no microphone.");
});
