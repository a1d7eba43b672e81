/**
 * Live speech-to-text against a Steno server: `connect` opens a session, `watch` follows one that somebody else holds.
 *
 * What goes over the wire has the wire's names (`sample_rate`, `speech_started`), since they are documented once, for
 * all languages; what is JavaScript's alone has JavaScript's. Times are seconds on the session's clock, rounded to the
 * millisecond; watermarks (`received`, `durable`, `offset`, `at` of `finalized`) are samples per channel.
 */

// -- what can be asked for --------------------------------------------------------------------------------------------

export type Encoding = "pcm_s16le" | "pcm_s32le" | "pcm_f16le" | "pcm_f32le" | "mulaw" | "alaw";

/** When a stretch of speech has ended. */
export interface Endpointing {
  silence_ms?: number;
  min_speech_ms?: number;
  preroll_ms?: number;
  max_segment_s?: number;
  vad?: string;
}

/** What `configure` may change in a running session, for segments that open from then on. */
export interface Changes {
  /** A code, several that may occur, or null to detect. */
  language?: string | readonly string[] | null;
  /** Context. Refused by models that can't use it, as are `keywords`: words to favour. */
  prompt?: string | null;
  keywords?: readonly string[];
  /** Whether partials are sent. */
  partials?: boolean;
  /** Whether partials and finals list their words with times and confidence. */
  words?: boolean;
  /** Fields to change; null: only `finalize`, `stop` and the longest segment end speech. */
  endpointing?: Endpointing | null;
}

/** What a session can be opened with. Defaults and bounds are the server's: `ready.options` has what is in effect. */
export interface Options extends Changes {
  /** The audio that `send` will be given, channels interleaved: pcm_s16le, 16000 and 1 unless said otherwise. */
  encoding?: Encoding;
  sample_rate?: number;
  channels?: number;
  /** A name that the server lists; null for its default. */
  model?: string | null;
  task?: "transcribe" | "translate";
  /** "file" may go faster than real time, and gives way to live sessions. */
  mode?: "live" | "file";
  /** Samples per channel that are already behind this session, which its clock goes on from. */
  offset?: number;
  /** A URL that finals are posted to, too, if the server allows its host. */
  webhook?: string | null;
}

/** Anything with the interface of browsers' WebSocket: the `ws` package for instance. */
export interface WebSocketConstructor {
  new (url: string, protocols: string[]): {
    send(data: string | Uint8Array): void;
    close(code?: number, reason?: string): void;
    addEventListener(type: "open" | "error", listener: () => void): void;
    addEventListener(type: "message", listener: (event: { data: any }) => void): void;
    addEventListener(type: "close", listener: (event: { code: number; reason: string }) => void): void;
  };
}

export interface Connection {
  /**
   * What opens the server, if anything has to: a key or a token. It is sent as a subprotocol and never in a URL.
   * Where tokens are good for one session, give a function: it is asked before every connection.
   */
  key?: string | (() => string | Promise<string>);
  /**
   * How many seconds to try for when a connection is lost; 0 is not at all.
   *
   * A session's default is 0: it fails with an IncompleteError, whose `durable` says where to go on. With more, it
   * keeps the audio that no final covers yet, opens a new session at the server with `offset`, and sends that audio
   * again; `reconnecting` and a new `ready` tell of it. A viewer's default is 60; it is told again what it has missed.
   */
  reconnect_s?: number;
  /** In place of the global one, or of the package `ws` where there is none. */
  WebSocket?: WebSocketConstructor;
}

export interface ConnectOptions extends Options, Connection {}

export interface WatchOptions extends Connection {
  /** The number of the first event that is wanted, as far as the server keeps them; 1 unless said otherwise. */
  seq?: number;
}

// -- sessions ---------------------------------------------------------------------------------------------------------

/**
 * Opens a session: `const session = await connect("wss://captions.example", { language: "en" })`.
 *
 * url: ws(s) or http(s), with or without the path `/v1/stream`.
 *
 * Rejects with TypeError for a bad url, ConnectError or its RefusedError, SessionError for a refused option.
 */
export function connect(url: string | URL, options?: ConnectOptions): Promise<Session>;

/**
 * A live session.
 *
 * Iterating yields events until the session is over: it ends after `done`, or after `close()`, and throws the
 * StenoError that cut it short. Each event is yielded once, however many iterate. Who reads slowly misses only partials
 * and acks that are out of date.
 *
 * What is asked for goes out in the order of the calls, awaited or not. All promises reject with the StenoError that
 * cut the session short; those that nobody awaits do so in silence.
 */
