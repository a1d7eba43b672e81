/** Signals for tests. */

export function tone(hz, rate, seconds) {
  const length = Math.round(rate * seconds);
  return Float32Array.from({ length }, (_, index) => Math.sin((2 * Math.PI * hz * index) / rate));
}

/** The same numbers in 0..1 for the same seed (mulberry32). */
export function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Arrays of numbers as one. */
export function joined(arrays) {
  const all = new arrays[0].constructor(arrays.reduce((length, array) => length + array.length, 0));
  let at = 0;
  for (const array of arrays) {
    all.set(array, at);
    at += array.length;
  }
  return all;
}

/** Whether two arrays hold the same numbers, bit for bit; `deepEqual` takes its time. */
export function same(one, other) {
  const bytes = ({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength);
  return bytes(one).equals(bytes(other));
}
