/**
 * From the wire's messages to events: the fields that a message must have, and those that are added to it.
 * Knows nothing of sessions. What each event means is said in `steno.d.ts`.
 */

import { ProtocolError } from "./errors.js";

/** @import { SessionEvent, ViewerEvent } from "./steno.js" */
/** @typedef {Exclude<SessionEvent | ViewerEvent, { type: "reconnecting" }>} ServerEvent */

const SEGMENT = { segment: "number", channel: "number" };
const STRETCH = { start: "number", end: "number" };
const NUMBERED = { seq: "number" };
const TEXT = { ...SEGMENT, ...STRETCH, text: "string", language: "string|null", words: "object|undefined" };

/**
 * What the fields of each message may hold.
 * @type {Record<ServerEvent["type"], Record<string, string>>}
 */
const FIELDS = {
  ready: {
    protocol: "number",
    session: "string",
    token: "string",
    model: "string",
    options: "object",
    resume_window_s: "number",
    limits: "object",
  },
  watching: { session: "string", model: "string|null", first_seq: "number", missed: "number" },
  speech_started: { ...NUMBERED, ...SEGMENT, at: "number" },
  partial: { ...TEXT, stable: "number", lag_ms: "number" },
  speech_ended: { ...NUMBERED, ...SEGMENT, at: "number", reason: "string" },
  final: { ...NUMBERED, ...TEXT, confidence: "number|null", reason: "string", latency: "object" },
  suppressed: { ...NUMBERED, ...SEGMENT, ...STRETCH, reason: "string" },
  gap: { ...NUMBERED, channel: "number", ...STRETCH, reason: "string" },
  ack: { received: "number", durable: "number" },
  finalized: { ...NUMBERED, at: "number" },
  configured: { ...NUMBERED },
  warning: { code: "string", message: "string" },
  going_away: { deadline_s: "number" },
  error: { code: "string", message: "string", fatal: "boolean" },
  done: {
    ...NUMBERED,
    received: "number",
    audio_s: "number",
    speech_s: "number",
    segments: "number",
    words: "number",
    latency: "object",
  },
};

/**
 * The JSON object that a frame of the server is. Throws ProtocolError.
 * @param {unknown} frame @returns {Record<string, any>}
 */
export function parse(frame) {
  try {
    const message = typeof frame === "string" && JSON.parse(frame);
    if (kind(message) === "object" && !Array.isArray(message)) return message;
  } catch {
    // It is no JSON at all.
  }
  throw new ProtocolError("the server sent a frame that is not a JSON object");
}

/**
 * The event that a message tells, which it becomes; undefined for a type that this version doesn't know. Fields that it
 * doesn't know stay. Throws ProtocolError for a known one that is missing or of the wrong type.
 * @param {Record<string, any>} message @returns {ServerEvent | undefined}
 */
export function decode(message) {
  if (!Object.hasOwn(FIELDS, message.type)) return undefined;
  const fields = FIELDS[/** @type {ServerEvent["type"]} */ (message.type)];
  for (const name in fields) {
    if (!fields[name].includes(kind(message[name]))) {
      throw new ProtocolError(`\`${message.type}.${name}\` is ${JSON.stringify(message[name])}`);
    }
  }
  if (message.type === "configured") {
    // The one message whose fields are the options themselves.
    const { type, seq, ...options } = message;
    return /** @type {ServerEvent} */ ({ type, seq, options });
  }
  if (message.type === "partial") {
    const cut = unitsOf(message.text, message.stable);
    message.stable_text = message.text.slice(0, cut);
    message.unstable_text = message.text.slice(cut);
  }
  return /** @type {ServerEvent} */ (message);
}

/** @param {unknown} value */
function kind(value) {
  return value === null ? "null" : typeof value;
}

/**
 * How many UTF-16 units so many code points take.
 * @param {string} text @param {number} points
 */
function unitsOf(text, points) {
  let units = 0;
  for (let point = 0; point < points && units < text.length; point++) {
    units += /** @type {number} */ (text.codePointAt(units)) > 0xffff ? 2 : 1;
  }
  return units;
}
