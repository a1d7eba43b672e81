import assert from "node:assert/strict";
import { test } from "node:test";

import {
  ConnectError,
  connect as connectWith,
  IncompleteError,
  ProtocolError,
  RefusedError,
  RequestError,
  SessionError,
} from "../../../clients/js/steno.js";
import { read, REFUSE, serving, WebSocket } from "./peer.mjs";

const SECOND = new Uint8Array(32_000);
const bytes = (text) => new TextEncoder().encode(text);
const connect = (url, options) => connectWith(url, { WebSocket, ...options });
const types = (events) => events.map((event) => event.type);

// -- a session --------------------------------------------------------------------------------------------------------

test("a session from start to done", async () => {
  async function script(peer) {
    assert.deepEqual(await peer.open(), { type: "start", language: "en", keywords: ["Steno"] });
    assert.equal(String(await peer.audio(6)), "abcdef");
    peer.say("ack", { received: 3, durable: 0 });
    assert.deepEqual(await peer.hear(), { type: "stop" });
    peer.tell("speech_started", { segment: 0, channel: 0, at: 0.1 });
    peer.final(0, "Hello.");
    peer.done(3);
  }
  await serving(script, async (url) => {
    const session = await connect(url, { language: "en", keywords: ["Steno"] });
    assert.equal(session.ready.model, "scripted");
    await session.send(bytes("abcd"));
    await session.send(bytes("ef").buffer);
    const done = await session.stop();
    assert.deepEqual([done.received, session.received, session.durable], [3, 3, 3]);
    const { events, error } = await read(session);
    assert.deepEqual(types(events), ["ready", "ack", "speech_started", "final", "done"]);
    assert.equal(error, null);
    assert.deepEqual((await read(session)).events, []);
    assert.equal(await session.stop(), done);
  });
});

test("what is sent is the view, as it was then", async () => {
  async function script(peer) {
    await peer.open({ ahead_s: 0.000_125 }); // two samples
    assert.equal(String(await peer.audio(4)), "bcde");
    peer.say("ack", { received: 2, durable: 0 });
    assert.equal(String(await peer.audio(2)), "fg");
  }
  await serving(script, async (url) => {
    const session = await connect(url);
    const all = bytes("abcdefgh");
    const sent = session.send(new Uint8Array(all.buffer, 1, 6));
    all.fill(0);
    await sent;
    session.close();
  });
});

test("the key goes into a subprotocol and nowhere else", async () => {
  const seen = [];
  async function script(peer) {
    seen.push(peer.request);
    await peer.open();
  }
  await serving(script, async (url) => {
    for (const key of ["k3y", async () => "t0ken"]) (await connect(url, { key })).close();
    (await connect(url)).close();
  });
  assert.deepEqual(
    seen.map((request) => [request.url, request.headers["sec-websocket-protocol"]]),
    [
      ["/v1/stream", "steno.v1,steno.key.k3y"],
      ["/v1/stream", "steno.v1,steno.key.t0ken"],
      ["/v1/stream", "steno.v1"],
    ],
  );
});

test("requests go out behind the audio of earlier calls, and are answered in order", async () => {
  async function script(peer) {
    await peer.open({ ahead_s: 0.000_125 });
    assert.equal(String(await peer.audio(4)), "abcd");
    peer.say("ack", { received: 2, durable: 0 });
    assert.equal(String(await peer.audio(2)), "ef");
    assert.deepEqual(await peer.hear(), { type: "finalize", id: "a" });
    assert.deepEqual(await peer.hear(), { type: "finalize" });
    assert.equal(String(await peer.audio(2)), "gh");
    peer.final(0, "One.");
    peer.tell("finalized", { id: "a", at: 3 });
    peer.tell("finalized", { id: null, at: 3 });
  }
  await serving(script, async (url) => {
    const session = await connect(url);
    session.send(bytes("abcdef"));
    const answers = [session.finalize("a"), session.finalize()];
    session.send(bytes("gh"));
    assert.deepEqual((await Promise.all(answers)).map(({ id }) => id), ["a", null]);
    session.close();
  });
});

