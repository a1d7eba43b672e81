"""Twilio's Media Streams: a call's audio in JSON text frames, each with its track and its time on the call's clock.

Knows nothing of sockets, sessions or models. Nothing is said to Twilio, which takes no transcripts; what is wrong is
logged, and is the reason that the socket is closed with.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from models.base import Task
from stream import events
from stream.audio import AudioFormat
from stream.errors import BadAudio, BadRequest, ClientError, NotStarted, StreamError, TooLarge, Unsupported
from stream.events import Command, Event, Limits, SessionOptions
from stream.protocols.base import Messages, Request, WireProtocol
from stream.tracks import Tracks
from vad.endpointer import EndpointOptions

log = logging.getLogger(__name__)

SAMPLES_PER_MS = 8
SILENCE = 0xFF
"""Zero in mu-law."""
PATIENCE_MS = 1000
"""A track that is behind by more says nothing just now."""
SLACK_MS = 100
"""The tracks' frames come in turn, but not to the millisecond."""
IDLE_S = 600.0
"""Where only what the called party hears is sent, nothing may come while the call is on hold."""
REASON_BYTES = 123
"""What a close frame has room for."""

Track = Literal["inbound", "outbound"]


class MediaFormat(Struct, rename="camel"):
    encoding: str
    sample_rate: int
    channels: int


class Call(Struct, rename="camel"):
    stream_sid: str
    call_sid: str
    account_sid: str
    tracks: Annotated[list[Track], Meta(min_length=1)]
    media_format: MediaFormat
    custom_parameters: dict[str, Any] = {}


class Media(Struct):
    """`timestamp` is in ms since the stream began, `payload` mu-law; numbers come as strings."""

    track: Track
    timestamp: Annotated[int, Meta(ge=0)]
    payload: bytes


class Message(Struct):
    event: str
    start: Call | None = None
    media: Media | None = None


class Header(Struct):
    event: str


class Parameters(Struct):
    """The options that a call's TwiML may give as `<Parameter>`, in the native protocol's names; lists have commas."""

    model: str | None = None
    language: str = ""
    task: Task = "transcribe"
    prompt: str | None = None
    keywords: str = ""
    partials: bool = True
    words: bool = False
    silence_ms: int | UnsetType = UNSET
    min_speech_ms: int | UnsetType = UNSET
    preroll_ms: int | UnsetType = UNSET
    max_segment_s: float | UnsetType = UNSET
    vad: str | UnsetType = UNSET
    webhook: str | None = None


ENDPOINTING = ("silence_ms", "min_speech_ms", "preroll_ms", "max_segment_s", "vad")

_messages = msgspec.json.Decoder(Message, strict=False)
_headers = msgspec.json.Decoder(Header)


