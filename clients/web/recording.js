/**
 * A recording of a call, played like sound that is captured: a side on each channel, heard while it goes to the server.
 *
 * Knows nothing of sessions. It has what a Capture of the SDK has: chunks to iterate over, `pause`, `resume`, `stop`.
 */

import { pcm16 } from "../js/pcm.js";

export const RATE = 16_000;
/** A second of it takes 128 kB of memory once it is decoded. */
const MAX_S = 3600;
const MAX_BYTES = 1e9;
/** How often sound that was played is passed on, in ms, and how much at a time where nobody waits for it, in samples. */
const TICK_MS = 50;
const BLOCK = RATE / 2;

/** What is wrong with a recording, and what to do about it. */
export class RecordingError extends Error {}

export class Recording {
  /** Whether it is heard, and can be paused. */
  played;
  #sound;
  #context;
  #volume;
  #stopped = false;

  /** @param {AudioBuffer} sound at RATE @param {AudioContext} context which plays it @param {boolean} played */
  constructor(sound, context, played) {
    this.played = played;
    this.#sound = sound;
    this.#context = context;
    this.#volume = context.createGain();
    this.#volume.connect(context.destination);
  }

  /**
   * Reads a file that a user has chosen.
   *
   * @param {File} file
   * @param {boolean} played in real time and aloud, or as fast as the server takes it
   * @throws {RecordingError}
   */
  static async load(file, played) {
    const tooLong = "This recording is longer than an hour: steno transcribe takes those of any length.";
    if (file.size > MAX_BYTES) throw new RecordingError(tooLong);
    const context = new AudioContext({ sampleRate: RATE });
    try {
      const sound = await context.decodeAudioData(await file.arrayBuffer()).catch(() => {
        throw new RecordingError("This is no recording that the browser can decode. It takes WAV, MP3, FLAC and more.");
      });
      if (sound.duration > MAX_S) throw new RecordingError(tooLong);
      if (sound.numberOfChannels !== 2) {
        const has = sound.numberOfChannels === 1 ? "is mono" : `has ${sound.numberOfChannels} channels`;
        throw new RecordingError(`This recording ${has}, and a call has two sides: record it in stereo, each on a channel.`);
      }
      return new Recording(sound, context, played);
    } catch (error) {
      await context.close();
      throw error;
    }
  }

  get muted() {
    return this.#volume.gain.value === 0;
  }

  set muted(muted) {
    this.#volume.gain.value = muted ? 0 : 1;
  }

  pause() {
    void this.#context.suspend();
  }

  resume() {
    void this.#context.resume();
  }

  async stop() {
    this.#stopped = true;
    if (this.#context.state !== "closed") await this.#context.close();
  }

  /** Interleaved samples, as they are played or as they are asked for. */
  async *[Symbol.asyncIterator]() {
    const { length } = this.#sound;
    const sides = [this.#sound.getChannelData(0), this.#sound.getChannelData(1)];
    const began = this.played ? this.#play() : 0;
    for (let sent = 0; sent < length && !this.#stopped; ) {
      const due = this.played ? Math.floor((this.#context.currentTime - began) * RATE) : sent + BLOCK;
      if (due > sent) {
        yield pcm16(sides.map((side) => side.subarray(sent, due)));
        sent = due;
      } else {
        await new Promise((resolve) => setTimeout(resolve, TICK_MS));
      }
    }
    await this.stop();
  }

  /** @returns {number} when it began, on the context's clock */
  #play() {
    const player = this.#context.createBufferSource();
    player.buffer = this.#sound;
    player.connect(this.#volume);
    player.start();
    return this.#context.currentTime;
  }
}