export interface Session extends AsyncIterable<SessionEvent> {
  /** What the server granted: model, options in effect, limits. Of the latest connection. */
  readonly ready: ReadyEvent;
  /** Samples per channel that the server has accepted, offset included. */
  readonly received: number;
  /** Samples per channel that are safe: covered by finals, silence or declared gaps. */
  readonly durable: number;

  /**
   * Sends audio: whole samples of all channels in the session's encoding, any number of them, which are copied.
   * Resolves once they are on their way: that waits while the server is `limits.ahead_s` behind, or the connection is
   * lost. Throws TypeError for a part of a sample, Error behind `stop`.
   */
  send(audio: ArrayBuffer | ArrayBufferView): Promise<void>;

  /** Sends every chunk in the background, then stops. What `chunks` throws comes out where events are read. */
  feed(chunks: AsyncIterable<ArrayBuffer | ArrayBufferView> | Iterable<ArrayBuffer | ArrayBufferView>): void;

  /** Asks for the finals of all audio sent so far; resolves once they have come. The session goes on. */
  finalize(id?: string): Promise<FinalizedEvent>;

  /** Changes options for segments that open from now on. Rejects with RequestError if refused: nothing has changed. */
  configure(changes: Changes): Promise<ConfiguredEvent>;

  /** No more audio, and no more of a `feed`. Resolves once all is transcribed; events remain to be read. */
  stop(): Promise<DoneEvent>;

  /** Gives the session up. Whoever wants every final calls `stop()` first. Whatever waits rejects; iterating ends. */
  close(): void;
}

/**
 * Follows a session that goes on at the server, read only: `await watch(url, "CA…", { key })`.
 *
 * session: its id, or the value of one of its labels, such as a callSid.
 * Rejects like `connect`; a session that isn't there is a RefusedError of status 404.
 */
export function watch(url: string | URL, session: string, options?: WatchOptions): Promise<Viewer>;

/**
 * Iterating yields `watching` first, again after each reconnection, then the session's events; it ends when the session
 * is over, or after `close()`, and throws the StenoError that cut it short.
 */
export interface Viewer extends AsyncIterable<ViewerEvent> {
  /** What is watched; `session` is the id, by whatever name it was found. */
  readonly watching: WatchingEvent;
  close(): void;
}

// -- events -----------------------------------------------------------------------------------------------------------

export type SessionEvent =
  | ReadyEvent
  | SpeechStartedEvent
  | PartialEvent
  | SpeechEndedEvent
  | FinalEvent
  | SuppressedEvent
  | GapEvent
  | AckEvent
  | FinalizedEvent
  | ConfiguredEvent
  | WarningEvent
  | GoingAwayEvent
  | ErrorEvent
  | DoneEvent
  | ReconnectingEvent;

export type ViewerEvent =
  | WatchingEvent
  | SpeechStartedEvent
  | PartialEvent
  | SpeechEndedEvent
  | FinalEvent
  | SuppressedEvent
  | GapEvent
  | FinalizedEvent
  | ConfiguredEvent
  | WarningEvent
  | GoingAwayEvent
  | ErrorEvent
  | DoneEvent
  | ReconnectingEvent;

export type EndReason = "endpoint" | "finalize" | "max_length" | "stop";

/** `confidence` is in 0..1, or null where the model has none. Only a partial's words have `stable`. */
export interface Word {
  text: string;
  start: number;
  end: number;
  confidence: number | null;
  stable?: boolean;
}

export interface Limits {
  frame_bytes: number;
  text_bytes: number;
  /** How far audio may run past the last ack. */
  ahead_s: number;
  start_s: number;
  /** How long a client may be quiet; a Session sees to that. */
  idle_s: number;
  session_s: number;
  finalize_ms: number;
}

/** What is in effect: all options have a value. */
export type EffectiveOptions = Options & { encoding: Encoding; sample_rate: number; channels: number };

/**
 * The session is open, or open again after `reconnecting`. Then segments that had no final are void: their audio is
 * heard again, under new numbers.
 */
export interface ReadyEvent {
  type: "ready";
  protocol: number;
  session: string;
  token: string;
  model: string;
  options: EffectiveOptions;
  resume_window_s: number;
  limits: Limits;
}

/**
 * An event that is never left out; `seq` counts 1, 2, 3 … over a session, reconnections included, as `segment` does.
 */
interface Numbered {
  seq: number;
}

export interface SpeechStartedEvent extends Numbered {
  type: "speech_started";
  segment: number;
  channel: number;
  at: number;
}

