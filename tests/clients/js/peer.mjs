/** A Steno server made of a script, on a loopback socket, for tests of the SDK. */

import { once } from "node:events";
import { createServer } from "node:http";
import { createRequire } from "node:module";

const { WebSocket, WebSocketServer } = createRequire(new URL("../../npm/package.json", import.meta.url))("ws");

export { WebSocket };

export const LIMITS = {
  frame_bytes: 65_536,
  text_bytes: 8_192,
  ahead_s: 10,
  start_s: 10,
  idle_s: 60,
  session_s: 14_400,
  finalize_ms: 5_000,
};
export const OPTIONS = { encoding: "pcm_s16le", sample_rate: 16_000, channels: 1, offset: 0 };
export const LATENCY = { endpoint: 500, queue: 1, decode: 20, send: 0.1, total: 521.1 };

/** The server's end of one session: says messages and numbers them, hears frames. */
export class Peer {
  #heard = [];
  #hearing = null;

  constructor(socket, request) {
    this.socket = socket;
    this.request = request;
    this.seq = 0;
    socket.on("message", (data, binary) => this.#put(binary ? data : JSON.parse(data)));
    socket.on("close", () => this.#put(null));
  }

  say(type, fields = {}) {
    this.socket.send(JSON.stringify({ type, ...fields }));
  }

  /** Says a numbered message. */
  tell(type, fields = {}) {
    this.say(type, { seq: ++this.seq, ...fields });
  }

  /** The next frame: an object, a Buffer of audio, or null once the client is gone. */
  async hear() {
    if (!this.#heard.length) await new Promise((resolve) => (this.#hearing = resolve));
    return this.#heard[0] === null ? null : this.#heard.shift();
  }

  /** Audio of so many bytes. */
  async audio(size) {
    const frames = [];
    for (let left = size; left > 0; ) {
      const frame = await this.hear();
      if (!Buffer.isBuffer(frame)) throw new Error(`audio was expected, not ${JSON.stringify(frame)}`);
      frames.push(frame);
      left -= frame.length;
    }
    return Buffer.concat(frames);
  }

  /** Answers `start`, which is returned, with `ready`. */
  async open(limits = {}, options = {}) {
    const { type, ...asked } = await this.hear();
    this.say("ready", {
      protocol: 1,
      session: "s1",
      token: "t1",
      model: "scripted",
      options: { ...OPTIONS, ...asked, ...options },
      resume_window_s: 0,
      limits: { ...LIMITS, ...limits },
    });
    return { type, ...asked };
  }

  final(segment, text, fields = {}) {
    const told = { channel: 0, start: 0, end: 1, language: "en", confidence: 0.9, reason: "endpoint" };
    this.tell("final", { segment, text, ...told, latency: LATENCY, ...fields });
  }

  partial(segment, text, stable = 0) {
    this.say("partial", { segment, text, stable, channel: 0, start: 0, end: 1, language: "en", lag_ms: 10 });
  }

  done(received = 0) {
    const nothing = { p50: null, p95: null };
    const told = { audio_s: received / 16_000, speech_s: 0, segments: 0, words: 0 };
    this.tell("done", { received, latency: { partials: nothing, finals: nothing }, ...told });
  }

  watching(fields = {}) {
    this.say("watching", { session: "s1", model: "scripted", first_seq: 1, missed: 0, ...fields });
  }

  /** As if the network was gone. */
  vanish() {
    this.socket.terminate();
  }

  #put(frame) {
    this.#heard.push(frame);
    this.#hearing?.();
  }
}

/**
 * Plays `scripts` to one session after the other, the last one to all further ones, while `test` runs with the server's
 * address; fails where a script fails. `answer` is for plain requests: (path, request) -> [status, body, headers].
 */
export async function serving(scripts, test, answer = () => [404, ""]) {
  const failures = [];
  const plays = [];
  let sessions = 0;
  const http = createServer((request, response) => {
    const [status, body, headers = {}] = answer(request.url, request);
    response.writeHead(status, { Connection: "close", ...headers });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  });
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => "steno.v1" });
  http.on("upgrade", (request, socket, head) => {
    const script = [scripts].flat()[Math.min(sessions++, [scripts].flat().length - 1)];
    if (script === REFUSE) return socket.end("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n");
    sockets.handleUpgrade(request, socket, head, (opened) =>
      plays.push(script(new Peer(opened, request)).catch((failure) => failures.push(failure))),
    );
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  try {
    await test(`ws://127.0.0.1:${http.address().port}`);
    await Promise.all(plays);
  } finally {
    for (const client of sockets.clients) client.terminate();
    http.closeAllConnections();
    http.close();
  }
  if (failures.length) throw failures[0];
}

/** In place of a script: no session comes about. */
export const REFUSE = Symbol("refuse");

/** All events that an iteration yields, and the error that it throws, if any. */
export async function read(session) {
  const events = [];
  try {
    for await (const event of session) events.push(event);
  } catch (error) {
    return { events, error };
  }
  return { events, error: null };
}
