/**
 * Blocks of channels at a browser's rate to frames at a session's, with their levels. Knows nothing of the browser;
 * runs in worklets.
 */

import { pcm16 } from "./pcm.js";
import { Resampler } from "./resampler.js";

/** @import { Level } from "./capture.js" */
/** @typedef {{ audio: Int16Array<ArrayBuffer>, levels: Level[] }} Frame */

export class Framer {
  #resamplers;
  #pending;
  #filled = 0;

  /**
   * from, to: rates in Hz. frame: samples per channel in one.
   * @param {{ channels: number, from: number, to: number, frame: number }} options
   */
  constructor({ channels, from, to, frame }) {
    this.#resamplers = Array.from({ length: channels }, () => new Resampler(from, to));
    this.#pending = Array.from({ length: channels }, () => new Float32Array(frame));
  }

  /** @param {Float32Array[]} block of each channel, of equal length */
  push(block) {
    return this.#frames(block.map((samples, channel) => this.#resamplers[channel].push(samples)));
  }

  /** What is left, as if silence followed; the last frame may be short. */
  flush() {
    const frames = this.#frames(this.#resamplers.map((resampler) => resampler.flush()));
    if (this.#filled) frames.push(framed(this.#pending.map((samples) => samples.subarray(0, this.#filled))));
    this.#filled = 0;
    return frames;
  }

  /** @param {Float32Array[]} block */
  #frames(block) {
    /** @type {Frame[]} */
    const frames = [];
    const size = this.#pending[0].length;
    for (let begin = 0; begin < block[0].length; ) {
      const end = Math.min(block[0].length, begin + size - this.#filled);
      block.forEach((samples, channel) => this.#pending[channel].set(samples.subarray(begin, end), this.#filled));
      this.#filled += end - begin;
      begin = end;
      if (this.#filled === size) {
        frames.push(framed(this.#pending));
        this.#filled = 0;
      }
    }
    return frames;
  }
}

/** @param {Float32Array[]} channels @returns {Frame} */
function framed(channels) {
  const audio = /** @type {Int16Array<ArrayBuffer>} */ (pcm16(channels));
  return { audio, levels: channels.map(levelOf) };
}

/** @param {Float32Array} samples @returns {Level} */
function levelOf(samples) {
  let squares = 0;
  let peak = 0;
  for (const sample of samples) {
    squares += sample * sample;
    peak = Math.max(peak, Math.abs(sample));
  }
  return { rms: Math.sqrt(squares / samples.length), peak };
}
