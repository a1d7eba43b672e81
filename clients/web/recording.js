/**
 * A recording of a call, played like sound that is captured: a side on each channel, heard while it goes to the server.
 *
 * Knows nothing of sessions. It has what a Capture of the SDK has: chunks to iterate over, `pause`, `resume`, `stop`.
 */

import { pcm16 } from "../js/pcm.js";

export const RATE = 16_000;
/** Decoded it takes 128 kB of memory a second. */
const MAX_S = 3600;
/** How often sound that was played is passed on, in ms, and how much at a time where nobody waits for it, in samples. */
const TICK_MS = 50;
const BLOCK = RATE / 2;

/** What is wrong with a recording, and what to do about it. */
export class RecordingError extends Error {}

export class Recording {
  #sound;
  #player;
  #fast;
  #stopped = false;

  /** @param {AudioBuffer} sound at RATE @param {HTMLAudioElement} player @param {boolean} fast */
  constructor(sound, player, fast) {
    this.#sound = sound;
    this.#player = player;
    this.#fast = fast;
  }

  /**
   * Reads a file that a user has chosen.
   *
   * @param {File} file
   * @param {boolean} fast as fast as the server takes it, and not heard
   * @throws {RecordingError}
   */
  static async load(file, fast) {
    const player = new Audio(URL.createObjectURL(file));
    try {
      const seconds = await duration(player);
      if (seconds > MAX_S) {
        throw new RecordingError("This recording is longer than an hour: steno transcribe takes those of any length.");
      }
      const sound = await new OfflineAudioContext(2, 1, RATE).decodeAudioData(await file.arrayBuffer()).catch(() => {
        throw new RecordingError("This browser can’t decode the recording. Try it as WAV.");
      });
      if (sound.numberOfChannels !== 2) {
        const has = sound.numberOfChannels === 1 ? "is mono" : `has ${sound.numberOfChannels} channels`;
        throw new RecordingError(`This recording ${has}, and a call has two sides: record it in stereo, each on a channel.`);
      }
      return new Recording(sound, player, fast);
    } catch (error) {
      URL.revokeObjectURL(player.src);
      throw error;
    }
  }

  /** Whether it is heard, and can be paused. */
  get played() {
    return !this.#fast;
  }

  get muted() {
    return this.#player.muted;
  }

  set muted(muted) {
    this.#player.muted = muted;
  }

  pause() {
    this.#player.pause();
  }

  resume() {
    void this.#player.play();
  }

  async stop() {
    this.#stopped = true;
    this.#player.pause();
    URL.revokeObjectURL(this.#player.src);
  }

  /** Interleaved samples, as they are played or as they are asked for. */
  async *[Symbol.asyncIterator]() {
    const sides = [this.#sound.getChannelData(0), this.#sound.getChannelData(1)];
    if (!this.#fast) await this.#player.play();
    for (let sent = 0; sent < this.#sound.length && !this.#stopped; ) {
      const due = this.#fast ? sent + BLOCK : this.#played();
      if (due > sent) {
        yield pcm16(sides.map((side) => side.subarray(sent, due)));
        sent = Math.min(due, this.#sound.length);
      } else {
        await new Promise((resolve) => setTimeout(resolve, TICK_MS));
      }
    }
    await this.stop();
  }

  /** How many samples of each side were heard. */
  #played() {
    return this.#player.ended ? this.#sound.length : Math.floor(this.#player.currentTime * RATE);
  }
}

/** @param {HTMLAudioElement} player @returns {Promise<number>} seconds; Infinity where its file doesn't say */
function duration(player) {
  return new Promise((resolve, reject) => {
    player.addEventListener("loadedmetadata", () => resolve(player.duration));
    player.addEventListener("error", () => reject(new RecordingError("This is no recording that this browser can play.")));
  });
}
