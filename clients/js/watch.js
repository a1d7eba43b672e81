/**
 * Following a session that somebody else holds. Knows nothing of sockets, which are the line's.
 */

import { endpoint } from "./address.js";
import { ConnectError, ProtocolError, RefusedError } from "./errors.js";
import { decode, parse } from "./events.js";
import { Line } from "./line.js";
import { Readers } from "./readers.js";
import { explained } from "./socket.js";

/** @import { Connection, Viewer, ViewerEvent, WatchingEvent, WatchOptions } from "./steno.js" */

const RECONNECT_S = 60;

/** @param {string | URL} url @param {string} session @param {WatchOptions} [options] @returns {Promise<Viewer>} */
export async function watch(url, session, { seq = 1, ...connection } = {}) {
  const viewer = new LiveViewer(url, session, seq, connection);
  await viewer.open();
  return viewer;
}

/** @implements {Viewer} */
class LiveViewer {
  #line;
  #url;
  #session;
  #next;
  /** @type {WatchingEvent | null} */
  #watching = null;
  /** @type {Readers<ViewerEvent>} */
  #readers = new Readers();

  /** @param {string | URL} url @param {string} session @param {number} seq @param {Connection} connection */
  constructor(url, session, seq, connection) {
    this.#url = url;
    this.#session = session;
    this.#next = seq;
    const viewer = this;
    this.#line = new Line(
      {
        get address() {
          return viewer.#address();
        },
        explain: (key) => explained(this.#address(), "sessions", key, (found) => this.#missing(found)),
        greet: () => {}, // the server speaks first
        hear: (frame) => this.#hear(frame),
        hungUp: (code, reason) =>
          code === 1000 ? null : new ConnectError(`the connection was lost: ${code}${reason && ` ${reason}`}`),
        lost: (event) => this.#readers.put(event),
        over: (error) => this.#readers.end(error),
      },
      connection,
      connection.reconnect_s ?? RECONNECT_S,
    );
  }

  async open() {
    try {
      await this.#line.open();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get watching() {
    return /** @type {WatchingEvent} */ (this.#watching);
  }

  close() {
    this.#line.close(null);
  }

  [Symbol.asyncIterator]() {
    return this.#readers.iterate();
  }

  /** By its id once that is known: another one may get the same label. */
  #address() {
    const name = encodeURIComponent(this.#watching?.session ?? this.#session);
    return `${endpoint(this.#url, `sessions/${name}/watch`)}?seq=${this.#next}`;
  }

  /** @param {unknown} frame */
  #hear(frame) {
    const event = /** @type {ViewerEvent | undefined} */ (decode(parse(frame)));
    if (event === undefined) return;
    if (event.type === "watching") {
      this.#watching = event;
      this.#line.opened();
    } else if (this.#watching === null) {
      throw new ProtocolError(`\`${event.type}\` came before \`watching\``);
    }
    if ("seq" in event) {
      this.#next = event.seq + 1;
      this.#line.progressed();
    }
    this.#readers.put(event);
  }

  /** @param {{ data: { id: string, labels: Record<string, string> }[] }} found the sessions that this key may watch */
  #missing({ data }) {
    const name = this.#watching?.session ?? this.#session;
    if (data.some(({ id, labels }) => id === name || Object.values(labels).includes(name))) return undefined;
    return new RefusedError(404, "not_found", `no live session \`${name}\``);
  }
}
