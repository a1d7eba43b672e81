/**
 * A session of one's own for both sides of a call, and the sound that it hears.
 *
 * Knows nothing of the page.
 */

import { AudioError, capture, microphone, sharedAudio } from "../js/capture.js";
import { connect } from "../js/steno.js";
import { SHARED } from "./choices.js";
import { storedKey } from "./key.js";
import { RATE, Recording } from "./recording.js";

/** How long a lost connection is tried for. What is said meanwhile is kept, and transcribed later. */
const RECONNECT_S = 300;

/** @typedef {import("../js/capture.js").Capture | Recording} Sound */

/**
 * Two devices as one sound; each is SHARED or a microphone's id, "" for the default. Rejects with an AudioError.
 *
 * @param {[caller: string, agent: string]} sources
 */
export async function devices(sources) {
  if (sources[0] === sources[1]) {
    throw new AudioError("no_device", "Both sides are the same device; choose one for each, or a tab's sound for the caller.");
  }
  /** @type {MediaStream[]} */
  const streams = [];
  try {
    // A shared tab is asked for first: the browser wants a click just before.
    for (const side of sources[1] === SHARED ? [1, 0] : [0, 1]) {
      const source = sources[side];
      streams[side] = await (source === SHARED ? sharedAudio() : microphone(source ? { deviceId: source } : {}));
    }
    return await capture(streams, { sample_rate: RATE });
  } catch (error) {
    for (const stream of streams) for (const track of stream?.getTracks() ?? []) track.stop();
    throw error;
  }
}

export class CallSession {
  #sound;
  #session;
  #samples = 0;

  /** @param {Sound} sound @param {import("../js/steno.js").Session} session */
  constructor(sound, session) {
    this.#sound = sound;
    this.#session = session;
  }

  /**
   * Opens a session and begins to send. Rejects as `connect` does; the sound is stopped then.
   *
   * @param {Sound} sound
   * @param {{model: string | null, language: string | null}} options
   */
  static async open(sound, options) {
    try {
      const session = await connect(location.origin, {
        ...options,
        sample_rate: RATE,
        channels: 2,
        words: true,
        mode: sound instanceof Recording && !sound.played ? "file" : "live",
        key: storedKey() || undefined,
        reconnect_s: RECONNECT_S,
      });
      const opened = new CallSession(sound, session);
      session.feed(opened.#counted());
      return opened;
    } catch (error) {
      await sound.stop();
      throw error;
    }
  }

  get sound() {
    return this.#sound;
  }

  /** How far the sound is, in seconds. */
  get position() {
    return this.#samples / RATE;
  }

  /** Events until all that was heard has its final; throws what cuts it short. */
  async *events() {
    try {
      yield* this.#session;
    } finally {
      this.#session.close();
      await this.#sound.stop();
    }
  }

  async *#counted() {
    for await (const samples of this.#sound) {
      this.#samples += samples.length / 2;
      yield samples;
    }
  }
}
