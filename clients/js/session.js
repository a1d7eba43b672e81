/**
 * A live session: what a caller does with it, and what it does by itself. Knows nothing of the protocol's messages,
 * which are `conversation.js`'s, nor of sockets, which are the line's.
 */

import { endpoint } from "./address.js";
import { Conversation } from "./conversation.js";
import { deferred } from "./deferred.js";
import { ConnectError } from "./errors.js";
import { Line } from "./line.js";
import { Readers } from "./readers.js";
import { explained } from "./socket.js";

/** @import { Answer } from "./outbox.js" */
/** @import { Changes, ConfiguredEvent, ConnectOptions, DoneEvent, FinalizedEvent, Options } from "./steno.js" */
/** @import { Connection, ReadyEvent, ReconnectingEvent, Session, SessionEvent } from "./steno.js" */
/** @typedef {ArrayBuffer | ArrayBufferView} Chunk */

/** @param {string | URL} url @param {ConnectOptions} [options] @returns {Promise<Session>} */
export async function connect(url, { key, WebSocket, reconnect_s, ...options } = {}) {
  const session = new LiveSession(endpoint(url, "stream"), { key, WebSocket, reconnect_s }, options);
  await session.open();
  return session;
}

/** @implements {Session} */
class LiveSession {
  #line;
  #talk;
  /** @type {Readers<SessionEvent>} */
  #readers = new Readers();
  #over = false;
  /** @type {Error | null} */
  #error = null;
  /** @type {Promise<DoneEvent> | null} */
  #stopping = null;
  /** @type {AsyncIterator<Chunk> | Iterator<Chunk> | null} */
  #feeding = null;
  #quiet = false;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #living;

  /** @param {string} address @param {Connection} connection @param {Options} options */
  constructor(address, connection, options) {
    const seconds = connection.reconnect_s ?? 0;
    this.#talk = new Conversation(options, seconds > 0);
    this.#line = new Line(
      {
        address,
        explain: (key) => explained(address, "models", key),
        greet: () => this.#line.send(this.#talk.start()),
        hear: (frame) => this.#hear(frame),
        hungUp: (code, reason) => this.#hungUp(code, reason),
        lost: (event) => this.#lost(event),
        over: (error) => this.#end(error),
      },
      connection,
      seconds,
    );
  }

  async open() {
    try {
      await this.#line.open();
    } catch (error) {
      this.close();
      throw error;
    }
    if (this.#over) return; // the next frame was the last
    // Never quiet for longer than two thirds of the time that the server allows.
    this.#living = setInterval(() => this.#live(), (this.ready.limits.idle_s / 3) * 1000);
  }

  get ready() {
    return /** @type {ReadyEvent} */ (this.#talk.ready);
  }

  get received() {
    return this.#talk.received;
  }

  get durable() {
    return this.#talk.durable;
  }

  // -- what a caller does ---------------------------------------------------------------------------------------------

  /** @param {Chunk} audio @returns {Promise<void>} */
  send(audio) {
    return this.#put((answer) => this.#talk.audio(copied(audio), answer));
  }

  /** @param {AsyncIterable<Chunk> | Iterable<Chunk>} chunks */
  feed(chunks) {
    if (this.#feeding) throw new Error("the session is being fed already");
    this.#feeding = Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]();
    this.#feed(this.#feeding);
  }

  /** @param {string} [id] @returns {Promise<FinalizedEvent>} */
  finalize(id) {
    return this.#put((answer) => this.#talk.request("finalize", { id }, answer));
  }

  /** @param {Changes} changes @returns {Promise<ConfiguredEvent>} */
  configure(changes) {
    return this.#put((answer) => this.#talk.request("configure", changes, answer));
  }

  /** @returns {Promise<DoneEvent>} */
  stop() {
    this.#stopping ??= this.#put((answer) => this.#talk.request("stop", {}, answer));
    this.#starve();
    return this.#stopping;
  }

  close() {
    this.#line.close(null);
  }

  [Symbol.asyncIterator]() {
    return this.#readers.iterate();
  }

  // -- what the line says ---------------------------------------------------------------------------------------------

  /** @param {unknown} frame */
  #hear(frame) {
    const durable = this.#talk.durable;
    const event = this.#talk.receive(frame);
    if (event === undefined) return;
    this.#readers.put(event);
    if (event.type === "ready") this.#line.opened();
    if (event.type === "ack" && event.durable > durable) this.#line.progressed();
    if (event.type === "done") {
      if (!this.#talk.stopped) throw this.#talk.broken("the server ended the session");
      this.#line.close(null);
    }
    this.#pump();
  }

  /** @param {number} code @param {string} reason */
  #hungUp(code, reason) {
    if (!this.#talk.ready) return new ConnectError("the server closed the connection before the session was open");
    return this.#talk.broken(`the connection was lost: ${code}${reason && ` ${reason}`}`);
  }

  /** @param {ReconnectingEvent} event */
  #lost(event) {
    this.#talk.open = false;
    this.#readers.put(event);
  }

  /** @param {Error | null} error */
  #end(error) {
    this.#over = true;
    if (error instanceof ConnectError) {
      error = this.#talk.broken(`the connection was lost and not regained: ${error.message}`, { cause: error });
    }
    this.#error = error;
    clearInterval(this.#living);
    this.#starve();
    this.#talk.fail(this.#reason());
    this.#readers.end(error);
  }

  // -- smaller steps --------------------------------------------------------------------------------------------------

  /**
   * Puts something behind what waits to be sent; the promise is for `add` to have settled.
   * @param {(answer: Answer) => void} add
   */
  #put(add) {
    /** @type {ReturnType<typeof deferred<any>>} */
    const answer = deferred();
    // What ends a session comes out where events are read: who doesn't wait for this need not handle it as well.
    answer.promise.catch(() => {});
    if (this.#over) answer.reject(this.#reason());
    else add(answer);
    this.#pump();
    return answer.promise;
  }

  #pump() {
    for (let frame = this.#talk.take(); frame !== undefined; frame = this.#talk.take()) {
      this.#quiet = false;
      this.#line.send(frame);
    }
  }

  /** @param {AsyncIterator<Chunk> | Iterator<Chunk>} source */
  async #feed(source) {
    try {
      for (let step = await source.next(); !step.done; step = await source.next()) {
        if (this.#talk.stopped) return;
        await this.send(step.value);
      }
      if (!this.#talk.stopped && !this.#over) this.stop();
    } catch (error) {
      this.#line.close(/** @type {Error} */ (error));
    }
  }

  /** No more of what feeds it; a source that minds being told is no concern of the session's. */
  #starve() {
    Promise.resolve(this.#feeding?.return?.()).catch(() => {});
  }

  #live() {
    if (this.#quiet && !this.#talk.stopped && this.#talk.open) this.#line.send('{"type":"keepalive"}');
    this.#quiet = true;
  }

  #reason() {
    return this.#error ?? this.#talk.broken("the session is over");
  }
}

/** @param {Chunk} audio */
function copied(audio) {
  const bytes = ArrayBuffer.isView(audio)
    ? new Uint8Array(audio.buffer, audio.byteOffset, audio.byteLength)
    : new Uint8Array(audio);
  return new Uint8Array(bytes);
}
