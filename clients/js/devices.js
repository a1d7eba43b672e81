/**
 * What there is to listen to: microphones, and what a tab or screen plays; and why there is nothing, by name.
 * Knows nothing of what is done with it.
 */

import { StenoError } from "./errors.js";

/** @import { AudioErrorCode, MicrophoneOptions } from "./capture.js" */

export class AudioError extends StenoError {
  /** @param {AudioErrorCode} code @param {string} message @param {ErrorOptions} [options] */
  constructor(code, message, options) {
    super(message, options);
    this.code = code;
  }
}

/** Streams that end when somebody stops sharing. @type {WeakSet<MediaStream>} */
const shared = new WeakSet();

/** @param {MicrophoneOptions} [options] @returns {Promise<MediaStream>} */
export async function microphone({ deviceId, ...processing } = {}) {
  try {
    return await mediaDevices().getUserMedia({
      audio: { ...processing, ...(deviceId === undefined ? {} : { deviceId: { exact: deviceId } }) },
    });
  } catch (error) {
    throw noMicrophone(/** @type {Error} */ (error));
  }
}

/** @returns {Promise<MediaStream>} */
export async function sharedAudio() {
  const devices = mediaDevices();
  if (!devices.getDisplayMedia) {
    throw new AudioError("unsupported", "this browser can't share the sound of a tab; desktop Chrome and Edge can");
  }
  try {
    // Browsers refuse to share sound without a picture. What is said in it must not be taken for an echo or noise.
    const processing = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    const stream = await devices.getDisplayMedia({ video: true, audio: processing });
    for (const track of stream.getVideoTracks()) {
      track.stop();
      stream.removeTrack(track);
    }
    requireAudio(stream);
    shared.add(stream);
    return stream;
  } catch (error) {
    throw nothingShared(/** @type {Error} */ (error));
  }
}

/** @param {MediaStream} stream */
export function requireAudio(stream) {
  if (stream.getAudioTracks().some((track) => track.readyState === "live")) return;
  throw new AudioError("no_audio_track", "the stream has no sound; to share that of a tab, tick the box for its audio");
}

/** @param {MediaStream} stream that has ended of itself */
export function ended(stream) {
  return shared.has(stream)
    ? new AudioError("sharing_ended", "the sound is no longer shared")
    : new AudioError("device_lost", "the microphone is gone: it was unplugged, or taken away by the system");
}

function mediaDevices() {
  if (navigator.mediaDevices) return navigator.mediaDevices;
  throw new AudioError("insecure_context", "browsers let pages listen over https, or on localhost, only");
}

/** @param {Error} cause */
function noMicrophone(cause) {
  return named(cause, {
    NotAllowedError: ["permission_denied", "the microphone is not allowed: allow it in this page's settings"],
    SecurityError: ["permission_denied", "the microphone is not allowed here"],
    NotFoundError: ["no_device", "there is no microphone"],
    OverconstrainedError: ["no_device", "that microphone is no longer there: pick another one"],
    NotReadableError: ["device_busy", "the microphone gives no sound: another program may use it"],
    AbortError: ["device_busy", "the microphone gives no sound: another program may use it"],
  });
}

/** @param {Error} cause */
function nothingShared(cause) {
  return named(cause, {
    NotAllowedError: ["permission_denied", "nothing was shared: pick a tab or screen, and allow it"],
    InvalidStateError: ["gesture_needed", "the browser shares only after a click"],
    NotFoundError: ["device_busy", "that can't be shared now"],
    NotReadableError: ["device_busy", "that can't be shared now"],
    AbortError: ["device_busy", "that can't be shared now"],
    NotSupportedError: ["unsupported", "this browser can't share the sound of a tab"],
    TypeError: ["unsupported", "this browser can't share the sound of a tab"],
  });
}

/** @param {Error} cause @param {Record<string, [AudioErrorCode, string]>} reasons by what browsers call them */
function named(cause, reasons) {
  const reason = reasons[cause.name];
  return reason ? new AudioError(...reason, { cause }) : cause;
}