class TwilioProtocol(WireProtocol):
    paths: ClassVar[tuple[str, ...]] = ("/twilio",)
    idle_s: ClassVar[float | None] = IDLE_S

    def __init__(self, limits: Limits) -> None:
        self.labels = {}
        self._limits = limits
        self._channels: dict[str, int] = {}
        self._tracks: Tracks | None = None
        self._logged: set[object] = set()

    @classmethod
    def open(cls, request: Request, limits: Limits) -> TwilioProtocol:
        return cls(limits)

    def receive(self, message: str | bytes) -> Sequence[Command]:
        match self._read(message):
            case Message(event="media", media=Media() as media):
                return self._hear(media)
            case Message(event="start", start=Call() as call):
                return (self._begin(call),)
            case Message(event="stop"):
                return self.hung_up()
            case Message(event="media" | "start" as event):
                raise self._wrong(event, "what it is about is missing")
        return ()

    def hung_up(self) -> Sequence[Command]:
        """What the socket's end means, with or without a `stop` before it."""
        rest = self._tracks.drain() if self._tracks else b""
        return (*_audio(rest), events.Stop())

    def _read(self, message: str | bytes) -> Message | None:
        """None for an event that means nothing here."""
        if isinstance(message, bytes):
            raise BadRequest("a binary frame; audio comes as base64 in `media`")
        if len(message) > self._limits.text_bytes or len(message.encode()) > self._limits.text_bytes:
            raise TooLarge(f"a text frame over the limit of {self._limits.text_bytes} bytes; it was dropped whole")
        try:
            return _messages.decode(message)
        except msgspec.ValidationError as error:
            event = _event(message)
            if event not in ("start", "media", None):
                return None
            raise self._wrong(event, str(error)) from None
        except (msgspec.DecodeError, RecursionError) as error:
            raise BadRequest(f"a text frame that is not JSON: {error}") from None

    def _wrong(self, event: str | None, why: str) -> ClientError:
        """Every error in the `start` that opens a session is fatal: there would be no session to go on with."""
        return BadRequest(f"in `{event}`: {why}" if event else why, fatal=event == "start" and self._tracks is None)

    def _begin(self, call: Call) -> events.Start:
        if self._tracks:
            raise BadRequest("a second `start`; it was ignored")
        self.labels = {"streamSid": call.stream_sid, "callSid": call.call_sid, "accountSid": call.account_sid}
        given = call.media_format
        if given != MediaFormat("audio/x-mulaw", 8000, 1):
            raise Unsupported(
                f"the media is {given.encoding}, {given.sample_rate} Hz, {given.channels} channels; "
                "only audio/x-mulaw, 8000 Hz, 1 channel is taken",
                fatal=True,
            )
        # In alphabetical order, which puts the caller first.
        self._channels = {track: channel for channel, track in enumerate(sorted(set(call.tracks)))}
        options = self._options(call.custom_parameters)
        self._tracks = Tracks(
            len(self._channels),
            silence=SILENCE,
            patience=PATIENCE_MS * SAMPLES_PER_MS,
            slack=SLACK_MS * SAMPLES_PER_MS,
        )
        return events.Start(options)

    def _options(self, given: Mapping[str, Any]) -> SessionOptions:
        """Empty ones count as not given: TwiML is often written with a template."""
        try:
            said = {name: value for name, value in given.items() if value != ""}
            chosen = msgspec.convert(said, Parameters, strict=False)
            endpointing = {name: value for name in ENDPOINTING if (value := getattr(chosen, name)) is not UNSET}
            options = SessionOptions(
                audio=AudioFormat("mulaw", 1000 * SAMPLES_PER_MS, len(self._channels)),
                model=chosen.model,
                languages=_listed(chosen.language),
                task=chosen.task,
                prompt=chosen.prompt,
                keywords=_listed(chosen.keywords),
                partials=chosen.partials,
                words=chosen.words,
                endpointing=EndpointOptions(**endpointing),
                webhook=chosen.webhook,
            )
        except (msgspec.ValidationError, ValueError) as error:
            raise BadRequest(f"in `customParameters`: {error}", fatal=True) from None
        if others := given.keys() - set(Parameters.__struct_fields__):
            self._log_once("parameters", f"no options, and ignored: {', '.join(sorted(others))}")
        return options

    def _hear(self, media: Media) -> Sequence[Command]:
        if not self._tracks:
            raise NotStarted("`media` came before `start`; it was not accepted")
        if media.track not in self._channels:
            raise BadAudio(f"media of the track `{media.track}`, which `start` doesn't name; it was not accepted")
        at = media.timestamp * SAMPLES_PER_MS
        if at - self._tracks.end > IDLE_S * 1000 * SAMPLES_PER_MS:
            raise BadAudio(
                f"a `timestamp` of {media.timestamp} ms, more than {IDLE_S:g} s past the one before", fatal=True
            )
        if late := self._tracks.place(self._channels[media.track], at, media.payload):
            self._log_once("late", f"media came twice or too late: {late} samples at {media.timestamp} ms are left out")
        return _audio(self._tracks.take())

    def _log_once(self, about: object, what: str) -> None:
        if about not in self._logged:
            self._logged.add(about)
            log.info("call %.50r: %.500r", self.labels.get("callSid"), what)

    def send(self, event: Event, seq: int | None, now: float) -> Messages:
        if isinstance(event, events.Failed):
            self._log_once((event.error.code, event.error.fatal), event.error.message)
        return []

    def closing(self, error: StreamError | None) -> tuple[int, str]:
        if error is None:
            return 1000, "done"
        return error.close_code, error.message.encode()[:REASON_BYTES].decode(errors="ignore")


def _audio(payload: bytes) -> tuple[events.Audio, ...]:
    return (events.Audio(payload),) if payload else ()


def _listed(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(",") if each.strip())


def _event(message: str) -> str | None:
    try:
        return _headers.decode(message).event
    except (msgspec.DecodeError, RecursionError):
        return None
