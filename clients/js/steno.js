/** Live speech-to-text against a Steno server. What there is and what it promises: `steno.d.ts`. */

export {
  ConnectError,
  IncompleteError,
  ProtocolError,
  RefusedError,
  RequestError,
  SessionError,
  StenoError,
} from "./errors.js";
export { connect } from "./session.js";
export { watch } from "./watch.js";