test("configure tells what is in effect, or what is wrong", async () => {
  async function script(peer) {
    await peer.open();
    assert.deepEqual(await peer.hear(), { type: "configure", language: "de" });
    peer.say("error", { code: "bad_audio", message: "not a number", fatal: false });
    peer.tell("configured", { language: "de" });
    assert.deepEqual(await peer.hear(), { type: "configure", prompt: "x" });
    peer.say("error", { code: "unsupported", message: "no prompts", hint: "another model", fatal: false });
    assert.deepEqual(await peer.hear(), { type: "stop" });
    peer.done();
  }
  await serving(script, async (url) => {
    const session = await connect(url);
    assert.deepEqual((await session.configure({ language: "de" })).options, { language: "de" });
    await assert.rejects(session.configure({ prompt: "x" }), (error) => {
      assert(error instanceof RequestError);
      assert.deepEqual([error.code, error.reason, error.hint], ["unsupported", "no prompts", "another model"]);
      assert.equal(error.message, "no prompts (unsupported); another model");
      return true;
    });
    await session.stop();
    const { events } = await read(session);
    const codes = events.filter(({ type }) => type === "error").map(({ code }) => code);
    assert.deepEqual(codes, ["bad_audio", "unsupported"]);
  });
});

test("an idle session is kept alive", async () => {
  async function script(peer) {
    await peer.open({ idle_s: 0.01 });
    assert.deepEqual(await peer.hear(), { type: "keepalive" });
    assert.deepEqual(await peer.hear(), { type: "keepalive" });
    peer.final(0, "Still here.");
  }
  await serving(script, async (url) => {
    const session = await connect(url);
    for await (const event of session) if (event.type === "final") break;
    session.close();
  });
});

// -- flow -------------------------------------------------------------------------------------------------------------

test("audio waits for acks", async () => {
  async function script(peer) {
    await peer.open({ ahead_s: 0.1, frame_bytes: 2000 });
    await peer.audio(3200);
    peer.say("warning", { code: "behind", message: "not acknowledged" });
    peer.say("ack", { received: 1000, durable: 0 });
    assert.equal((await peer.audio(2000)).length, 2000);
    for (let received = 2600; received <= 16_000; received += 100) peer.say("ack", { received, durable: 0 });
    assert.equal((await peer.audio(32_000 - 3200 - 2000)).length, 32_000 - 3200 - 2000);
    assert.deepEqual(await peer.hear(), { type: "stop" });
    peer.done(16_000);
  }
  await serving(script, async (url) => {
    const session = await connect(url);
    let sent = false;
    const sending = session.send(SECOND).then(() => (sent = true));
    for await (const event of session) if (event.type === "warning") break;
    assert(!sent);
    assert.equal((await session.stop()).received, 16_000);
    await sending;
  });
});

test("who reads no events still sends, and then finds all that counts", async () => {
  async function script(peer) {
    await peer.open();
    for (let segment = 0; segment < 50; segment++) {
      await peer.audio(32_000);
      for (let stable = 0; stable < 20; stable++) peer.partial(segment, "x".repeat(20), stable);
      peer.final(segment, `Number ${segment}.`);
      peer.say("ack", { received: 16_000 * (segment + 1), durable: 16_000 * (segment + 1) });
    }
    assert.deepEqual(await peer.hear(), { type: "stop" });
    peer.done(800_000);
  }
  await serving(script, async (url) => {
    const session = await connect(url);
    for (let second = 0; second < 50; second++) await session.send(SECOND);
    await session.stop();
    const { events } = await read(session);
    assert.deepEqual(
      events.filter(({ type }) => type === "final").map(({ segment }) => segment),
      [...Array(50).keys()],
    );
    assert(!types(events).includes("partial"));
    assert.equal(types(events).filter((type) => type === "ack").length, 1);
  });
});

test("several readers get each event once", async () => {
  async function script(peer) {
    await peer.open();
    for (let segment = 0; segment < 10; segment++) peer.final(segment, "x");
    await peer.hear();
    peer.done();
  }
  await serving(script, async (url) => {
    const session = await connect(url);
    const reading = [read(session), read(session)];
    await session.stop();
    const seen = (await Promise.all(reading)).flatMap(({ events }) => events);
    assert.deepEqual(types(seen).sort(), ["done", ...Array(10).fill("final"), "ready"]);
  });
});

// -- feed -------------------------------------------------------------------------------------------------------------

for (const [kind, chunks] of [
  ["an array", () => [bytes("aa"), bytes("bb"), bytes("cc")]],
  [
    "a generator",
    async function* () {
      yield* [bytes("aa"), bytes("bb"), bytes("cc")];
    },
  ],
]) {
  test(`feed sends all that ${kind} has, and stops`, async () => {
    async function script(peer) {
      await peer.open();
      assert.equal(String(await peer.audio(6)), "aabbcc");
      assert.deepEqual(await peer.hear(), { type: "stop" });
      peer.done(3);
    }
    await serving(script, async (url) => {
      const session = await connect(url);
      session.feed(chunks());
      assert.throws(() => session.feed([]), /fed already/);
      assert.equal((await read(session)).events.at(-1).type, "done");
    });
  });
}

