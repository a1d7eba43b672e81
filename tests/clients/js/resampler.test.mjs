import assert from "node:assert/strict";
import { test } from "node:test";

import { Resampler } from "../../../clients/js/resampler.js";
import { joined, random, same, tone } from "./signals.mjs";

const RATES = [
  [48_000, 16_000],
  [44_100, 16_000],
  [96_000, 16_000],
  [16_000, 16_000],
  [44_100, 48_000],
  [48_000, 11_025],
  [22_050, 8_000],
];

function resampled(signal, from, to) {
  const resampler = new Resampler(from, to);
  return joined([resampler.push(signal), resampler.flush()]);
}

/** Decibels of what is in `signal` over a full-scale tone, but for the ends, where the signal begins and breaks off. */
function decibels(signal) {
  const inner = signal.subarray(signal.length / 10, (signal.length * 9) / 10);
  return 10 * Math.log10((2 * inner.reduce((sum, sample) => sum + sample ** 2, 0)) / inner.length + 1e-20);
}

for (const [from, to] of RATES) {
  test(`${from} to ${to} Hz: tones pass as they are, on time`, () => {
    for (const share of [0.01, 0.3, 0.6, 0.85]) {
      const hz = (share * Math.min(from, to)) / 2;
      const out = resampled(tone(hz, from, 0.2), from, to);
      const error = out.map((sample, index) => sample - Math.sin((2 * Math.PI * hz * index) / to));
      assert(decibels(error) < -60, `${hz} Hz is off by ${decibels(error)} dB`);
    }
  });

  if (from > to) {
    test(`${from} to ${to} Hz: what can't be told at the lower rate leaves no alias`, () => {
      for (const share of [1.001, 1.01, 1.1, 1.5, 1.9, from / to - 0.01]) {
        const hz = (share * to) / 2;
        if (hz >= from / 2) continue;
        const alias = decibels(resampled(tone(hz, from, 0.2), from, to));
        assert(alias < -60, `${hz} Hz leaves ${alias} dB`);
      }
    });
  }

  test(`${from} to ${to} Hz: chunks of any size make no difference`, () => {
    const next = random(7);
    const signal = Float32Array.from({ length: 5_000 }, () => 2 * next() - 1);
    const whole = resampled(signal, from, to);
    assert.equal(whole.length, Math.ceil((signal.length * to) / from));
    for (let round = 0; round < 20; round++) {
      const resampler = new Resampler(from, to);
      const outputs = [];
      for (let begin = 0; begin < signal.length; ) {
        const end = begin + Math.floor(next() ** 3 * 1_500);
        outputs.push(resampler.push(signal.subarray(begin, end)));
        begin = end;
      }
      outputs.push(resampler.flush());
      assert(same(joined(outputs), whole));
    }
  });

  test(`${from} to ${to} Hz: any number of inputs has its outputs, and the next signal begins anew`, () => {
    const resampler = new Resampler(from, to);
    for (const length of [0, 1, 2, 3, 127, 128, 441, 1_000]) {
      const signal = tone(440, from, length / from);
      const outputs = joined([resampler.push(signal), resampler.flush()]);
      assert.equal(outputs.length, Math.ceil((length * to) / from));
      assert(same(outputs, resampled(signal, from, to)));
    }
  });
}
