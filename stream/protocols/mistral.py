"""Mistral's realtime transcription: JSON text frames with a `type`, audio in base64, text that is only ever added to.

Knows nothing of sockets, sessions or models. The events are those that the client of `mistralai` 3.7 parses; it takes
one that lacks a field, or has one of another type, for an unknown one, and goes on waiting.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from typing import Any, ClassVar, assert_never

import msgspec
from msgspec import UNSET, Struct, UnsetType

from models.base import SAMPLE_RATE
from stream import events
from stream.audio import AudioFormat, Encoding, to_16k
from stream.errors import BadAudio, BadRequest, ServerError, StreamError, TooLarge, UnknownModel, Unsupported
from stream.events import Audio, Command, Configure, Event, Final, Finalize, Limits, Partial, SessionOptions, Stop
from stream.protocols.base import Messages, Request, WireProtocol
from stream.protocols.passage import Passage, Spoken
from stream.rest.counts import counts
from vad.endpointer import RANGES

log = logging.getLogger(__name__)

AUDIO_BYTES = 262_144
"""The most that one `input_audio.append` may hold, as their documentation has it."""
TEXT_CHARS = 1 << 20
"""Of any message; the longest are a `session.update` with recordings of known speakers."""
RECEIVED_BYTES = 1 << 20
"""What their client takes in one message."""
DONE_DELAY_S = 0.075
"""How long the answer to a flush waits for an `end`: whoever sends both at once stops at the first `done`."""

ENCODINGS: dict[str, Encoding] = {
    "pcm_s16le": "pcm_s16le",
    "pcm_s32le": "pcm_s32le",
    "pcm_f16le": "pcm_f16le",
    "pcm_f32le": "pcm_f32le",
    "pcm_mulaw": "mulaw",
    "pcm_alaw": "alaw",
}
THEIRS = {ours: theirs for theirs, ours in ENCODINGS.items()}
THRESHOLDS = ("start_threshold", "eager_end_threshold", "end_threshold", "end_timeout_ms")


class WantedFormat(Struct):
    encoding: str
    sample_rate: int


class TurnDetection(Struct):
    min_silence_ms: int | None = None
    start_threshold: Any = None
    eager_end_threshold: Any = None
    end_threshold: Any = None
    end_timeout_ms: Any = None


class Wanted(Struct):
    audio_format: WantedFormat | None = None
    language: str | UnsetType | None = UNSET
    context_bias: list[str] | UnsetType | None = UNSET
    turn_detection: TurnDetection | UnsetType | None = UNSET
    target_streaming_delay_ms: Any = None
    diarize: Any = None
    speaker_references: Any = None


class Update(Struct, tag="session.update"):
    session: Wanted


class Append(Struct, tag="input_audio.append"):
    audio: bytes


class Flush(Struct, tag="input_audio.flush"):
    pass


class End(Struct, tag="input_audio.end"):
    pass


_messages = msgspec.json.Decoder(Append | Flush | End | Update)


class MistralProtocol(WireProtocol):
    paths: ClassVar[tuple[str, ...]] = ("/v1/audio/transcriptions/realtime",)

    def __init__(self, request: Request) -> None:
        self._named = dict(request.query).get("model") or None
        self._options = SessionOptions(model=self._named)
        """What the session was last told to be."""
        self.start = events.Start(self._options)
        self.subprotocol = "realtime" if "realtime" in request.subprotocols else None
        self.wake = None
        self._session = request.session
        self._format = self._options.audio
        self._odd = b""
        """The first bytes of a sample whose last ones are still to come."""
        self._heard = self._ended = self._turns = False
        self._asked: deque[str] = deque()
        """What the Configures change that are not answered yet."""
        self._refused: StreamError | None = None
        """Why the session is not in the audio format that the client thinks it is in."""
        self._ignored: set[str] = set()
        self._language: str | None = None
        self._passage = Passage()
        self._flushed = 0
        """Up to which sample the `done` goes that is due at `wake`."""

    @classmethod
    def open(cls, request: Request, limits: Limits) -> MistralProtocol:
        return cls(request)

    # -- messages to commands -----------------------------------------------------------------------------------

    def receive(self, message: str | bytes) -> Sequence[Command]:
        if isinstance(message, bytes):
            raise BadAudio("a binary frame; it was dropped", hint="audio goes into `input_audio.append`, in base64")
        if len(message) > TEXT_CHARS:
            raise TooLarge(f"a message of more than {TEXT_CHARS} characters; it was dropped whole")
        try:
            read = _messages.decode(message)
        except (msgspec.DecodeError, RecursionError) as error:
            raise BadRequest(str(error)) from None
        match read:
            case Append(audio):
                return self._audio(audio)
            case Flush():
                return (Finalize(),)
            case End():
                self._ended, self.wake = True, None
                return (Stop(),)
            case Update(session):
                return self._update(session)
            case _:
                assert_never(read)

    def _audio(self, audio: bytes) -> Sequence[Command]:
        if len(audio) > AUDIO_BYTES:
            raise TooLarge(f"{len(audio)} bytes of audio in one message are over the limit, {AUDIO_BYTES}")
        if self._refused:
            raise BadRequest(f"the audio format is not taken: {self._refused.message}", fatal=True)
        # Their client sends whatever its application reads, and that may end anywhere.
        audio = self._odd + audio
        whole = len(audio) - len(audio) % self._format.sample_bytes
        self._odd = audio[whole:]
        self._heard = self._heard or bool(audio)
        return (Audio(audio[:whole]),) if whole else ()

    def _update(self, wanted: Wanted) -> Sequence[Command]:
        """A Configure for each option, so that one that can't be honoured leaves the others."""
        if self._heard:
            raise BadRequest("`session.update` is taken before the first audio only; it was ignored")
        changes: list[dict[str, Any]] = []
        if wanted.audio_format is not None and (format := _format(wanted.audio_format)) != self._format:
            self._format = format
            changes.append({"audio": format})
        if wanted.language is not UNSET:
            # With the name again: which model stands for a vendor's depends on the language.
            changes.append({"languages": (wanted.language,) if wanted.language else (), "model": self._named})
        if wanted.turn_detection is not UNSET:
            self._turns = wanted.turn_detection is not None
            if wanted.turn_detection and wanted.turn_detection.min_silence_ms is not None:
                least, most = RANGES["silence_ms"]
                silence_ms = int(min(max(wanted.turn_detection.min_silence_ms, least), most))
                changes.append({"endpointing": {"silence_ms": silence_ms}})
        if wanted.context_bias is not UNSET:
            changes.append({"keywords": tuple(wanted.context_bias or ())})
        self._ignore(_not_honoured(wanted))
        changes.append({})  # changes nothing, and its answer tells that all are answered
        self._asked.extend(next(iter(each), "") for each in changes)
        return [Configure(each) for each in changes]

    def _ignore(self, names: Sequence[str]) -> None:
        """Options that can't be honoured are no errors: `session.updated` shows what holds."""
        if new := [name for name in names if name not in self._ignored]:
            self._ignored.update(new)
            log.info("session %s: ignored %s", self._session, ", ".join(new))

    # -- events to messages -------------------------------------------------------------------------------------

    def send(self, event: Event, seq: int | None, now: float) -> Messages:
        # What begins behind a flush belongs to the next `done`, even if this one is not due yet.
        behind = isinstance(event, events.SpeechStarted | Partial | Final | events.Failed)
        return [*(self._answer() if behind else self.tick(now)), *self._said(event, now)]

    def tick(self, now: float) -> Messages:
        return self._answer() if self.wake is not None and now >= self.wake else []

    def _said(self, event: Event, now: float) -> Messages:
        match event:
            case Partial():
                return self._text(event, event.stable)
            case Final():
                return [
                    *self._text(event, len(event.words)),
                    _message("transcription.segment", **_segment(self._passage.close(event))),
                ]
            case events.Suppressed():
                self._passage.drop()
            case events.SpeechStarted() if self._turns:
                return [_message("turn.start", time_s=_seconds(event.at))]
            case events.SpeechEnded() if self._turns:
                # They know these two reasons only: a pause, or that it was not waited for one.
                reason = "threshold" if event.reason == "endpoint" else "timeout"
                return [_message("turn.end", time_s=_seconds(event.at), end_reason=reason)]
            case events.Finalized():
                self._flushed = event.at
                if not self._ended:
                    self.wake = now + DONE_DELAY_S if self.wake is None else self.wake
            case events.Done():
                return [self._done(event.received)]
            case _:
                return self._session_said(event)
        return []

    def _session_said(self, event: Event) -> Messages:
        match event:
            case events.Ready():
                self._session, self._options = event.session, event.options
                return [_message("session.created", session=self._effective())]
            case events.Configured():
                self._options = event.options
                last = not self._asked.popleft()
                return [_message("session.updated", session=self._effective())] if last else []
            case events.Failed(error=error):
                return self._failed(error)
        return []

    def _failed(self, error: StreamError) -> Messages:
        # What `receive` raises is of other kinds.
        if self._asked and isinstance(error, Unsupported | UnknownModel | ServerError):
            what = self._asked.popleft()
            if what == "keywords" and isinstance(error, Unsupported):
                self._ignore(["context_bias"])
                return []
            if what == "audio":
                self._refused = error
        message = f"{error.message}: {error.hint}" if error.hint else error.message
        # Their client takes a code that is no int for an unknown event; HTTP has the best known ones.
        return [_message("error", error={"message": message, "code": error.status})]

    def _effective(self) -> dict[str, Any]:
        options = self._options
        turns = dict.fromkeys(THRESHOLDS) | {"min_silence_ms": options.endpointing and options.endpointing.silence_ms}
        return {
            "request_id": self._session,
            "model": options.model,
            "audio_format": {"encoding": THEIRS[options.audio.encoding], "sample_rate": options.audio.sample_rate},
            "language": options.languages[0] if options.languages else None,
            "context_bias": list(options.keywords),
            "turn_detection": turns if self._turns else None,
            "target_streaming_delay_ms": None,
            "diarize": None,
            "speaker_references": None,
        }

    def _text(self, event: Partial | Final, stable: int) -> Messages:
        messages: Messages = []
        if delta := self._passage.add(event, stable):
            if event.language and event.language != self._language:
                self._language = event.language
                messages.append(_message("transcription.language", audio_language=event.language))
            messages.append(_message("transcription.text.delta", text=delta))
        return messages

    def _answer(self) -> Messages:
        """The `done` of a flush, if one is due."""
        if self.wake is None:
            return []
        self.wake = None
        return [self._done(self._flushed)]

    def _done(self, until: int) -> str:
        """All that was said since the last one. until: samples received, at the client's rate."""
        passage, self._passage = self._passage, Passage(until)
        options = self._options
        rate = options.audio.sample_rate
        fields = {
            "model": options.model,
            "text": passage.text,
            "language": options.languages[0] if options.languages else passage.language,
            "usage": counts(
                to_16k(until, rate) - to_16k(passage.begun, rate), passage.words, options.prompt, options.keywords
            ),
        }
        segments = [{**_segment(each), "type": "transcription_segment"} for each in passage.segments]
        message = _message("transcription.done", **fields, segments=segments)
        # After hours without a flush; each segment has been told.
        return message if len(message.encode()) <= RECEIVED_BYTES else _message("transcription.done", **fields)


def _format(wanted: WantedFormat) -> AudioFormat:
    """Whoever's format isn't taken must not go on: its audio would be read as something else."""
    if wanted.encoding not in ENCODINGS:
        raise BadRequest(f"no encoding `{wanted.encoding[:40]}`", hint=f"one of {', '.join(ENCODINGS)}", fatal=True)
    try:
        return AudioFormat(ENCODINGS[wanted.encoding], wanted.sample_rate)
    except ValueError as error:
        raise BadRequest(str(error), fatal=True) from None


def _not_honoured(wanted: Wanted) -> list[str]:
    asked = ("target_streaming_delay_ms", "diarize", "speaker_references")
    names = [name for name in asked if getattr(wanted, name)]
    if turns := wanted.turn_detection or None:
        names += [f"turn_detection.{name}" for name in THRESHOLDS if getattr(turns, name) is not None]
    return names


def _segment(spoken: Spoken) -> dict[str, Any]:
    return {"text": spoken.text, "start": _seconds(spoken.start), "end": _seconds(spoken.end), "speaker_id": None}


def _seconds(position: int) -> float:
    return round(position / SAMPLE_RATE, 3)


def _message(type: str, **fields: Any) -> str:
    return msgspec.json.encode({"type": type, **fields}).decode()
