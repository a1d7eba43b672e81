/** A session that outlives its server: `node restart.mjs URL PCM`; prints a line once half is said, then all finals. */

import { readFileSync } from "node:fs";

import { connect } from "../../../clients/js/steno.js";
import { WebSocket } from "./peer.mjs";

const [url, pcm] = process.argv.slice(2);
const audio = readFileSync(pcm);
const session = await connect(url, { WebSocket, channels: 2, reconnect_s: 60 });
const finals = [];
await session.send(audio.subarray(0, audio.length / 2));
for await (const event of session) {
  if (event.type === "partial" && !finals.includes("told")) {
    console.log("half");
    finals.push("told");
  }
  if (event.type === "reconnecting" && event.attempt === 1) {
    session.send(audio.subarray(audio.length / 2));
    session.stop();
  }
  if (event.type === "final") finals.push(event);
}
console.log(JSON.stringify(finals.slice(1)));
