/** A session that outlives its server: `node restart.mjs URL PCM`; prints a line when it may go, then all finals. */

import { readFileSync } from "node:fs";

import { connect } from "../../../clients/js/steno.js";
import { WebSocket } from "./peer.mjs";

const [url, pcm] = process.argv.slice(2);
const audio = readFileSync(pcm);
const session = await connect(url, { WebSocket, channels: 2, reconnect_s: 60 });
const finals = [];
const open = new Set();
let told = false;
session.send(audio.subarray(0, audio.length / 2));
for await (const event of session) {
  if (event.type === "partial") open.add(event.channel);
  if (event.type === "final") finals.push(event);
  if (!told && open.has(0) && finals.some(({ channel }) => channel === 1)) {
    console.log("one channel has its final, the other speaks");
    told = true;
  }
  if (event.type === "reconnecting" && event.attempt === 1) {
    session.send(audio.subarray(audio.length / 2));
    session.stop();
  }
}
console.log(JSON.stringify(finals));
