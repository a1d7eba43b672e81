/** Numbers of samples, from those that browsers have to those that sessions take. */

/** Interleaved pcm_s16le of channels of equal length; full scale is 1, and what is over it is cut. */
export function pcm16(channels: readonly Float32Array[]): Int16Array;
