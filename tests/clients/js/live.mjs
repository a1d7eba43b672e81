/** A session from connect to done, and its viewer: `node live.mjs URL PCM KEY`; prints what came of it as JSON. */

import { readFileSync } from "node:fs";

import { connect, RequestError, watch } from "../../../clients/js/steno.js";
import { read, WebSocket } from "./peer.mjs";

const [url, pcm, key] = process.argv.slice(2);
const audio = readFileSync(pcm);
const options = { WebSocket, key };

const refused = await connect(url, { WebSocket, key: "wrong" }).catch(({ name, status }) => [name, status]);
const unknown = await watch(url, "nobody", options).catch(({ name, status }) => [name, status]);
const session = await connect(url, { ...options, words: true, language: "en" });
const watching = read(await watch(url, session.ready.session, options));
await session.send(audio.subarray(0, 48_000));
const finalized = await session.finalize("half");
const configured = await session.configure({ words: false, endpointing: { silence_ms: 900 } });
const klingon = await session.configure({ language: "tlh" }).catch((error) => error instanceof RequestError);
session.send(audio.subarray(48_000));
const done = await session.stop();
const { events, error } = await read(session);
const viewed = (await watching).events;
console.log(JSON.stringify({ refused, unknown, finalized, configured, klingon, done, events, error, viewed }));
