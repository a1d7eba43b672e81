import assert from "node:assert/strict";
import { test } from "node:test";

import { connect as connectWith, IncompleteError, SessionError } from "../../../clients/js/steno.js";
import { read, REFUSE, serving, WebSocket } from "./peer.mjs";

Math.random = () => 0; // attempts come as soon as they may
const connect = (url, options) => connectWith(url, { WebSocket, reconnect_s: 20, ...options });
const samples = (...numbers) => Int16Array.from(numbers);
const heard = async (peer, count) => {
  const audio = await peer.audio(2 * count);
  return [...new Int16Array(audio.buffer, audio.byteOffset, count)];
};

/** The events that count, in short. */
function short(events) {
  const told = events.map(({ type, seq, segment, text }) => [type, seq, segment, text]);
  return told.map((fields) => fields.filter((field) => field !== undefined));
}

test("a session goes on with what no final covers", async () => {
  async function first(peer) {
    assert.deepEqual(await peer.open(), { type: "start", language: "en" });
    assert.deepEqual(await heard(peer, 6), [1, 2, 3, 4, 5, 6]);
    peer.tell("speech_started", { segment: 0, channel: 0, at: 0 });
    peer.final(0, "One.", { end: 2 / 16_000 });
    peer.say("ack", { received: 6, durable: 3 });
    peer.tell("speech_started", { segment: 1, channel: 0, at: 0 });
    peer.partial(1, "Tw");
    peer.vanish();
  }
  async function second(peer) {
    assert.deepEqual(await peer.open(), { type: "start", language: "en", offset: 3 });
    assert.deepEqual(await heard(peer, 5), [4, 5, 6, 7, 8]);
    peer.say("ack", { received: 8, durable: 3 });
    peer.tell("speech_started", { segment: 0, channel: 0, at: 0 });
    peer.final(0, "Two.");
    assert.deepEqual(await peer.hear(), { type: "stop" });
    peer.done(8);
  }
  await serving([first, REFUSE, second], async (url) => {
    const session = await connect(url, { language: "en" });
    session.send(samples(1, 2, 3, 4, 5, 6));
    const events = [];
    for await (const event of session) {
      events.push(event);
      if (event.type === "reconnecting" && event.attempt === 1) {
        assert.match(event.error.message, /^the connection was lost: 1006/);
        session.send(samples(7, 8));
        session.stop();
      }
    }
    assert.deepEqual(short(events), [
      ["ready"],
      ["speech_started", 1, 0],
      ["final", 2, 0, "One."],
      ["ack"],
      ["speech_started", 3, 1],
      ["partial", 1, "Tw"],
      ["reconnecting"],
      ["reconnecting"],
      ["ready"],
      ["ack"],
      ["speech_started", 4, 2],
      ["final", 5, 2, "Two."],
      ["done", 6],
    ]);
    assert.deepEqual([session.received, session.durable], [8, 8]);
  }, () => [502, "the proxy finds nobody"]);
});

test("a channel that has had its final is silent when another is heard again", async () => {
  async function first(peer) {
    await peer.open();
    await heard(peer, 8);
    peer.say("ack", { received: 4, durable: 1 });
    peer.final(0, "Done here.", { channel: 1, end: 3 / 8_000 });
    peer.vanish();
  }
  async function second(peer) {
    assert.equal((await peer.open()).offset, 1);
    assert.deepEqual(await heard(peer, 6), [2, 0, 3, 0, 4, 40]);
  }
  await serving([first, second], async (url) => {
    const session = await connect(url, { channels: 2, sample_rate: 8_000 });
    await session.send(samples(1, 10, 2, 20, 3, 30, 4, 40));
    for await (const event of session) if (event.type === "ready" && event.options.offset) break;
    session.close();
  });
});

