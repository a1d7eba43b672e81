/**
 * Sound of this device on its way to a session, and the session's events on their way back.
 *
 * Knows nothing of the page.
 */

import { capture, microphone, sharedAudio } from "../js/capture.js";
import { StenoError, connect } from "../js/steno.js";
import { ask } from "./api.js";
import { SHARED } from "./choices.js";
import { storedKey } from "./key.js";

/** How long a lost connection is tried for. What is said meanwhile is kept, and captioned later. */
const RECONNECT_S = 300;
const RATE = 16_000;

export class Listening {
  /** Samples that went to sessions so far: each goes on with the clock of the one before. */
  #position = 0;
  /** @type {import("../js/capture.js").Capture | null} */
  #heard = null;
  /** @type {import("../js/steno.js").Session | null} */
  #session = null;
  /** Why there is no more sound, if nobody has stopped it. @type {unknown} */
  #lost = null;

  /** How far the sound is, in seconds. */
  get position() {
    return this.#position / RATE;
  }

  /** What the server calls the session; it has another name after each reconnection. */
  get session() {
    return this.#session?.ready.session ?? null;
  }

  /**
   * Asks for the sound and opens a session. Rejects with an AudioError, with Refused, or as `connect` does.
   *
   * @param {string} source  SHARED or a microphone's id, "" for the default
   * @param {{model: string | null, language: string | null}} options
   * @param {(peak: number) => void} onlevel
   */
  async open(source, options, onlevel) {
    const media = await (source === SHARED ? sharedAudio() : microphone(source ? { deviceId: source } : {}));
    try {
      this.#heard = await capture(media, { sample_rate: RATE });
      this.#heard.onlevel = ([{ peak }]) => onlevel(peak);
      this.#session = await connect(location.origin, {
        ...options,
        sample_rate: RATE,
        words: true,
        offset: this.#position,
        key: storedKey() || undefined,
        reconnect_s: RECONNECT_S,
      });
    } catch (error) {
      await this.close();
      for (const track of media.getTracks()) track.stop();
      // The worklet that captures is loaded from the server, which may be gone.
      if (!(error instanceof StenoError)) await ask("/livez");
      throw error;
    }
    this.#session.feed(this.#counted(this.#heard));
  }

  /** Events until the session is over; throws what cuts it short, or what has ended the sound. */
  async *events() {
    try {
      if (this.#session) yield* this.#session;
      if (this.#lost) throw this.#lost;
    } finally {
      await this.close();
    }
  }

  /** What was said so far gets its final now. */
  pause() {
    this.#heard?.pause();
    // If it fails, so does the session, which says so to whoever reads events.
    this.#session?.finalize().catch(() => {});
  }

  resume() {
    this.#heard?.resume();
  }

  /** Nothing more is heard; events go on until all of it has its final. */
  async stop() {
    await this.#heard?.stop();
  }

  /** Gives up at once. */
  async close() {
    const [heard, session] = [this.#heard, this.#session];
    this.#heard = this.#session = null;
    session?.close();
    await heard?.stop();
  }

  /** @param {import("../js/capture.js").Capture} heard */
  async *#counted(heard) {
    this.#lost = null;
    try {
      for await (const samples of heard) {
        this.#position += samples.length;
        yield samples;
      }
    } catch (error) {
      // A microphone is gone; what it has heard gets its final all the same.
      this.#lost = error;
    }
  }
}
