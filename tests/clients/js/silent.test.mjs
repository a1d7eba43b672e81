/** By itself: where timers are mocked, those that were set before can't be cleared. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { connect } from "../../../clients/js/steno.js";
import { serving, WebSocket } from "./peer.mjs";

test("a server that says nothing is given up", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  async function script(peer) {
    await peer.hear();
    context.mock.timers.tick(10_000);
    assert.equal(await peer.hear(), null);
  }
  await serving(script, (url) => assert.rejects(connect(url, { WebSocket }), /did not open the session within 10 s/));
});