test("requests without an answer are made again in their places, with the options of now", async () => {
  async function first(peer) {
    await peer.open();
    assert.deepEqual(await peer.hear(), { type: "configure", language: "de", endpointing: { silence_ms: 300 } });
    peer.tell("configured", { language: "de" });
    assert.deepEqual(await heard(peer, 2), [1, 2]);
    assert.deepEqual(await peer.hear(), { type: "finalize", id: "a" });
    assert.deepEqual(await peer.hear(), { type: "configure", words: true });
    assert.deepEqual(await heard(peer, 1), [3]);
    assert.deepEqual(await peer.hear(), { type: "stop" });
    peer.vanish();
  }
  async function second(peer) {
    const endpointing = { vad: "webrtc", silence_ms: 300 };
    assert.deepEqual(await peer.open(), { type: "start", endpointing, language: "de", offset: 0 });
    assert.deepEqual(await heard(peer, 2), [1, 2]);
    assert.deepEqual(await peer.hear(), { type: "finalize", id: "a" });
    assert.deepEqual(await peer.hear(), { type: "configure", words: true });
    assert.deepEqual(await heard(peer, 1), [3]);
    assert.deepEqual(await peer.hear(), { type: "stop" });
    peer.tell("finalized", { id: "a", at: 2 });
    peer.tell("configured", { language: "de", words: true });
    peer.done(3);
  }
  await serving([first, second], async (url) => {
    const session = await connect(url, { endpointing: { vad: "webrtc" } });
    await session.configure({ language: "de", endpointing: { silence_ms: 300 } });
    session.send(samples(1, 2));
    const finalized = session.finalize("a");
    const configured = session.configure({ words: true });
    session.send(samples(3));
    assert.equal((await session.stop()).received, 3);
    assert.equal((await finalized).at, 2);
    assert.equal((await configured).options.words, true);
  });
});

test("the window holds on the new connection as well", async () => {
  async function first(peer) {
    await peer.open({ ahead_s: 3 / 16_000 });
    assert.deepEqual(await heard(peer, 3), [1, 2, 3]);
    peer.vanish();
  }
  async function second(peer) {
    await peer.open({ ahead_s: 2 / 16_000 });
    assert.deepEqual(await heard(peer, 2), [1, 2]);
    peer.say("ack", { received: 2, durable: 0 });
    assert.deepEqual(await heard(peer, 2), [3, 4]);
  }
  await serving([first, second], async (url) => {
    const session = await connect(url);
    await session.send(samples(1, 2, 3, 4));
    session.close();
  });
});

test("what a restart mends is mended, and what it doesn't is thrown", async () => {
  async function drained(peer) {
    await peer.open();
    peer.say("error", { code: "draining", message: "the server is shutting down", fatal: true });
    peer.socket.close(1012);
  }
  async function refused(peer) {
    await peer.hear();
    peer.say("error", { code: "unknown_model", message: "no model `base`", fatal: true });
    peer.socket.close(4404);
  }
  await serving([drained, refused], async (url) => {
    const { events, error } = await read(await connect(url, { model: "base" }));
    assert.deepEqual(events.map(({ type }) => type), ["ready", "reconnecting"]);
    assert(events[1].error instanceof SessionError);
    assert(error instanceof SessionError && error.code === "unknown_model");
  });
});

test("a key that is asked for is asked for again, and a wrong one ends it", async () => {
  const keys = ["k1", "k2"];
  async function first(peer) {
    await peer.open();
    peer.say("ack", { received: 0, durable: 0 });
    peer.vanish();
  }
  await serving(
    [first, REFUSE],
    async (url) => {
      const session = await connect(url, { key: () => keys.shift() });
      const { error } = await read(session);
      assert(error instanceof IncompleteError);
      assert.match(error.message, /not regained: no such API key \(unauthorized, HTTP 401\)/);
      assert.equal(error.cause.status, 401);
      assert.deepEqual(keys, []);
    },
    (path, { headers }) => {
      assert.equal(headers.authorization, "Bearer k2");
      return [401, { error: { code: "unauthorized", message: "no such API key" } }];
    },
  );
});

test("a session that is closed meanwhile tries no more", async () => {
  async function first(peer) {
    await peer.open();
    peer.vanish();
  }
  await serving([first, REFUSE], async (url) => {
    const session = await connect(url);
    for await (const event of session) if (event.type === "reconnecting") session.close();
    await assert.rejects(session.send(samples(1)), IncompleteError);
  });
});
