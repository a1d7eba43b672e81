/** A program in TypeScript, as a user writes it: it only has to compile. */

import { AudioError, capture, microphone, sharedAudio } from "../../../../../clients/js/capture.js";
import { pcm16 } from "../../../../../clients/js/pcm.js";
import {
  connect,
  type FinalEvent,
  IncompleteError,
  type Options,
  RefusedError,
  type Session,
  type SessionEvent,
  watch,
} from "../../../../../clients/js/steno.js";
import { srt, vtt } from "../../../../../clients/js/subtitles.js";

export async function listen(url: string): Promise<string> {
  const options: Options = { language: ["en", "de"], words: true, endpointing: null };
  const session: Session = await connect(url, { ...options, key: async () => "token", reconnect_s: 60 });
  const finals: FinalEvent[] = [];
  try {
    const heard = await capture([await microphone({ deviceId: "a" }), await sharedAudio()], { sample_rate: 16_000 });
    heard.onlevel = ([level]) => console.log(level?.rms);
    session.feed(heard);
    for await (const event of session) {
      show(event);
      if (event.type === "final") finals.push(event);
    }
    await session.send(pcm16([new Float32Array(2)]));
  } catch (error) {
    if (error instanceof AudioError && error.code === "permission_denied") console.log(error.message);
    if (error instanceof RefusedError) console.log(error.retry_after?.toFixed());
    if (error instanceof IncompleteError) console.log(error.durable.toFixed());
    // @ts-expect-error there is no such code
    if (error instanceof AudioError && error.code === "denied") throw error;
  }
  // @ts-expect-error there is no such option
  await connect(url, { apiKey: "k" });
  return srt(finals) + vtt(finals, ["Ann", "Bob"]);
}

function show(event: SessionEvent): void {
  switch (event.type) {
    case "partial":
      return console.log(event.stable_text, event.unstable_text);
    case "final":
      return console.log(event.words?.map((word) => word.confidence?.toFixed(2)));
    case "reconnecting":
      return console.log(event.in_s, event.error.message);
  }
}

export async function follow(url: URL): Promise<void> {
  for await (const event of await watch(url, "CA1", { seq: 5 })) {
    if (event.type === "watching") console.log(event.missed);
  }
}
