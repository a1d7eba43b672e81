/** A session's finals as one document, by the same rules as the `steno` command and the server. */

import type { FinalEvent } from "./steno.js";

/** What is needed of a final. Finals come in order within their channel, as a session tells them. */
export type Said = Pick<FinalEvent, "channel" | "start" | "end" | "text" | "words">;

/** A line for each final. */
export function txt(finals: Iterable<Said>): string;

/** The text is left as it is, since SRT has no escapes. */
export function srt(finals: Iterable<Said>): string;

/**
 * Where there are several channels, each is a voice: by `voices`, names of channels, else "Channel 1", "Channel 2" …
 */
export function vtt(finals: Iterable<Said>, voices?: readonly string[]): string;

export interface Caption {
  start_ms: number;
  end_ms: number;
  lines: string[];
  channel: number;
}

/** Captions in order of time. Finals without words get the times of theirs by length of text. */
export function captions(finals: Iterable<Said>): Caption[];
