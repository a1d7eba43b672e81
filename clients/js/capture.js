/**
 * Sources of sound in a browser to chunks of PCM, on one clock, for whoever iterates. Knows nothing of sessions.
 */

import { AudioError, ended, requireAudio } from "./devices.js";

/** @import { Capture, CaptureOptions, Level, Source } from "./capture.js" */
/** @typedef {Int16Array<ArrayBuffer>} Chunk */

export { AudioError, microphone, sharedAudio } from "./devices.js";

/** How long a browser may take to let an AudioContext run; it says nothing when it doesn't. */
const START_MS = 2_000;

/** @param {Source | readonly Source[]} sources @param {CaptureOptions} [options] @returns {Promise<Capture>} */
export async function capture(sources, { sample_rate = 16_000, frame_ms = 40 } = {}) {
  /** @type {readonly Source[]} */
  const list = "length" in sources ? sources : [sources];
  if (!list.length) throw new TypeError("there is nothing to capture");
  if (!(sample_rate >= 8_000 && sample_rate <= 48_000)) throw new RangeError("`sample_rate` is 8000 to 48000");
  if (!(frame_ms >= 10 && frame_ms <= 1_000)) throw new RangeError("`frame_ms` is 10 to 1000");
  const streams = list.filter((source) => source instanceof MediaStream);
  for (const stream of streams) requireAudio(stream);
  const node = list.find((source) => source instanceof AudioNode);
  const context = node?.context ?? new AudioContext();
  const close = async () => {
    if (!node && context instanceof AudioContext && context.state !== "closed") await context.close();
  };
  try {
    await run(context);
    await load(context);
  } catch (error) {
    await close();
    throw error;
  }
  const worklet = new AudioWorkletNode(context, "steno-capture", {
    numberOfInputs: list.length,
    channelCount: 1,
    channelCountMode: "explicit",
    outputChannelCount: [1],
    processorOptions: {
      channels: list.length,
      to: sample_rate,
      frame: Math.round((sample_rate * frame_ms) / 1000),
    },
  });
  const nodes = list.map((source) =>
    source instanceof MediaStream ? /** @type {AudioContext} */ (context).createMediaStreamSource(source) : source,
  );
  nodes.forEach((source, channel) => source.connect(worklet, 0, channel));
  worklet.connect(context.destination); // silence, without which nothing runs
  return new LiveCapture(worklet, streams, list.length, sample_rate, async () => {
    for (const source of nodes) source.disconnect(worklet);
    worklet.disconnect();
    await close();
  });
}

/** @param {BaseAudioContext} context */
async function run(context) {
  if (!(context instanceof AudioContext)) return;
  let timer;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, START_MS)));
  await Promise.race([context.resume(), late]);
  clearTimeout(timer);
  if (context.state !== "running") {
    throw new AudioError("gesture_needed", "the browser wants a click on the page before it lets it listen");
  }
}

/** @param {BaseAudioContext} context */
async function load(context) {
  if (!context.audioWorklet) {
    throw isSecureContext
      ? new AudioError("unsupported", "this browser has no AudioWorklet")
      : new AudioError("insecure_context", "browsers let pages listen over https, or on localhost, only");
  }
  await context.audioWorklet.addModule(new URL("./worklet.js", import.meta.url));
}

/** @implements {Capture} */
class LiveCapture {
  /** @type {((levels: Level[]) => void) | null} */
  onlevel = null;
  paused = false;
  channels;
  sample_rate;
  #worklet;
  #streams;
  #release;
  /** @type {Chunk[]} */
  #chunks = [];
  /** @type {(() => void)[]} */
  #waiting = [];
  #over = false;
  /** @type {Error | null} */
  #error = null;
  /** @type {Promise<void> | null} */
  #stopping = null;
  #drained = () => {};

  /**
   * @param {AudioWorkletNode} worklet @param {MediaStream[]} streams @param {number} channels @param {number} rate
   * @param {() => Promise<void>} release
   */
  constructor(worklet, streams, channels, rate, release) {
    this.channels = channels;
    this.sample_rate = rate;
    this.#worklet = worklet;
    this.#streams = streams;
    this.#release = release;
    worklet.port.onmessage = ({ data }) => (data === "ended" ? this.#drained() : this.#heard(data));
    worklet.onprocessorerror = () => {
      this.#end(new AudioError("unsupported", "the browser's AudioWorklet has failed"));
      this.#drained(); // nothing more will come of it
    };
    for (const stream of streams) {
      for (const track of stream.getAudioTracks()) track.addEventListener("ended", () => this.#end(ended(stream)));
    }
  }

  pause() {
    if (this.paused || this.#stopping) return;
    this.paused = true;
    this.#worklet.port.postMessage("pause");
  }

  resume() {
    if (!this.paused || this.#stopping) return;
    this.paused = false;
    this.#worklet.port.postMessage("resume");
  }

  stop() {
    return this.#end(null);
  }

  [Symbol.asyncIterator]() {
    return {
      next: () => this.#next(),
      return: async () => {
        await this.stop();
        return { done: /** @type {const} */ (true), value: undefined };
      },
    };
  }

  /** @returns {Promise<IteratorResult<Chunk, undefined>>} */
  async #next() {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk) return { done: false, value: chunk };
      if (this.#error) throw this.#error;
      if (this.#over) return { done: true, value: undefined };
      await new Promise((resolve) => this.#waiting.push(() => resolve(undefined)));
    }
  }

  /** @param {import("./framer.js").Frame} frame */
  #heard({ audio, levels }) {
    if (this.#over) return;
    this.#chunks.push(audio);
    this.onlevel?.(levels);
    this.#wake();
  }

  /**
   * Everything that was heard has come before this resolves.
   * @param {Error | null} error
   */
  #end(error) {
    this.#stopping ??= this.#finish(error);
    return this.#stopping;
  }

  /** @param {Error | null} error */
  async #finish(error) {
    const drained = new Promise((resolve) => (this.#drained = () => resolve(undefined)));
    this.#worklet.port.postMessage("stop");
    // A context that the system has stopped answers nothing.
    if (this.#worklet.context.state === "running") await drained;
    this.#over = true;
    this.#error = error;
    this.#wake();
    for (const track of this.#streams.flatMap((stream) => stream.getTracks())) track.stop();
    await this.#release();
  }

  #wake() {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
