/**
 * What can go wrong with a session, each kind with the facts that it takes to go on; the tree is in `steno.d.ts`.
 * Knows nothing of sockets.
 */

export class StenoError extends Error {
  /** @param {string} message @param {ErrorOptions} [options] */
  constructor(message, options) {
    super(message, options);
    this.name = new.target.name;
  }
}

export class ConnectError extends StenoError {}

export class RefusedError extends ConnectError {
  /** @param {number} status @param {string} code @param {string} reason @param {number | null} [retryAfter] */
  constructor(status, code, reason, retryAfter = null) {
    const again = retryAfter === null ? "" : `; try again in ${retryAfter} s`;
    super(`${reason} (${code}, HTTP ${status})${again}`);
    this.status = status;
    this.code = code;
    this.reason = reason;
    this.retry_after = retryAfter;
  }
}

/** @typedef {{ received: number, durable: number }} Marks */

export class SessionError extends StenoError {
  /** @param {string} code @param {string} reason @param {string | null} hint @param {Marks} marks */
  constructor(code, reason, hint, marks) {
    super(explained(code, reason, hint));
    this.code = code;
    this.reason = reason;
    this.hint = hint;
    this.received = marks.received;
    this.durable = marks.durable;
  }
}

export class IncompleteError extends StenoError {
  /** @param {string} reason @param {Marks} marks @param {ErrorOptions} [options] */
  constructor(reason, marks, options) {
    const { received, durable } = marks;
    super(`${reason}; of ${received} samples that the server received, ${durable} are covered by finals`, options);
    this.received = received;
    this.durable = durable;
  }
}

export class RequestError extends StenoError {
  /** @param {string} code @param {string} reason @param {string | null} hint */
  constructor(code, reason, hint) {
    super(explained(code, reason, hint));
    this.code = code;
    this.reason = reason;
    this.hint = hint;
  }
}

export class ProtocolError extends StenoError {}

/** @param {string} code @param {string} reason @param {string | null} hint */
function explained(code, reason, hint) {
  return `${reason} (${code})` + (hint ? `; ${hint}` : "");
}
