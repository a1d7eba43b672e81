/** Numbers of samples, from those that browsers have to those that sessions take. Knows nothing of either. */

/** @param {readonly Float32Array[]} channels @returns {Int16Array<ArrayBuffer>} */
export function pcm16(channels) {
  const samples = new Int16Array(channels.length * channels[0].length);
  channels.forEach((channel, place) => {
    for (let index = 0; index < channel.length; index++) {
      samples[index * channels.length + place] = Math.max(-32768, Math.min(32767, Math.round(channel[index] * 32768)));
    }
  });
  return samples;
}
