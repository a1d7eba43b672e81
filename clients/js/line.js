/**
 * A connection to a server, opened again when it is lost. Knows nothing of what is said over it: that is its party's.
 */

import { Backoff } from "./backoff.js";
import { deferred } from "./deferred.js";
import { ConnectError } from "./errors.js";
import { dial } from "./socket.js";

/** @import { Connection, ReconnectingEvent } from "./steno.js" */

const OPEN_TIMEOUT_S = 10;

/**
 * Who is on the line.
 * @typedef {object} Party
 * @property {string} address where to connect next
 * @property {(key: string | undefined) => Promise<Error>} explain why there was no connection
 * @property {() => void} greet there is one: say what opens the session, and call the line's `opened` once it is
 * @property {(frame: unknown) => void} hear what the server says; throws what ends the session
 * @property {(code: number, reason: string) => Error | null} hungUp what it means that the server has; null: all is well
 * @property {(event: ReconnectingEvent) => void} lost there is no connection for now
 * @property {(error: Error | null) => void} over there will be none any more; called once
 */

export class Line {
  #party;
  #connection;
  #seconds;
  #backoff;
  /** @type {Awaited<ReturnType<typeof dial>> | null} */
  #socket = null;
  /** @type {ReturnType<typeof deferred<void>> | null} */
  #opening = null;
  #openedAt = 0;
  #over = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {Party} party @param {Connection} connection @param {number} seconds for how long to try once it is lost */
  constructor(party, connection, seconds) {
    this.#party = party;
    this.#connection = connection;
    this.#seconds = seconds;
    this.#backoff = new Backoff(seconds);
  }

  /** Resolves once the session is open; rejects with why it can't be. */
  async open() {
    /** @type {ReturnType<typeof deferred<void>>} */
    const opening = (this.#opening = deferred());
    const late = new ConnectError(`the server did not open the session within ${OPEN_TIMEOUT_S} s`);
    const timer = setTimeout(() => opening.reject(late), OPEN_TIMEOUT_S * 1000);
    this.#dial(opening).catch(opening.reject);
    try {
      await opening.promise;
    } catch (error) {
      this.#opening = null;
      this.#hangUp();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** The session is open; what ends it now, be it the next frame, is a loss. */
  opened() {
    this.#opening?.resolve();
    this.#opening = null;
    this.#openedAt = now();
  }

  /** It has got further since: when it is lost, that is another loss. */
  progressed() {
    this.#backoff.reset();
  }

  /** @param {string | Uint8Array<ArrayBuffer>} frame */
  send(frame) {
    this.#socket?.send(frame);
  }

  /** @param {Error | null} error with which it is over, for good; null: all is well */
  close(error) {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#hangUp();
    this.#opening?.reject(new ConnectError("the session was closed before it was open"));
    this.#party.over(error);
  }

  /** @param {ReturnType<typeof deferred<void>>} opening */
  async #dial(opening) {
    const { key: given, WebSocket } = this.#connection;
    const key = typeof given === "function" ? await given() : given;
    const socket = await dial(this.#party.address, key, WebSocket);
    if (this.#opening !== opening) {
      socket.close();
      return;
    }
    this.#socket = socket;
    let connected = false;
    const refused = () => {
      if (connected || socket !== this.#socket) return;
      this.#socket = null;
      this.#party.explain(key).then(opening.reject);
    };
    socket.addEventListener("open", () => {
      connected = true;
      if (socket === this.#socket) this.#party.greet();
    });
    socket.addEventListener("message", ({ data }) => {
      if (socket === this.#socket) this.#hear(data);
    });
    // `close` follows, but not in Chrome where a page's policy forbids the connection.
    socket.addEventListener("error", refused);
    socket.addEventListener("close", ({ code, reason }) => {
      refused();
      if (socket === this.#socket) this.#failed(this.#party.hungUp(code, reason));
    });
  }

  /** @param {unknown} frame */
  #hear(frame) {
    try {
      this.#party.hear(frame);
    } catch (error) {
      this.#failed(/** @type {Error} */ (error));
    }
  }

  /** @param {Error | null} error */
  #failed(error) {
    this.#hangUp();
    if (this.#opening) this.#opening.reject(error ?? new ConnectError("the server closed the connection at once"));
    else if (error) this.#regain(error);
    else this.close(null);
  }

  /**
   * Opens it again, as often as there is hope.
   * @param {Error} error
   */
  async #regain(error) {
    if (now() - this.#openedAt > this.#seconds) this.#backoff.reset();
    for (;;) {
      const wait = this.#backoff.next(error, now(), Math.random());
      if (wait === undefined) return this.close(error);
      this.#party.lost({ type: "reconnecting", attempt: this.#backoff.attempt, in_s: wait, error });
      await new Promise((resolve) => (this.#timer = setTimeout(resolve, wait * 1000)));
      try {
        return await this.open();
      } catch (failed) {
        if (this.#over) return;
        error = /** @type {Error} */ (failed);
      }
    }
  }

  #hangUp() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }
}

function now() {
  return performance.now() / 1000;
}
