import assert from "node:assert/strict";
import { test } from "node:test";

import { endpoint } from "../../../clients/js/address.js";
import { Backoff } from "../../../clients/js/backoff.js";
import {
  ConnectError,
  IncompleteError,
  ProtocolError,
  RefusedError,
  SessionError,
} from "../../../clients/js/errors.js";
import { decode, parse } from "../../../clients/js/events.js";
import { Inbox } from "../../../clients/js/inbox.js";
import { random } from "./signals.mjs";

// -- messages ---------------------------------------------------------------------------------------------------------

const SEGMENT = { segment: 0, channel: 0, start: 0, end: 1 };
const PARTIAL = { type: "partial", ...SEGMENT, text: "", stable: 0, language: null, lag_ms: 0 };

for (const [text, stable, first, second] of [
  ["Guten Tach", 5, "Guten", " Tach"],
  ["Hi 👋🏽 all", 4, "Hi 👋", "🏽 all"],
  ["𝒳𝒴𝒵", 2, "𝒳𝒴", "𝒵"],
  ["\u00e9", 1, "e", "\u0301"],
  ["ab", 0, "", "ab"],
  ["ab", 2, "ab", ""],
  ["ab", 9, "ab", ""],
]) {
  test(`${stable} code points of "${text}" are stable`, () => {
    const { stable_text, unstable_text } = decode({ ...PARTIAL, text: text.normalize("NFD"), stable });
    assert.deepEqual([stable_text, unstable_text], [first, second]);
  });
}

test("unknown types are none, unknown fields stay, and missing or wrong ones are errors", () => {
  assert.equal(decode({ type: "applause", seq: 1 }), undefined);
  assert.equal(decode({ type: "toString" }), undefined);
  assert.equal(decode({}), undefined);
  assert.equal(decode({ type: "ack", received: 1, durable: 0, motd: "hi" }).motd, "hi");
  assert.throws(() => decode({ type: "ack", received: 1 }), /`ack.durable` is undefined/);
  assert.throws(() => decode({ ...PARTIAL, text: null }), /`partial.text` is null/);
  assert.throws(() => decode({ ...PARTIAL, words: 5 }), ProtocolError);
  const { options } = decode({ type: "configured", seq: 1, language: "de", words: true });
  assert.deepEqual(options, { language: "de", words: true });
});

for (const frame of ["hello", "[]", "5", "null", "", new ArrayBuffer(2)]) {
  test(`${frame} is no message`, () => assert.throws(() => parse(frame), ProtocolError));
}

// -- what waits for a reader ------------------------------------------------------------------------------------------

test("the latest partial of each segment and the latest ack remain, and a segment's end replaces its partial", () => {
  const inbox = new Inbox();
  const put = (...events) => events.forEach((event) => inbox.put(event));
  const partial = (segment, text) => ({ type: "partial", segment, text });
  put(partial(0, "a"), { type: "ack", received: 1 }, partial(1, "b"), partial(0, "c"), { type: "ack", received: 2 });
  put({ type: "final", segment: 1 }, { type: "suppressed", segment: 7 }, { type: "warning" }, { type: "warning" });
  const taken = [];
  while (inbox.size) taken.push(inbox.take());
  assert.deepEqual(
    taken.map(({ type, text, received }) => text ?? received ?? type),
    ["c", 2, "final", "suppressed", "warning", "warning"],
  );
  assert.equal(inbox.take(), undefined);
});

test("whatever the order of the two, nothing that counts is lost or overtaken, and partials are one a segment", () => {
  const next = random(3);
  const inbox = new Inbox();
  const [put, taken] = [[], []];
  for (let seq = 0; seq < 2_000; seq++) {
    const type = ["partial", "final", "warning"][Math.floor(3 * next())];
    const event = { type, seq, segment: Math.floor(4 * next()) };
    put.push(event);
    inbox.put(event);
    while (next() < 0.4) taken.push(inbox.take());
  }
  while (inbox.size) taken.push(inbox.take());
  const counting = (events) => events.filter((event) => event && event.type !== "partial");
  assert.deepEqual(counting(taken), counting(put));
  const seqs = taken.filter(Boolean).map(({ seq }) => seq);
  assert.deepEqual(seqs, seqs.toSorted((one, other) => one - other));
  for (const segment of [0, 1, 2, 3]) {
    const last = put.findLast((event) => event.segment === segment && event.type !== "warning");
    assert(last.type === "final" || taken.includes(last));
  }
});

test("many events that wait are read in no time", () => {
  const inbox = new Inbox();
  for (let segment = 0; segment < 100_000; segment++) inbox.put({ type: "final", segment });
  const begun = performance.now();
  while (inbox.size) inbox.take();
  assert(performance.now() - begun < 2_000); // 8 s if each was looked for from the front
});

// -- addresses --------------------------------------------------------------------------------------------------------

for (const [url, address] of [
  ["ws://127.0.0.1:8765", "ws://127.0.0.1:8765/v1/stream"],
  ["http://[::1]:8765/", "ws://[::1]:8765/v1/stream"],
  ["https://a.example/v1/stream", "wss://a.example/v1/stream"],
  [new URL("wss://a.example/steno/"), "wss://a.example/steno/v1/stream"],
]) {
  test(`${url} is an address`, () => assert.equal(endpoint(url, "stream"), address));
}

const NO_ADDRESSES = ["127.0.0.1:8765", "localhost", "", "ftp://a", "ws://", "ws://a:port", "ws://a/#k", "ws://a?key=k"];
for (const url of [...NO_ADDRESSES, "ws://key@a"]) {
  test(`"${url}" is none, or tells a secret`, () => assert.throws(() => endpoint(url, "stream"), TypeError));
}

// -- when to try again ------------------------------------------------------------------------------------------------

test("attempts come less and less often, for as long as was asked", () => {
  const backoff = new Backoff(20);
  const lost = new ConnectError("nothing answers");
  let now = 100;
  const waits = [];
  for (let wait; (wait = backoff.next(lost, now, 1)) !== undefined; now += wait) waits.push(wait);
  assert.deepEqual(waits, [0.5, 1, 2, 4, 5, 5]);
  backoff.reset();
  assert.equal(backoff.next(lost, now, 0), 0.25);
});

test("a server that names a time is given it", () => {
  assert.equal(new Backoff(20).next(new RefusedError(503, "overloaded", "full", 7), 0, 0), 7);
  assert.equal(new Backoff(5).next(new RefusedError(503, "overloaded", "full", 7), 0, 0), undefined);
});

test("only what may pass is tried again", () => {
  const marks = { received: 0, durable: 0 };
  const tried = (error) => new Backoff(20).next(error, 0, 0) !== undefined;
  const ended = (code) => new SessionError(code, "", null, marks);
  for (const code of ["draining", "engine_failed", "slow_reader", "timed_out"]) assert(tried(ended(code)));
  for (const status of [429, 502, 503]) assert(tried(new RefusedError(status, "", "")));
  assert(tried(new IncompleteError("", marks)));
  for (const code of ["bad_request", "unknown_model"]) assert(!tried(ended(code)));
  for (const status of [401, 403, 404]) assert(!tried(new RefusedError(status, "", "")));
  for (const error of [new ProtocolError(""), new TypeError("")]) assert(!tried(error));
  assert.equal(new Backoff(0).next(new ConnectError(""), 0, 0), undefined);
});
