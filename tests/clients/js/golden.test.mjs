/**
 * The SDK holds its half of golden conversations, with a server that plays its half from the file. The format is told
 * in tests/wire/conversation.py; conversations that no client of ours would have are left out.
 */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { decode } from "../../../clients/js/events.js";
import { connect, RequestError, SessionError } from "../../../clients/js/steno.js";
import { read, serving, WebSocket } from "./peer.mjs";

const FOLDERS = ["../../wire/native/", "../python/golden/"].map((path) => new URL(path, import.meta.url));
const CHANGES = ["language", "prompt", "keywords", "partials", "words", "endpointing"];
const FIELDS = {
  start: [...CHANGES, "encoding", "sample_rate", "channels", "model", "task", "mode", "offset", "webhook"],
  configure: CHANGES,
  finalize: ["id"],
  stop: [],
};
const passing = ({ type }) => type === "partial" || type === "ack";

function load(file) {
  const lines = readFileSync(file, "utf8").trim().split("\n").map((line) => JSON.parse(line));
  return lines.filter(({ from }) => from);
}

function audio({ binary, times = 1 }) {
  return Buffer.concat(Array(times).fill(Buffer.from(binary, "base64")));
}

function sayable({ binary, text }) {
  if (binary) return true;
  if (!text || !Object.hasOwn(FIELDS, text.type)) return false;
  return Object.keys(text).every((name) => name === "type" || FIELDS[text.type].includes(name));
}

/** Only what the SDK can say, from `start` to `stop` or to a fatal error, and audio that the server takes. */
function playable(lines) {
  const client = lines.filter(({ from }) => from === "client");
  const answers = lines.filter(({ from, text }) => from === "server" && text).map(({ text }) => text);
  if (!answers.length || !client.every(sayable) || answers.some(({ code }) => code === "bad_audio")) return false;
  const said = client.map(({ text }) => text?.type);
  const once = (type) => said.filter((each) => each === type).length === 1;
  const ended = answers.at(-1).fatal === true || (said.at(-1) === "stop" && once("stop"));
  return said[0] === "start" && once("start") && ended;
}

function scriptFor(lines) {
  return async (peer) => {
    for (const line of lines) {
      if (line.close) peer.socket.close(line.close);
      else if (line.from === "server") peer.socket.send(JSON.stringify(line.text));
      else if (line.binary) assert.deepEqual(await peer.audio(audio(line).length), audio(line));
      else assert.deepEqual(await peer.hear(), line.text);
    }
  };
}

async function play(session, lines) {
  for (const { from, binary, times, text } of lines) {
    if (from !== "client") continue;
    const { type, ...fields } = text ?? {};
    try {
      if (binary) await session.send(audio({ binary, times }));
      else if (type === "finalize") await session.finalize(fields.id);
      else if (type === "configure") await session.configure(fields);
      else await session.stop();
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
    }
  }
  return read(session);
}

const conversations = FOLDERS.flatMap((folder) => readdirSync(folder).map((name) => new URL(name, folder)))
  .map((file) => [file.pathname.split("/").slice(-2).join("/"), load(file)])
  .filter(([, lines]) => playable(lines));
assert(conversations.length >= 12, "there are fewer conversations to play than there were");

for (const [name, lines] of conversations) {
  test(name, async () => {
    const [{ text: start }] = lines;
    const { type, ...options } = start;
    const messages = lines.filter(({ from, text }) => from === "server" && text).map(({ text }) => text);
    await serving(scriptFor(lines), async (url) => {
      const opening = connect(url, { WebSocket, ...options });
      const last = messages.at(-1);
      if (last.type === "error") {
        const failed = await opening.then((session) => play(session, lines.slice(1))).catch((error) => ({ error }));
        assert(failed.error instanceof SessionError);
        assert(failed.error.message.includes(last.message));
        return;
      }
      const { events, error } = await play(await opening, lines.slice(1));
      assert.equal(error, null);
      const told = messages.map((message) => decode({ ...message })).filter(Boolean);
      assert.deepEqual(
        events.filter((event) => !passing(event)),
        told.filter((event) => !passing(event)),
      );
      const said = new Set(told.map((event) => JSON.stringify(event)));
      assert(events.every((event) => said.has(JSON.stringify(event))));
    });
  });
}
