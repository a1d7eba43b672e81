/**
 * What a session has to say, in order: audio and requests, and what would have to be said again on another connection.
 *
 * Positions are samples per channel on the session's clock. Knows nothing of sockets, nor of what requests ask for.
 */

/** @typedef {{ resolve: (answer?: any) => void, reject: (reason: unknown) => void }} Answer */
/** @typedef {{ at: number, audio: Uint8Array<ArrayBuffer>, answer: Answer }} Audio */
/** @typedef {{ type: string, fields: any, text: string, answer: Answer }} Request */

export class Outbox {
  /** Up to #next they are said; what is said stays while it may have to be said again, or waits for its answer. */
  #entries = /** @type {(Audio | Request)[]} */ ([]);
  #next = 0;
  #sampleBytes;
  #channels;
  #keep;
  /** Where the audio ends that has been sent, and all that is here. */
  #sent;
  #end;

  /**
   * sampleBytes: of all channels. at: where the audio begins. keep: whether what was sent may have to be sent again.
   * @param {{ sampleBytes: number, channels: number, at: number, keep: boolean }} options
   */
  constructor({ sampleBytes, channels, at, keep }) {
    this.#sampleBytes = sampleBytes;
    this.#channels = channels;
    this.#keep = keep;
    this.#sent = this.#end = at;
  }

  get sent() {
    return this.#sent;
  }

  /**
   * audio: whole samples, one at least. answer: settled once they are sent.
   * @param {Uint8Array<ArrayBuffer>} audio @param {Answer} answer
   */
  addAudio(audio, answer) {
    this.#entries.push({ at: this.#end, audio, answer });
    this.#end += audio.length / this.#sampleBytes;
  }

  /** @param {string} type @param {object} fields @param {Answer} answer settled by who takes the server's */
  addRequest(type, fields, answer) {
    this.#entries.push({ type, fields, text: JSON.stringify({ type, ...fields }), answer });
  }

  /**
   * What is to be sent next, counted as sent: a text, or a frame of up to so many samples; undefined for nothing now.
   * @param {number} samples
   */
  take(samples) {
    const entry = this.#entries[this.#next];
    if (entry === undefined) return undefined;
    if ("text" in entry) {
      this.#next++;
      return entry.text;
    }
    const begin = (this.#sent - entry.at) * this.#sampleBytes;
    const frame = entry.audio.subarray(begin, begin + samples * this.#sampleBytes);
    if (frame.length === 0) return undefined;
    this.#sent += frame.length / this.#sampleBytes;
    if (this.#sent === this.#endOf(entry)) {
      this.#next++;
      entry.answer.resolve();
      if (!this.#keep) this.forget(this.#sent);
    }
    return frame;
  }

  /**
   * Takes away the request of a type that has waited longest for the server's answer; undefined where none has.
   * @param {string} type
   */
  answered(type) {
    const found = this.#entries.findIndex((entry) => "type" in entry && entry.type === type);
    if (found < 0 || found >= this.#next) return undefined;
    this.#next--;
    return /** @type {Request} */ (this.#entries.splice(found, 1)[0]);
  }

  /**
   * Audio that was sent up to a position won't have to be sent again.
   * @param {number} position
   */
  forget(position) {
    const said = this.#entries.slice(0, this.#next).filter((entry) => "text" in entry || this.#endOf(entry) > position);
    this.#entries.splice(0, this.#next, ...said);
    this.#next = said.length;
  }

  /**
   * Everything behind a position is to be said again, but for what each channel has behind it up to its own: that is
   * silent now.
   * @param {number} position @param {number[]} heard @param {number[]} silence a sample of it, in bytes
   */
  rewind(position, heard, silence) {
    position = Math.min(position, this.#end);
    const kept = this.#entries.filter((entry) => "text" in entry || this.#endOf(entry) > position);
    for (const entry of kept) {
      if ("text" in entry) continue;
      if (entry.at < position) {
        entry.audio = entry.audio.subarray((position - entry.at) * this.#sampleBytes);
        entry.at = position;
      }
      this.#silence(entry, heard, silence);
    }
    this.#entries = kept;
    this.#next = 0;
    this.#sent = position;
  }

  /**
   * Nothing of this will be sent or answered.
   * @param {unknown} reason
   */
  fail(reason) {
    for (const entry of this.#entries) entry.answer.reject(reason);
    this.#entries = [];
    this.#next = 0;
  }

  /** @param {Audio} entry */
  #endOf(entry) {
    return entry.at + entry.audio.length / this.#sampleBytes;
  }

  /** @param {Audio} entry @param {number[]} heard @param {number[]} silence */
  #silence(entry, heard, silence) {
    const size = this.#sampleBytes / this.#channels;
    heard.forEach((position, channel) => {
      const end = Math.min(position - entry.at, entry.audio.length / this.#sampleBytes);
      for (let sample = 0; sample < end; sample++) {
        entry.audio.set(silence, sample * this.#sampleBytes + channel * size);
      }
    });
  }
}
