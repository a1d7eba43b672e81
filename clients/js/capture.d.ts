/**
 * Sound in a browser as chunks of PCM: `session.feed(await capture(await microphone()))`.
 *
 * What the browser names keeps the browser's names (`deviceId`), what a session names the session's (`sample_rate`).
 */

import { StenoError } from "./steno.js";

export interface MicrophoneOptions {
  /** From `navigator.mediaDevices.enumerateDevices()`; the browser's default unless given. */
  deviceId?: string;
  /** Processing by the browser; its default unless given. */
  echoCancellation?: boolean;
  noiseSuppression?: boolean;
  autoGainControl?: boolean;
}

/** Asks for a microphone. Rejects with an AudioError: permission_denied, no_device, device_busy, insecure_context. */
export function microphone(options?: MicrophoneOptions): Promise<MediaStream>;

/**
 * Asks which tab, window or screen to listen to; wants a click just before. The stream has sound only, as it was
 * played. Rejects with an AudioError: permission_denied, no_audio_track, unsupported, insecure_context.
 */
export function sharedAudio(): Promise<MediaStream>;

/** A stream with an audio track, or a node of an AudioContext that is running; nodes must be of one context. */
export type Source = MediaStream | AudioNode;

export interface CaptureOptions {
  /** Samples per second, 8000 to 48000; 16000 unless given. */
  sample_rate?: number;
  /** Length of a chunk, 10 to 1000; 40 unless given. */
  frame_ms?: number;
}

/**
 * Starts to capture. Each source is mixed to mono and is one channel of the chunks, in their order, all on one clock.
 *
 * Rejects with an AudioError: no_audio_track for a stream without, gesture_needed where the browser wants a click
 * first, unsupported.
 */
export function capture(sources: Source | readonly Source[], options?: CaptureOptions): Promise<Capture>;

/** Full scale is 1, for both. */
export interface Level {
  rms: number;
  peak: number;
}

/**
 * Iterating yields interleaved pcm_s16le in chunks of `frame_ms`; only the last one before a pause or the end may be
 * shorter. It waits for a reader, who gets every chunk. It ends after `stop()`, and throws an AudioError where a source
 * has ended: device_lost, sharing_ended. Whoever leaves a loop over it early has stopped it.
 */
export interface Capture extends AsyncIterable<Int16Array> {
  readonly channels: number;
  readonly sample_rate: number;
  readonly paused: boolean;
  /** Called with the level of each chunk's channels. */
  onlevel: ((levels: Level[]) => void) | null;
  /** What was heard so far still comes; then nothing, and the session's clock stands still, until `resume()`. */
  pause(): void;
  resume(): void;
  /** Ends the iteration once what was heard has come, and turns the devices off. */
  stop(): Promise<void>;
}

export type AudioErrorCode =
  | "permission_denied"
  | "no_device"
  | "device_busy"
  | "device_lost"
  | "no_audio_track"
  | "sharing_ended"
  | "gesture_needed"
  | "insecure_context"
  | "unsupported";

/** There is nothing to listen to; `message` says why, and what to do about it. */
export class AudioError extends StenoError {
  constructor(code: AudioErrorCode, message: string, options?: ErrorOptions);
  readonly code: AudioErrorCode;
}