/** What a segment says so far. The next partial or the final replaces it; `stable_text` will not change. */
export interface PartialEvent {
  type: "partial";
  segment: number;
  channel: number;
  start: number;
  end: number;
  text: string;
  /** In code points. `stable_text` and `unstable_text` are `text`, cut there. */
  stable: number;
  stable_text: string;
  unstable_text: string;
  language: string | null;
  lag_ms: number;
  words?: Word[];
}

export interface SpeechEndedEvent extends Numbered {
  type: "speech_ended";
  segment: number;
  channel: number;
  at: number;
  reason: EndReason;
}

/** The last word on a segment. There are `words` if the session asked for them. */
export interface FinalEvent extends Numbered {
  type: "final";
  segment: number;
  channel: number;
  start: number;
  end: number;
  text: string;
  language: string | null;
  confidence: number | null;
  reason: EndReason;
  /** Where its time went, in milliseconds. */
  latency: { endpoint: number; queue: number; decode: number; send: number; total: number };
  words?: Word[];
}

/** In place of a final: the segment turned out to say nothing. */
export interface SuppressedEvent extends Numbered {
  type: "suppressed";
  segment: number;
  channel: number;
  start: number;
  end: number;
  reason: "no_speech" | "repetition" | "noise";
}

/** Audio that the server gave up. */
export interface GapEvent extends Numbered {
  type: "gap";
  channel: number;
  start: number;
  end: number;
  reason: string;
}

/** Audio before `durable` may be forgotten: finals cover it, or there is nothing in it. */
export interface AckEvent {
  type: "ack";
  received: number;
  durable: number;
}

/** Every segment begun before `at` has its final. */
export interface FinalizedEvent extends Numbered {
  type: "finalized";
  at: number;
  id?: string | null;
}

/** The options in effect from now on. */
export interface ConfiguredEvent extends Numbered {
  type: "configured";
  options: EffectiveOptions;
}

export interface WarningEvent {
  type: "warning";
  code: string;
  message: string;
}

/** The server is about to stop, in `deadline_s` at the latest. */
export interface GoingAwayEvent {
  type: "going_away";
  deadline_s: number;
}

/** The server could not do something. Sessions throw those that are fatal; viewers yield them, as theirs goes on. */
export interface ErrorEvent {
  type: "error";
  code: string;
  message: string;
  fatal: boolean;
  hint?: string | null;
}

/** Every sample is accounted for; the last event. It counts from the latest `ready`; `speech_s` sums over channels. */
export interface DoneEvent extends Numbered {
  type: "done";
  received: number;
  audio_s: number;
  speech_s: number;
  segments: number;
  words: number;
  /** Milliseconds; null where nothing was measured. */
  latency: Record<"partials" | "finals", { p50: number | null; p95: number | null }>;
}

/** A viewer is let in. `missed`: numbered events that were wanted and are no longer kept. */
export interface WatchingEvent {
  type: "watching";
  session: string;
  model: string | null;
  first_seq: number;
  missed: number;
}

/** This client's own: the connection is lost, because of `error`; another attempt is made in `in_s` seconds. */
export interface ReconnectingEvent {
  type: "reconnecting";
  attempt: number;
  in_s: number;
  error: StenoError;
}

// -- errors -----------------------------------------------------------------------------------------------------------

/** All that can go wrong with a session; `message` says what happened, and what to do about it where that is known. */
export class StenoError extends Error {
  constructor(message: string, options?: ErrorOptions);
}

/** No session came about: nothing listens there, no answer in time, not a Steno server. */
export class ConnectError extends StenoError {}

/**
 * The server said no before the session. `status` is HTTP's; `retry_after` is in seconds where the server named a time.
 */
export class RefusedError extends ConnectError {
  constructor(status: number, code: string, message: string, retry_after?: number | null);
  readonly status: number;
  readonly code: string;
  /** What the server says; `message` has it in context. */
  readonly reason: string;
  readonly retry_after: number | null;
}

/** The server ended the session. */
export class SessionError extends StenoError {
  constructor(code: string, message: string, hint: string | null, marks: { received: number; durable: number });
  readonly code: string;
  readonly reason: string;
  readonly hint: string | null;
  readonly received: number;
  readonly durable: number;
}

/**
 * The connection ended before `done`. To go on, open a session with `offset: error.durable` and send the audio from
 * there.
 */
export class IncompleteError extends StenoError {
  constructor(message: string, marks: { received: number; durable: number }, options?: ErrorOptions);
  readonly received: number;
  readonly durable: number;
}

/** The server refused one request; the session goes on. */
export class RequestError extends StenoError {
  constructor(code: string, message: string, hint: string | null);
  readonly code: string;
  readonly reason: string;
  readonly hint: string | null;
}

/** The server said something that version 1 of the protocol doesn't allow. */
export class ProtocolError extends StenoError {}
