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
  switch (cause.name) {
    case "NotAllowedError":
    case "SecurityError":
      return new AudioError("permission_denied", "the microphone is not allowed: allow it in the browser's settings of this page", { cause });
    case "NotFoundError":
      return new AudioError("no_device", "there is no microphone", { cause });
    case "OverconstrainedError":
      return new AudioError("no_device", "that microphone is no longer there: pick another one", { cause });
    case "NotReadableError":
    case "AbortError":
      return new AudioError("device_busy", "the microphone gives no sound: another program may use it", { cause });
    default:
      return cause;
  }
}

/** @param {Error} cause */
function nothingShared(cause) {
  switch (cause.name) {
    case "NotAllowedError":
      return new AudioError("permission_denied", "nothing was shared: pick a tab or screen, and allow it", { cause });
    case "InvalidStateError":
      return new AudioError("gesture_needed", "the browser shares only after a click", { cause });
    case "NotFoundError":
    case "NotReadableError":
    case "AbortError":
      return new AudioError("device_busy", "that can't be shared now", { cause });
    case "NotSupportedError":
    case "TypeError":
      return new AudioError("unsupported", "this browser can't share the sound of a tab", { cause });
    default:
      return cause;
  }
}
