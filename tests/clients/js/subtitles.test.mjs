import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { captions, srt, txt, vtt } from "../../../clients/js/subtitles.js";

const GOLDEN = new URL("../../wire/captions/", import.meta.url);

function final(text, start = 0, end = 2, words = undefined, channel = 0) {
  return { channel, start, end, text, words };
}

/** A final as a server tells it: words are stripped, and their text is that of the segment. */
function told({ words, channel }) {
  const timed = words.map(([text, start, end]) => ({ text: text.trim(), start: start / 1000, end: end / 1000 }));
  const text = words.map(([text]) => text).join("").trim();
  return final(text, timed.at(0)?.start, timed.at(-1)?.end, timed, channel);
}

const lines = (document) => document.split("\n").slice(0, -1);

const names = readdirSync(GOLDEN);
assert(names.length >= 15);
for (const name of names) {
  test(`golden captions: ${name}`, () => {
    const golden = JSON.parse(readFileSync(new URL(name, GOLDEN), "utf8"));
    const finals = golden.finals.map(told);
    const shown = captions(finals).map((one) => [one.channel, one.start_ms, one.end_ms, one.lines]);
    assert.deepEqual(shown, golden.captions);
    for (const [document, write] of Object.entries({ srt, vtt })) {
      if (golden[document]) assert.deepEqual(lines(write(finals)), golden[document]);
    }
  });
}

const TWO = [final("One & <two>.", 3661.5, 3663.5), final("Three.", 3662, 3664.25, undefined, 1)];

test("finals need no words, and documents can say nothing", () => {
  const [first, second] = ["01:01:01,500 --> 01:01:03,500", "01:01:02,000 --> 01:01:04,250"];
  assert.equal(srt(TWO), `1\n${first}\nOne & <two>.\n\n2\n${second}\nThree.\n\n`);
  assert.equal(vtt(TWO.slice(0, 1)), "WEBVTT\n\n01:01:01.500 --> 01:01:03.500\nOne &amp; &lt;two&gt;.\n");
  assert.equal(txt(TWO), "One & <two>.\nThree.\n");
  assert.deepEqual([srt([]), vtt([]), txt([]), captions([final("")])], ["", "WEBVTT\n", "", []]);
});

test("WebVTT names the voices of several channels", () => {
  const voices = (document) => document.match(/<v .*/g);
  assert.deepEqual(voices(vtt(TWO)), ["<v Channel 1>One &amp; &lt;two&gt;.", "<v Channel 2>Three."]);
  assert.deepEqual(voices(vtt(TWO, ["Ann > Bob"])), ["<v Ann &gt; Bob>One &amp; &lt;two&gt;.", "<v Channel 2>Three."]);
});

test("words that are not the text's are left aside", () => {
  const [{ lines }] = captions([final("This is it.", 0, 2, [{ text: "something", start: 0, end: 1 }])]);
  assert.deepEqual(lines, ["This is it."]);
});
