/**
 * The part of a capture that runs in the browser's audio thread: its sources' blocks become frames, which are posted.
 * Knows nothing of devices or sessions.
 */

import { Framer } from "./framer.js";

class CaptureProcessor extends AudioWorkletProcessor {
  #framer;
  #channels;
  #paused = false;
  #stopped = false;

  /** @param {{ processorOptions: { channels: number, to: number, frame: number } }} options */
  constructor({ processorOptions: { channels, to, frame } }) {
    super();
    this.#channels = channels;
    this.#framer = new Framer({ channels, from: sampleRate, to, frame });
    this.port.onmessage = ({ data }) => this.#obey(data);
  }

  /** @param {Float32Array[][]} inputs one for each source, mixed to mono; without channels while it gives nothing */
  process(inputs) {
    if (this.#stopped) return false;
    if (this.#paused) return true;
    const size = inputs.find((input) => input.length)?.[0].length ?? 128;
    const block = Array.from({ length: this.#channels }, (_, source) => inputs[source]?.[0] ?? new Float32Array(size));
    this.#post(this.#framer.push(block));
    return true;
  }

  /** @param {"pause" | "resume" | "stop"} order */
  #obey(order) {
    if (order === "resume") this.#paused = false;
    else if (!this.#paused) this.#post(this.#framer.flush());
    if (order === "pause") this.#paused = true;
    if (order === "stop") {
      this.#stopped = true;
      this.port.postMessage("ended");
    }
  }

  /** @param {import("./framer.js").Frame[]} frames */
  #post(frames) {
    for (const frame of frames) this.port.postMessage(frame, [frame.audio.buffer]);
  }
}

registerProcessor("steno-capture", CaptureProcessor);
