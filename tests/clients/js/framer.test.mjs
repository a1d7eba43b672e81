import assert from "node:assert/strict";
import { test } from "node:test";

import { Framer } from "../../../clients/js/framer.js";
import { pcm16 } from "../../../clients/js/pcm.js";
import { joined, tone } from "./signals.mjs";

function framed(framer, channels, size = 128) {
  const frames = [];
  for (let begin = 0; begin < channels[0].length; begin += size) {
    frames.push(...framer.push(channels.map((channel) => channel.subarray(begin, begin + size))));
  }
  return frames;
}

test("full scale is 32768, what is over it is cut, and channels are interleaved", () => {
  const left = Float32Array.of(0, 0.5, 1, 2);
  const right = Float32Array.of(-1, -2, 1 / 32768, -0.4 / 32768);
  assert.deepEqual(pcm16([left, right]), Int16Array.of(0, -32768, 16384, -32768, 32767, 1, 32767, 0));
  assert.deepEqual(pcm16([left]), Int16Array.of(0, 16384, 32767, 32767));
});

test("frames are of one size, the last one is what is left, and no sample is lost", () => {
  const framer = new Framer({ channels: 2, from: 48_000, to: 16_000, frame: 640 });
  const frames = framed(framer, [tone(440, 48_000, 1.01), tone(880, 48_000, 1.01)]);
  const rest = framer.flush();
  assert.deepEqual(new Set(frames.map(({ audio }) => audio.length)), new Set([2 * 640]));
  const audio = joined([...frames, ...rest].map(({ audio }) => audio));
  assert.equal(audio.length, 2 * 16_160);
  for (const [channel, hz] of [440, 880].entries()) {
    for (let index = 1_000; index < 15_000; index++) {
      const expected = 32768 * Math.sin((2 * Math.PI * hz * index) / 16_000);
      assert(Math.abs(audio[2 * index + channel] - Math.min(32767, expected)) < 40);
    }
  }
  assert.deepEqual(framer.flush(), []);
});

test("a flush ends one signal, and another one begins without it", () => {
  const framer = new Framer({ channels: 1, from: 48_000, to: 16_000, frame: 640 });
  const play = () => joined([...framed(framer, [tone(440, 48_000, 0.1)]), ...framer.flush()].map(({ audio }) => audio));
  assert.deepEqual(play(), play());
});

test("each channel has its level", () => {
  const framer = new Framer({ channels: 2, from: 16_000, to: 16_000, frame: 1_600 });
  const [{ levels }] = [...framed(framer, [tone(440, 16_000, 0.1), new Float32Array(1_600)]), ...framer.flush()];
  assert(Math.abs(levels[0].rms - Math.SQRT1_2) < 0.001);
  assert(Math.abs(levels[0].peak - 1) < 0.01);
  assert.deepEqual(levels[1], { rms: 0, peak: 0 });
});
