/**
 * A signal at another rate, chunk by chunk. Knows nothing of where it comes from; runs in worklets too.
 */

/** Of the lower rate's Nyquist frequency: what lies below passes, what lies above the whole of it does not. */
const PASSBAND = 0.9;
const STOPBAND_DB = 70;

/**
 * A polyphase filter: a windowed sinc for each place that an output can have between two inputs. After n inputs there
 * have been ceil(n * to / from) outputs, in whatever chunks they came, once `flush` has given those that wait for what
 * follows.
 */
export class Resampler {
  #up;
  #down;
  /** Inputs on each side of an output that it is made of. */
  #half;
  /** @type {Float32Array[]} */
  #kernels;
  /** Inputs that are still needed, the first of them #half - 1 before the next output. */
  #held;
  #count;
  /** The next output is so many #up-ths of an input behind its place. */
  #phase = 0;
  /** The place of the next output; it may lie behind what is held. */
  #at;

  /** @param {number} from @param {number} to in Hz, whole numbers */
  constructor(from, to) {
    const common = divisor(from, to);
    this.#up = to / common;
    this.#down = from / common;
    const ratio = `${this.#up}/${this.#down}`;
    const { half, kernels } = designs.get(ratio) ?? design(this.#up, this.#down);
    designs.set(ratio, { half, kernels });
    this.#half = half;
    this.#kernels = kernels;
    this.#at = half - 1;
    this.#count = half - 1;
    this.#held = new Float32Array(2 * half);
  }

  /** @param {Float32Array} input @returns {Float32Array<ArrayBuffer>} */
  push(input) {
    this.#hold(input);
    return this.#outputs();
  }

  /**
   * What is left, as if silence followed; the next `push` begins another signal.
   * @returns {Float32Array<ArrayBuffer>}
   */
  flush() {
    const left = this.push(new Float32Array(this.#half));
    this.#held.fill(0);
    this.#count = this.#at = this.#half - 1;
    this.#phase = 0;
    return left;
  }

  /** @param {Float32Array} input */
  #hold(input) {
    const past = Math.min(this.#at - this.#half + 1, this.#count);
    const needed = this.#count - past + input.length;
    if (needed > this.#held.length) {
      const held = new Float32Array(2 * needed);
      held.set(this.#held.subarray(past, this.#count));
      this.#held = held;
    } else {
      this.#held.copyWithin(0, past, this.#count);
    }
    this.#at -= past;
    this.#count -= past;
    this.#held.set(input, this.#count);
    this.#count += input.length;
  }

  #outputs() {
    const ahead = (this.#count - this.#half - this.#at) * this.#up - this.#phase;
    const outputs = new Float32Array(Math.max(0, Math.ceil(ahead / this.#down)));
    for (let index = 0; index < outputs.length; index++) {
      const kernel = this.#kernels[this.#phase];
      const first = this.#at - this.#half + 1;
      let sum = 0;
      for (let tap = 0; tap < kernel.length; tap++) sum += kernel[tap] * this.#held[first + tap];
      outputs[index] = sum;
      this.#phase += this.#down;
      this.#at += Math.floor(this.#phase / this.#up);
      this.#phase %= this.#up;
    }
    return outputs;
  }
}

/**
 * One for each ratio, as the channels of a capture have the same.
 * @type {Map<string, { half: number, kernels: Float32Array[] }>}
 */
const designs = new Map();

/**
 * Kaiser's window and his formulas for its shape and length (Oppenheim and Schafer, Discrete-Time Signal Processing).
 * @param {number} up @param {number} down
 */
function design(up, down) {
  if (up === down) return { half: 1, kernels: [Float32Array.of(1, 0)] };
  const nyquist = 0.5 * Math.min(1, up / down);
  const width = (1 - PASSBAND) * nyquist;
  const half = Math.ceil((STOPBAND_DB - 7.95) / (2.285 * 2 * Math.PI * width) / 2);
  const cutoff = nyquist - width / 2;
  const beta = 0.1102 * (STOPBAND_DB - 8.7);
  const kernels = Array.from({ length: up }, (_, phase) => {
    const taps = Array.from({ length: 2 * half }, (_, tap) => {
      const distance = tap - half + 1 - phase / up;
      return sinc(2 * cutoff * distance) * bessel(beta * Math.sqrt(Math.max(0, 1 - (distance / half) ** 2)));
    });
    const sum = taps.reduce((total, tap) => total + tap);
    return Float32Array.from(taps, (tap) => tap / sum);
  });
  return { half, kernels };
}

/** @param {number} x */
function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/**
 * The modified Bessel function of the first kind and order 0, by its series.
 * @param {number} x
 */
function bessel(x) {
  let sum = 1;
  for (let term = 1, k = 1; term > sum * 1e-12; k++) sum += term *= (x / (2 * k)) ** 2;
  return sum;
}

/** @param {number} a @param {number} b @returns {number} */
function divisor(a, b) {
  return b ? divisor(b, a % b) : a;
}
