import assert from "node:assert/strict";
import { test } from "node:test";

import { ConnectError, ProtocolError, RefusedError, watch as watchWith } from "../../../clients/js/steno.js";
import { read, REFUSE, serving, WebSocket } from "./peer.mjs";

Math.random = () => 0; // attempts come as soon as they may
const watch = (url, session, options) => watchWith(url, session, { WebSocket, ...options });
const told = (events) => events.map(({ type, seq, first_seq }) => [type, seq ?? first_seq]);

test("a session is followed to its end", async () => {
  async function script(peer) {
    assert.equal(peer.request.url, "/v1/sessions/CA%2F1/watch?seq=1");
    assert.equal(peer.request.headers["sec-websocket-protocol"], "steno.v1,steno.key.k3y");
    peer.watching({ model: null });
    peer.tell("speech_started", { segment: 0, channel: 1, at: 0 });
    peer.partial(0, "Hell", 2);
    peer.say("applause", { loud: true });
    peer.final(0, "Hello.", { channel: 1 });
    peer.say("error", { code: "timed_out", message: "no message for 60 s", fatal: true });
    peer.socket.close(1000, "timed_out");
  }
  await serving(script, async (url) => {
    const viewer = await watch(url, "CA/1", { key: "k3y" });
    assert.equal(viewer.watching.session, "s1");
    const { events, error } = await read(viewer);
    assert.equal(error, null);
    assert.deepEqual(
      events.map(({ type }) => type),
      ["watching", "speech_started", "final", "error"],
    );
  });
});

test("a viewer that loses its connection goes on behind what it has seen", async () => {
  async function first(peer) {
    peer.watching();
    peer.tell("speech_started", { segment: 0, channel: 0, at: 0 });
    peer.final(0, "Hello.");
    peer.socket.close(4408, "slow_reader");
  }
  async function second(peer) {
    assert.equal(peer.request.url, "/v1/sessions/s1/watch?seq=3");
    peer.watching({ first_seq: 5, missed: 2 });
    peer.seq = 4;
    peer.done();
    peer.socket.close(1000, "done");
  }
  await serving([first, second], async (url) => {
    const { events, error } = await read(await watch(url, "CA1"));
    assert.equal(error, null);
    const expected = [
      ["watching", 1],
      ["speech_started", 1],
      ["final", 2],
      ["reconnecting", undefined],
      ["watching", 5],
      ["done", 5],
    ];
    assert.deepEqual(told(events), expected);
  });
});

test("who wants no reconnection gets the error, from the event that was wanted on", async () => {
  async function script(peer) {
    assert.equal(peer.request.url, "/steno/v1/sessions/s1/watch?seq=7");
    peer.watching({ first_seq: 7 });
    peer.vanish();
  }
  await serving(script, async (url) => {
    const { error } = await read(await watch(`${url}/steno/`, "s1", { seq: 7, reconnect_s: 0 }));
    assert(error instanceof ConnectError);
    assert.match(error.message, /the connection was lost: 1006/);
  });
});

const found = [{ id: "s1", labels: { callSid: "CA1" } }];
const unauthorized = { error: { code: "unauthorized", message: "no such API key" } };
for (const [name, answer, expected] of [
  ["nobody", [200, { data: found }], [404, "no live session `nobody` (not_found, HTTP 404)"]],
  ["s1", [401, unauthorized], [401, "no such API key (unauthorized, HTTP 401)"]],
  ["CA1", [200, { data: found }], [undefined, null]],
]) {
  test(`why ${name} can't be watched is asked: HTTP ${answer[0]}`, async () => {
    await serving(
      REFUSE,
      (url) =>
        assert.rejects(watch(url, name, { key: "k" }), (error) => {
          assert.equal(error.status, expected[0]);
          assert.equal(error instanceof RefusedError, expected[0] !== undefined);
          assert.equal(error.message, expected[1] ?? `the server at ${url.replace("ws", "http")} opens no session now`);
          return true;
        }),
      (path) => (path === "/v1/sessions" ? answer : [404, ""]),
    );
  });
}

test("events before `watching` are none", async () => {
  await serving(
    async (peer) => peer.say("going_away", { deadline_s: 3 }),
    (url) => assert.rejects(watch(url, "s1"), ProtocolError),
  );
});

test("a viewer that is closed is over", async () => {
  async function script(peer) {
    peer.watching();
    assert.equal(await peer.hear(), null);
  }
  await serving(script, async (url) => {
    const viewer = await watch(url, "s1");
    for await (const event of viewer) if (event.type === "watching") viewer.close();
  });
});
