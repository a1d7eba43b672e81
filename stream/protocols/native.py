"""Steno's own protocol, version 1: JSON text frames with a `type`, binary frames of audio.

Knows nothing of sockets, sessions or models. Times leave here in seconds, to the millisecond, watermarks in samples
at the client's rate; both count from `offset`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from models.base import SAMPLE_RATE, Task, Word
from stream import events
from stream.audio import AudioFormat, Encoding
from stream.errors import BadAudio, BadRequest, ClientError, NotStarted, TooLarge, Unsupported
from stream.events import Command, Event, Limits, Mode, SessionOptions
from stream.protocols.base import Messages, Request, WireProtocol
from stream.text import render, stable_length
from vad.endpointer import EndpointOptions

SUBPROTOCOL = "steno.v1"


class Endpointing(Struct, frozen=True, forbid_unknown_fields=True):
    silence_ms: int | UnsetType = UNSET
    min_speech_ms: int | UnsetType = UNSET
    preroll_ms: int | UnsetType = UNSET
    max_segment_s: float | UnsetType = UNSET
    vad: str | UnsetType = UNSET


Language = str | list[str] | None


class Start(Struct, tag="start", forbid_unknown_fields=True):
    encoding: Encoding = "pcm_s16le"
    sample_rate: Annotated[int, Meta(ge=8000, le=48_000)] = SAMPLE_RATE
    channels: Annotated[int, Meta(ge=1, le=8)] = 1
    model: str | None = None
    language: Language = None
    task: Task = "transcribe"
    prompt: str | None = None
    keywords: list[str] = []
    partials: bool = True
    words: bool = False
    endpointing: Endpointing | None = Endpointing()
    mode: Mode = "live"
    offset: Annotated[int, Meta(ge=0, le=1 << 53)] = 0
    webhook: str | None = None


class Configure(Struct, tag="configure", forbid_unknown_fields=True):
    language: Language | UnsetType = UNSET
    prompt: str | UnsetType | None = UNSET
    keywords: list[str] | UnsetType = UNSET
    partials: bool | UnsetType = UNSET
    words: bool | UnsetType = UNSET
    endpointing: Endpointing | UnsetType | None = UNSET


class Finalize(Struct, tag="finalize", forbid_unknown_fields=True):
    id: str | None = None


class KeepAlive(Struct, tag="keepalive", forbid_unknown_fields=True):
    pass


class Stop(Struct, tag="stop", forbid_unknown_fields=True):
    pass


class Resume(Struct, tag="resume", forbid_unknown_fields=True):
    session: str
    token: str
    last_seq: Annotated[int, Meta(ge=0)]


class Header(Struct):
    type: str


_headers = msgspec.json.Decoder(Header)
Message = Start | Configure | Finalize | KeepAlive | Stop | Resume

_messages = msgspec.json.Decoder(Message)
_LISTS = {"language", "keywords"}


class NativeProtocol(WireProtocol):
    paths: ClassVar[tuple[str, ...]] = ("/v1/stream",)

    def __init__(self, limits: Limits, start: events.Start | None, subprotocol: str | None) -> None:
        self.start = start
        self.subprotocol = subprotocol
        self._limits = limits
        self._options = start.options if start else None
        self._with_words: dict[int, bool] = {}
        """Of segments under way: they keep what held when they began, whatever `configure` changes."""

    @classmethod
    def open(cls, request: Request, limits: Limits) -> NativeProtocol:
        start = _start(_from_query(request.query)) if request.query else None
        return cls(limits, start, SUBPROTOCOL if SUBPROTOCOL in request.subprotocols else None)

    def receive(self, message: str | bytes) -> Sequence[Command]:
        return (self._audio(message) if isinstance(message, bytes) else self._text(message),)

    def _audio(self, payload: bytes) -> events.Audio:
        if self._options is None:
            raise NotStarted("audio came before `start`; it was not accepted", hint="send `start` first")
        if len(payload) > self._limits.frame_bytes:
            raise TooLarge(
                f"a frame of {len(payload)} bytes is over the limit, {self._limits.frame_bytes}; it was dropped whole",
                hint="send smaller frames: `ready.limits.frame_bytes`",
            )
        if not payload:
            raise BadAudio("an empty frame", hint="send `keepalive` to keep a quiet connection open")
        size = self._options.audio.sample_bytes
        if len(payload) % size:
            raise BadAudio(
                f"a frame of {len(payload)} bytes is not a whole number of {size}-byte samples; it was dropped whole",
                hint="a frame holds whole samples of all channels",
            )
        return events.Audio(payload)

    def _text(self, text: str) -> Command:
        if len(text) > self._limits.text_bytes or len(text.encode()) > self._limits.text_bytes:
            raise TooLarge(f"a text frame over the limit of {self._limits.text_bytes} bytes; it was dropped whole")
        try:
            message: Message = _messages.decode(text)
        except msgspec.ValidationError as error:
            raise self._refused(text, _explained(error)) from None
        except (msgspec.DecodeError, RecursionError) as error:
            raise BadRequest(f"a text frame that is not JSON: {error}", hint="audio goes in binary frames") from None
        match message:
            case Start():
                if self._options is not None:
                    raise BadRequest("a second `start`; it was ignored", hint="`configure` changes a running session")
                start = _start(message)
                self._options = start.options
                return start
            case Resume():
                raise Unsupported(
                    "this server does not offer `resume` (`ready.resume_window_s` is 0)",
                    hint="start a new session with `offset` = the last `durable`",
                    fatal=True,
                )
            case Configure():
                return events.Configure(_changes(message))
            case Finalize(id=id):
                return events.Finalize(id)
            case Stop():
                return events.Stop()
            case KeepAlive():
                return events.KeepAlive()

    def _refused(self, text: str, why: str) -> ClientError:
        """Every error in the `start` that opens a session is fatal: there would be no session to go on with."""
        try:
            kind = _headers.decode(text).type
        except (msgspec.DecodeError, RecursionError):
            kind = None
        return BadRequest(f"in `{kind}`: {why}" if kind else why, fatal=kind == "start" and self._options is None)

    # -- events to messages -------------------------------------------------------------------------------------

    def send(self, event: Event, seq: int | None, now: float) -> Messages:
        message = self._fields(event, now)
        if isinstance(event, events.SpeechStarted) and self._options:
            self._with_words[event.segment] = self._options.words
        elif isinstance(event, events.Final | events.Suppressed):
            self._with_words.pop(event.segment, None)
        if seq is not None:
            message["seq"] = seq
        return [msgspec.json.encode(message).decode()]

    def _fields(self, event: Event, now: float) -> dict[str, Any]:
        match event:
            case events.Ack():
                return {
                    "type": "ack",
                    "received": self._watermark(event.received),
                    "durable": self._watermark(event.durable),
                }
            case events.Partial():
                return {
                    "type": "partial",
                    "segment": event.segment,
                    "channel": event.channel,
                    "start": self._seconds(event.start),
                    "end": self._seconds(event.end),
                    "text": render(event.words),
                    "stable": stable_length(event.words, event.stable),
                    "language": event.language,
                    **self._words(event.segment, event.words, event.stable),
                    "lag_ms": event.lag * 1000 // SAMPLE_RATE,
                }
            case events.Final():
                known = [word.confidence for word in event.words if word.confidence is not None]
                return {
                    "type": "final",
                    "segment": event.segment,
                    "channel": event.channel,
                    "start": self._seconds(event.start),
                    "end": self._seconds(event.end),
                    "text": render(event.words),
                    "language": event.language,
                    "confidence": round(sum(known) / len(known), 3) if known else None,
                    **self._words(event.segment, event.words),
                    "reason": event.reason,
                    "latency": _latency(event.latency, now),
                }
            case events.SpeechStarted():
                return {
                    "type": "speech_started",
                    "segment": event.segment,
                    "channel": event.channel,
                    "at": self._seconds(event.at),
                }
            case events.SpeechEnded():
                return {
                    "type": "speech_ended",
                    "segment": event.segment,
                    "channel": event.channel,
                    "at": self._seconds(event.at),
                    "reason": event.reason,
                }
            case events.Suppressed():
                return {
                    "type": "suppressed",
                    "segment": event.segment,
                    "channel": event.channel,
                    "start": self._seconds(event.start),
                    "end": self._seconds(event.end),
                    "reason": event.reason,
                }
            case _:
                return self._control_fields(event)

    def _control_fields(self, event: Event) -> dict[str, Any]:
        match event:
            case events.Ready():
                self._options = event.options
                return {
                    "type": "ready",
                    "protocol": 1,
                    "session": event.session,
                    "token": event.token,
                    "model": event.model,
                    "options": _effective(event.options),
                    "resume_window_s": event.resume_window_s,
                    "limits": msgspec.to_builtins(event.limits),
                }
            case events.Cleared():
                return {"type": "cleared"}
            case events.Finalized():
                return {"type": "finalized", "id": event.id, "at": self._watermark(event.at)}
            case events.Configured():
                self._options = event.options
                return {"type": "configured", **_effective(event.options)}
            case events.Warned():
                return {"type": "warning", "code": event.code, "message": event.message}
            case events.GoingAway():
                return {"type": "going_away", "deadline_s": event.deadline_s}
            case events.Failed(error=error):
                message = {"type": "error", "code": error.code, "message": error.message, "fatal": error.fatal}
                return message | ({"hint": error.hint} if error.hint else {})
            case events.Done():
                return {
                    "type": "done",
                    "received": self._watermark(event.received),
                    "audio_s": round(event.audio / SAMPLE_RATE, 3),
                    "speech_s": round(event.speech / SAMPLE_RATE, 3),
                    "segments": event.segments,
                    "words": event.words,
                    "latency": {
                        "partials": msgspec.to_builtins(event.partial_latency),
                        "finals": msgspec.to_builtins(event.final_latency),
                    },
                }
            case _:
                raise TypeError(f"no message for {event!r}")

    def _seconds(self, position: int) -> float:
        assert self._options is not None
        return round(self._options.offset / self._options.audio.sample_rate + position / SAMPLE_RATE, 3)

    def _watermark(self, received: int) -> int:
        assert self._options is not None
        return self._options.offset + received

    def _words(self, segment: int, words: tuple[Word, ...], stable: int | None = None) -> dict[str, Any]:
        assert self._options is not None
        if not self._with_words.get(segment, self._options.words):
            return {}
        listed: list[dict[str, Any]] = [
            {
                "text": word.text.strip(),
                "start": self._seconds(word.start),
                "end": self._seconds(word.end),
                "confidence": None if word.confidence is None else round(word.confidence, 3),
            }
            for word in words
        ]
        if stable is not None:
            for index, word in enumerate(listed):
                word["stable"] = index < stable
        return {"words": listed}


def _start(message: Start) -> events.Start:
    try:
        return events.Start(
            SessionOptions(
                audio=AudioFormat(message.encoding, message.sample_rate, message.channels),
                model=message.model,
                languages=_languages(message.language),
                task=message.task,
                prompt=message.prompt,
                keywords=tuple(message.keywords),
                partials=message.partials,
                words=message.words,
                endpointing=None if message.endpointing is None else EndpointOptions(**_set(message.endpointing)),
                mode=message.mode,
                offset=message.offset,
                webhook=message.webhook,
            )
        )
    except ValueError as error:
        raise BadRequest(f"in `start`: {error}", fatal=True) from None


def _changes(message: Configure) -> dict[str, Any]:
    changes = _set(message)
    if "language" in changes:
        changes["languages"] = _languages(changes.pop("language"))
    if "keywords" in changes:
        changes["keywords"] = tuple(changes["keywords"])
    if isinstance(changes.get("endpointing"), Endpointing):
        changes["endpointing"] = _set(changes["endpointing"])
    return changes


def _set(message: Struct) -> dict[str, Any]:
    """The fields that the client named."""
    return {name: value for name in message.__struct_fields__ if (value := getattr(message, name)) is not UNSET}


def _languages(language: Language) -> tuple[str, ...]:
    return (language,) if isinstance(language, str) else tuple(language or ())


def _from_query(query: Any) -> Start:
    """Options of a query string: strings, with lists that repeat their key and `endpointing` as JSON."""
    fields: dict[str, Any] = {}
    for name, value in query:
        if name == "endpointing":
            try:
                value = msgspec.json.decode(value)
            except msgspec.DecodeError as error:
                raise BadRequest(f"`endpointing` in the query is not JSON: {error}") from None
        if name in fields and name not in _LISTS:
            raise BadRequest(f"`{name}` is in the query twice")
        fields[name] = [*fields.get(name, []), value] if name in _LISTS else value
    try:
        return msgspec.convert(fields, Start, strict=False)
    except msgspec.ValidationError as error:
        raise BadRequest(f"in the query: {_explained(error)}") from None


def _explained(error: msgspec.ValidationError) -> str:
    return str(error).replace("`$.", "`").replace("Object", "the message").replace("`$`", "the message")


def _effective(options: SessionOptions) -> dict[str, Any]:
    languages = options.languages
    return {
        "encoding": options.audio.encoding,
        "sample_rate": options.audio.sample_rate,
        "channels": options.audio.channels,
        "model": options.model,
        "language": None if not languages else languages[0] if len(languages) == 1 else list(languages),
        "task": options.task,
        "prompt": options.prompt,
        "keywords": list(options.keywords),
        "partials": options.partials,
        "words": options.words,
        "endpointing": None if options.endpointing is None else msgspec.to_builtins(options.endpointing),
        "mode": options.mode,
        "offset": options.offset,
    }


def _latency(latency: events.Latency, now: float) -> dict[str, float]:
    spent = {
        "endpoint": latency.endpoint,
        "queue": latency.queue,
        "decode": latency.decode,
        "send": max(0.0, (now - latency.decoded_at) * 1000),
    }
    return {name: round(ms, 1) for name, ms in (spent | {"total": sum(spent.values())}).items()}
