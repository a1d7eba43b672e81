/**
 * One session of the native protocol, version 1, over one connection or several: what to send, what came back.
 *
 * Audio has marks, in samples per channel with the session's offset: `received` by the server, and `durable`, before
 * which finals, silence or declared gaps cover everything. Knows nothing of sockets, timers or readers.
 */

import { IncompleteError, ProtocolError, RequestError, SessionError } from "./errors.js";
import { decode, parse } from "./events.js";
import { Outbox } from "./outbox.js";

/** @import { Changes, ConfiguredEvent, DoneEvent, Encoding, ErrorEvent, FinalEvent, GapEvent } from "./steno.js" */
/** @import { Options, ReadyEvent, SessionEvent, SuppressedEvent } from "./steno.js" */
/** @import { Answer } from "./outbox.js" */

/**
 * A sample of silence, in bytes.
 * @type {Record<Encoding, number[]>}
 */
const SILENCE = {
  pcm_s16le: [0, 0],
  pcm_s32le: [0, 0, 0, 0],
  pcm_f16le: [0, 0],
  pcm_f32le: [0, 0, 0, 0],
  mulaw: [0xff],
  alaw: [0xd5],
};

/**
 * Give it each frame of the server, in order, by `receive`; send what `start`, and then `take`, return. Audio and
 * requests are put in between, once there is `ready`, with whom to tell when they are sent and answered.
 */
export class Conversation {
  /** @type {ReadyEvent | null} */
  ready = null;
  /** @type {DoneEvent | null} */
  done = null;
  stopped = false;
  /** Whether the connection of now has come as far as `ready`. */
  open = false;
  received = 0;
  durable = 0;
  #options;
  #keep;
  /** @type {Outbox | null} */
  #outbox = null;
  #sampleBytes = 1;
  #ahead = 0;
  /** Up to where each channel has had its finals. @type {number[]} */
  #heard = [];
  /** The latest numbers of the session, and what this connection's own are counted from. */
  #seq = 0;
  #segment = -1;
  #seqs = 0;
  #segments = 0;

  /** @param {Options} options @param {boolean} keep whether it is to go on over other connections */
  constructor(options, keep) {
    this.#options = { ...options };
    this.#keep = keep;
  }