test("a source that fails ends the iteration with its error", async () => {
  async function script(peer) {
    await peer.open();
    assert.equal(String(await peer.hear()), "aa");
    assert.equal(await peer.hear(), null);
  }
  async function* chunks() {
    yield bytes("aa");
    throw new Error("the disk is gone");
  }
  await serving(script, async (url) => {
    const session = await connect(url);
    session.feed(chunks());
    assert.equal((await read(session)).error.message, "the disk is gone");
    await assert.rejects(session.send(bytes("bb")), /the disk is gone/);
  });
});

test("stop ends a feed that would not end", async () => {
  async function script(peer) {
    await peer.open();
    let received = 0;
    let frame;
    while (Buffer.isBuffer((frame = await peer.hear()))) peer.say("ack", { received: (received += 1), durable: 0 });
    assert.deepEqual(frame, { type: "stop" });
    peer.done(received);
  }
  let returned = false;
  const endless = {
    next: () => new Promise((resolve) => setImmediate(resolve, { done: false, value: bytes("aa") })),
    return: async () => ({ done: (returned = true), value: undefined }),
  };
  await serving(script, async (url) => {
    const session = await connect(url);
    session.feed({ [Symbol.asyncIterator]: () => endless });
    for await (const event of session) if (event.type === "ack") break;
    assert((await session.stop()).received > 0);
    assert(returned);
    assert.equal((await read(session)).events.at(-1).type, "done");
  });
});

// -- misuse -----------------------------------------------------------------------------------------------------------

test("misuse is told before anything is sent", async () => {
  async function script(peer) {
    await peer.open();
    assert.deepEqual(await peer.hear(), { type: "stop" });
    peer.done();
  }
  await serving(script, async (url) => {
    const session = await connect(url);
    assert.throws(() => session.send(bytes("odd")), /3 bytes are not whole samples of 2 bytes/);
    await session.send(new Uint8Array());
    await session.stop();
    const late = await connect(url);
    late.stop();
    assert.throws(() => late.send(bytes("ab")), /has been stopped/);
    assert.throws(() => late.finalize(), /has been stopped/);
    late.close();
  });
});

for (const url of ["127.0.0.1:8765", "localhost", "ftp://a", "ws://a?key=k", "ws://key@a"]) {
  test(`${url} is no address`, () => assert.rejects(connect(url), TypeError));
}

test("a key that no subprotocol can be is told", async () => {
  await serving([], (url) => assert.rejects(connect(url, { key: "a key" }), /letters, digits/));
});

// -- sessions that fail -----------------------------------------------------------------------------------------------

test("a server that vanishes fails all who wait, and says what is safe", async () => {
  async function script(peer) {
    await peer.open({ ahead_s: 0.1 });
    assert.deepEqual(await peer.hear(), { type: "finalize" });
    assert.deepEqual(await peer.hear(), { type: "configure", words: true });
    await peer.audio(3200);
    peer.say("ack", { received: 1000, durable: 700 });
    peer.final(0, "Saved.");
    await peer.audio(2000);
    peer.vanish();
  }
  await serving(script, async (url) => {
    const session = await connect(url);
    const waiting = [session.finalize(), session.configure({ words: true }), session.send(SECOND), session.stop()];
    for (const { reason } of await Promise.allSettled(waiting)) {
      assert(reason instanceof IncompleteError, reason);
      assert.deepEqual([reason.received, reason.durable], [1000, 700]);
    }
    const { events, error } = await read(session);
    assert.equal(events.at(-1).type, "final");
    assert(error instanceof IncompleteError);
    assert.match(error.message, /^the connection was lost: 1006; of 1000 samples .* 700 are covered by finals$/);
    await assert.rejects(session.stop(), IncompleteError);
  });
});

for (const code of [1000, 1011, 1012]) {
  test(`a close with ${code} before done is incomplete`, async () => {
    async function script(peer) {
      await peer.open();
      peer.socket.close(code);
    }
    await serving(script, async (url) => {
      await assert.rejects((await connect(url)).stop(), IncompleteError);
    });
  });
}

test("done without stop is incomplete, but yielded", async () => {
  async function script(peer) {
    await peer.open();
    peer.done();
  }
  await serving(script, async (url) => {
    const { events, error } = await read(await connect(url));
    assert.equal(events.at(-1).type, "done");
    assert(error instanceof IncompleteError);
  });
});