  /**
   * The first text of a connection. What earlier ones have left unsaid or without a final comes behind it, from `take`.
   */
  start() {
    this.open = false;
    this.done = null;
    this.#seqs = this.#seq;
    this.#segments = this.#segment + 1;
    if (this.#outbox === null || this.ready === null) return opening(this.#options);
    const heard = this.#heard.map((position) => Math.max(position, this.durable));
    const offset = Math.min(...heard);
    this.#outbox.rewind(offset, heard, SILENCE[this.ready.options.encoding]);
    return opening({ ...this.#options, offset: this.#outbox.sent });
  }

  /**
   * Puts audio behind what waits; `answer` is settled once it has been taken.
   * Throws TypeError if it isn't whole samples of all channels, Error behind `stop`.
   * @param {Uint8Array<ArrayBuffer>} audio @param {Answer} answer
   */
  audio(audio, answer) {
    this.#refuseIfStopped();
    if (audio.length % this.#sampleBytes) {
      throw new TypeError(`${audio.length} bytes are not whole samples of ${this.#sampleBytes} bytes`);
    }
    if (audio.length === 0) answer.resolve();
    else this.#outbox?.addAudio(audio, answer);
  }

  /**
   * Puts a request behind what waits; `answer` is given the event that answers it. Throws Error behind `stop`.
   * @param {"finalize" | "configure" | "stop"} type @param {object} fields @param {Answer} answer
   */
  request(type, fields, answer) {
    this.#refuseIfStopped();
    this.stopped = type === "stop";
    this.#outbox?.addRequest(type, fields, answer);
  }

  /** What to send now, a text or a frame of audio; undefined when nothing may go before the server has said more. */
  take() {
    if (!this.open || this.#outbox === null) return undefined;
    const { limits } = /** @type {ReadyEvent} */ (this.ready);
    const room = this.received + this.#ahead - this.#outbox.sent;
    return this.#outbox.take(Math.max(0, Math.min(Math.floor(limits.frame_bytes / this.#sampleBytes), room)));
  }

  /**
   * All that waits is told why it won't be sent or answered.
   * @param {unknown} reason
   */
  fail(reason) {
    this.#outbox?.fail(reason);
  }

  #refuseIfStopped() {
    if (this.stopped) throw new Error("the session has been stopped");
  }

  // -- from the server ------------------------------------------------------------------------------------------------

  /**
   * The event that a frame tells; undefined for one that version 1 doesn't know.
   * Throws SessionError for a fatal error, ProtocolError for what no server of version 1 says.
   * @param {unknown} frame
   */
  receive(frame) {
    const message = parse(frame);
    this.#count(message);
    const event = /** @type {SessionEvent | undefined} */ (decode(message));
    switch (event?.type) {
      case "ready":
        this.#open(event);
        break;
      case "ack":
        this.#mark(event.received, event.durable);
        break;
      case "final":
      case "suppressed":
      case "gap":
        this.#cover(event);
        break;
      case "error":
        if (event.fatal) throw new SessionError(event.code, event.message, event.hint ?? null, this);
        break;
      case "done":
        this.done = event;
        this.#mark(event.received, event.received);
    }
    if (event) this.#settle(event);
    return event;
  }

  /**
   * The error to give when the connection has ended before `done`.
   * @param {string} why @param {ErrorOptions} [options]
   */
  broken(why, options) {
    return new IncompleteError(why, this, options);
  }

  /**
   * Numbers count on from those of earlier connections.
   * @param {Record<string, any>} message
   */
  #count(message) {
    if ("seq" in message) {
      if (message.seq !== this.#seq - this.#seqs + 1) {
        throw new ProtocolError(`event ${message.seq} came after event ${this.#seq - this.#seqs}`);
      }
      message.seq += this.#seqs;
      this.#seq = message.seq;
    }
    if (Number.isInteger(message.segment)) {
      message.segment += this.#segments;
      this.#segment = Math.max(this.#segment, message.segment);
    }
  }

  /** @param {ReadyEvent} ready */
  #open(ready) {
    if (ready.protocol !== 1) {
      throw new ProtocolError(`the server speaks version ${ready.protocol} of the protocol, this client version 1`);
    }
    const { encoding, channels, sample_rate, offset = 0 } = ready.options;
    if (!Object.hasOwn(SILENCE, encoding) || !(channels >= 1) || !(sample_rate > 0)) {
      throw new ProtocolError(`\`ready.options\` tells of audio that is unknown: ${JSON.stringify(ready.options)}`);
    }
    this.ready = ready;
    this.open = true;
    this.#sampleBytes = SILENCE[encoding].length * channels;
    this.#ahead = Math.floor(ready.limits.ahead_s * sample_rate);
    this.#outbox ??= new Outbox({ sampleBytes: this.#sampleBytes, channels, at: offset, keep: this.#keep });
    this.received = this.durable = offset;
    if (this.#heard.length === 0) this.#heard = Array(channels).fill(offset);
  }

  /** @param {number} received @param {number} durable */
  #mark(received, durable) {
    this.received = received;
    this.durable = durable;
    this.#outbox?.forget(durable);
  }

  /** @param {FinalEvent | SuppressedEvent | GapEvent} event */
  #cover({ channel, end }) {
    const position = Math.round(end * /** @type {ReadyEvent} */ (this.ready).options.sample_rate);
    this.#heard[channel] = Math.max(this.#heard[channel], position);
  }

  /**
   * Answers come in the order of the questions; refused audio is an error that answers none.
   * @param {SessionEvent} event
   */
  #settle(event) {
    switch (event.type) {
      case "finalized":
        this.#outbox?.answered("finalize")?.answer.resolve(event);
        break;
      case "configured":
        this.#configured(event);
        break;
      case "error":
        if (event.code !== "bad_audio") this.#outbox?.answered("configure")?.answer.reject(refused(event));
        break;
      case "done":
        this.#outbox?.answered("stop")?.answer.resolve(event);
    }
  }

  /** @param {ConfiguredEvent} event */
  #configured(event) {
    const request = this.#outbox?.answered("configure");
    if (!request) return;
    /** @type {Changes} */
    const changes = request.fields;
    const endpointing = changes.endpointing && { ...this.#options.endpointing, ...changes.endpointing };
    Object.assign(this.#options, changes, endpointing && { endpointing });
    request.answer.resolve(event);
  }
}

/** @param {Options} options */
function opening(options) {
  return JSON.stringify({ type: "start", ...options });
}

/** @param {ErrorEvent} event */
function refused({ code, message, hint }) {
  return new RequestError(code, message, hint ?? null);
}