test("a fatal error ends the session with its reason", async () => {
  async function script(peer) {
    await peer.open();
    peer.say("error", { code: "timed_out", message: "nothing came for 60 s", hint: "send audio", fatal: true });
    peer.socket.close(4410);
  }
  await serving(script, async (url) => {
    const session = await connect(url);
    const { error } = await read(session);
    assert(error instanceof SessionError);
    assert.equal(error.message, "nothing came for 60 s (timed_out); send audio");
    await assert.rejects(session.send(bytes("ab")), SessionError);
  });
});

for (const frame of ["nonsense", "[]", '{"type":"ack"}', Buffer.from("{}"), '{"type":"finalized","seq":2,"at":0}']) {
  test(`${frame} from the server ends the session`, async () => {
    async function script(peer) {
      await peer.open();
      peer.socket.send(frame);
      assert.equal(await peer.hear(), null);
    }
    await serving(script, async (url) => {
      const session = await connect(url);
      assert((await read(session)).error instanceof ProtocolError);
      await assert.rejects(session.send(bytes("ab")), ProtocolError);
    });
  });
}

test("a session that was closed is over, and says so", async () => {
  async function script(peer) {
    await peer.open();
    peer.final(0, "Hello.");
    assert.deepEqual(await peer.hear(), { type: "finalize" });
    assert.equal(await peer.hear(), null);
  }
  await serving(script, async (url) => {
    const session = await connect(url);
    for await (const event of session) {
      if (event.type !== "final") continue;
      const waiting = session.finalize();
      session.close();
      await assert.rejects(waiting, /the session is over/);
    }
    await assert.rejects(session.send(bytes("ab")), IncompleteError);
    session.close();
  });
});

// -- sessions that never open -----------------------------------------------------------------------------------------

test("a refused option is an error of connect", async () => {
  async function script(peer) {
    assert.deepEqual(await peer.hear(), { type: "start", model: "nonesuch" });
    peer.say("error", { code: "unknown_model", message: "no model `nonesuch`", fatal: true });
    peer.socket.close(4404);
  }
  await serving(script, async (url) => {
    await assert.rejects(connect(url, { model: "nonesuch" }), { name: "SessionError", code: "unknown_model" });
  });
});

const REFUSALS = [
  [
    "a wrong key",
    { "/v1/models": [401, { error: { code: "unauthorized", message: "no such API key" } }] },
    [401, "unauthorized", null, "no such API key (unauthorized, HTTP 401)"],
  ],
  [
    "a quota",
    { "/v1/models": [429, { error: { code: "quota", message: "two are open" } }, { "Retry-After": "7" }] },
    [429, "quota", 7, "two are open (quota, HTTP 429); try again in 7 s"],
  ],
  [
    "a server that is not ready, and takes tokens for nothing else",
    { "/v1/models": [403, ""], "/readyz": [503, { reasons: ["shutting down"] }] },
    [503, "not_ready", null, "not ready: shutting down (not_ready, HTTP 503)"],
  ],
  ["another server", {}, [404, "http", null, "the server refused the connection (http, HTTP 404)"]],
];
for (const [what, answers, expected] of REFUSALS) {
  test(`${what} is what a refused handshake is asked about`, async () => {
    const keys = new Set();
    const answer = (path, { headers }) => keys.add(headers.authorization) && (answers[path] ?? [404, ""]);
    await serving(
      REFUSE,
      (url) =>
        assert.rejects(connect(url, { key: "k3y" }), (error) => {
          assert(error instanceof RefusedError);
          assert.deepEqual([error.status, error.code, error.retry_after, error.message], expected);
          return true;
        }),
      answer,
    );
    assert(keys.has("Bearer k3y"));
  });
}

test("a server that answers all and opens nothing is a connect error", async () => {
  await serving(
    REFUSE,
    (url) => assert.rejects(connect(url), { name: "ConnectError", message: /opens no session now/ }),
    () => [200, {}],
  );
});

test("nothing listening is a connect error", async () => {
  let gone;
  await serving([], async (url) => void (gone = url));
  await assert.rejects(connect(gone), { name: "ConnectError", message: /nothing answers there$/ });
});

test("a page of another origin is told what lets it in", async (context) => {
  globalThis.location = { origin: "https://page.example" };
  context.after(() => delete globalThis.location);
  await assert.rejects(connect("ws://127.0.0.1:9"), /nothing answers there, or not to pages of this origin/);
});

test("a close before ready is a connect error", async () => {
  async function script(peer) {
    await peer.hear();
    peer.socket.close();
  }
  await serving(script, (url) => assert.rejects(connect(url), ConnectError));
});
