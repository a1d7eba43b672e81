"""OpenAI's realtime transcription: JSON text frames with a `type`, audio in base64, text that is only ever added to.

Knows nothing of sockets, sessions or models. Sessions are those of today's API, or of its beta for who asks for that.
"""

from __future__ import annotations

import hashlib
import logging
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any, ClassVar, assert_never

import msgspec
from msgspec import UNSET

from models.base import SAMPLE_RATE
from stream import events
from stream.audio import AudioFormat, to_16k
from stream.errors import BadRequest, ClientError, StreamError, Unsupported
from stream.events import Audio, Clear, Command, Configure, Event, Finalize, Limits, Reply, SessionOptions
from stream.protocols import openai_beta
from stream.protocols import openai_messages as messages
from stream.protocols.base import Messages, Request, WireProtocol
from stream.protocols.openai_items import Item, Items
from stream.protocols.openai_session import Transcription, Turns, Wanted, effective
from stream.rest.envelope import envelope
from stream.rest.names import ALIASES

log = logging.getLogger(__name__)

LEAST_COMMIT = SAMPLE_RATE // 10
"""Samples at 16 kHz; less is no commit."""
CONVERSING = ("gpt-realtime", "gpt-4o-realtime", "gpt-4o-mini-realtime")
"""How the names of models begin that a URL may have, but that transcribe nothing."""
IDLE_S = 1800.0
"""Who pushes a button to talk may be silent for long, and these clients send nothing meanwhile."""


class EmptyCommit(BadRequest):
    code = "input_audio_buffer_commit_empty"


class OpenAIProtocol(WireProtocol):
    paths: ClassVar[tuple[str, ...]] = ("/v1/realtime",)
    idle_s: ClassVar[float | None] = IDLE_S

    def __init__(self, request: Request, limits: Limits) -> None:
        name = dict(request.query).get("model") or None
        if name not in ALIASES and (name or "").startswith(CONVERSING):
            name = None
        self._audio = AudioFormat(sample_rate=24_000)
        self._wanted: tuple[str | None, tuple[str, ...]] = (name, ())
        """The model and the languages that were asked for last."""
        self._granted = self._wanted
        self._turns = Turns()
        self._options = SessionOptions(audio=self._audio, model=name, endpointing=self._turns.endpointing)
        self.start = events.Start(self._options)
        self.subprotocol = "realtime" if "realtime" in request.subprotocols else None
        self._session = request.session
        self._expires_at = int(request.at.timestamp() + limits.session_s)
        self._beta = openai_beta.spoken(request)
        # The session's own id lets others listen; these may be shown around.
        self._name = hashlib.sha256(request.session.encode()).hexdigest()[:16]
        self._numbers = count(1)
        self._received = 0
        """Samples at the client's rate."""
        self._odd = b""
        """The first byte of a sample whose second one is still to come."""
        self._items = Items(self._new_item, self._turns.manual)
        self._previous: str | None = None
        self._asked: deque[tuple[dict[str, Any], str | None]] = deque()
        """What the Configures change that are not answered yet (nothing behind the last one of an update), and the
        `event_id` of their message."""
        self._refused: StreamError | None = None
        """Why the session is not in the audio format that the client thinks it is in."""
        self._blamed: dict[StreamError, str | None] = {}
        """The `event_id` of messages whose errors are still to be sent."""
        self._ignored: set[str] = set()

    @classmethod
    def open(cls, request: Request, limits: Limits) -> OpenAIProtocol:
        return cls(request, limits)

    def closing(self, error: StreamError | None) -> tuple[int, str]:
        return (1000, "") if error is None else (error.close_code, error.code)

    # -- messages to commands -----------------------------------------------------------------------------------

    def receive(self, message: str | bytes) -> Sequence[Command]:
        try:
            known = messages.read(message)
            match known:
                case messages.Append(audio=audio):
                    return self._append(audio)
                case messages.Commit():
                    return self._commit()
                case messages.ClearBuffer():
                    return self._clear()
                case messages.Update(session=session):
                    return self._update(session, known.event_id)
                case messages.FlatUpdate(session=session):
                    return self._update(session.nested(), known.event_id)
                case _:
                    assert_never(known)
        except ClientError as error:
            self._blamed[error] = messages.event_id(message)
            raise

    @property
    def _position(self) -> int:
        return to_16k(self._received, self._audio.sample_rate)

    def _append(self, audio: bytes) -> Sequence[Command]:
        if self._refused:
            raise BadRequest(f"the audio format is not taken: {self._refused.message}", fatal=True)
        audio = self._odd + audio
        whole = len(audio) - len(audio) % self._audio.sample_bytes
        self._odd = audio[whole:]
        self._received += whole // self._audio.sample_bytes
        return (Audio(audio[:whole]),) if whole else ()

    def _commit(self) -> Sequence[Command]:
        if (samples := self._items.uncommitted(self._position)) < LEAST_COMMIT:
            has_ms = max(0, samples) * 1000 / SAMPLE_RATE
            raise EmptyCommit(f"buffer too small: expected at least 100ms of audio, but it has {has_ms:.2f}ms")
        return self._cut()

    def _cut(self, wanted: bool = True) -> list[Command]:
        """What has come and is in no item yet becomes one; from here on turn detection is as it was asked for."""
        span = self._items.cut(self._position, self._turns.manual)
        span.wanted = wanted
        finalize = Finalize(span.item.id)
        if not (span.manual and wanted):
            return [finalize]
        span.told = True
        return [Reply(tuple(self._committed(span.item))), finalize]

    def _clear(self) -> Sequence[Command]:
        if self._position == self._items.latest.item.start:
            return (Reply(tuple(self._messages("input_audio_buffer.cleared"))),)
        self._items.cut(self._position, self._turns.manual).dropped = True
        return (Clear(),)

    def _update(self, wanted: Wanted, event_id: str | None) -> Sequence[Command]:
        """A Configure for each option, so that one that can't be honoured leaves the others."""
        if wanted.type != "transcription":
            raise BadRequest("this server only transcribes", param="session.type", hint="`type` is `transcription`")
        heard = wanted.input.transcription or Transcription()
        changes: list[dict[str, Any]] = []
        if wanted.input.format:
            changes += self._change_audio(wanted.input.format.read())
        changes += self._change_model(heard)
        if heard.prompt is not UNSET:
            changes.append({"prompt": heard.prompt or None})
        if heard.keywords is not UNSET:
            changes.append({"keywords": tuple(heard.keywords or ())})
        cut: list[Command] = []
        if (turns := wanted.input.turn_detection) is not UNSET:
            manual = self._turns.manual
            self._turns.take(turns)
            if self._turns.manual != manual:
                cut = self._cut(wanted=False)
            ends = self._turns.endpointing
            changes.append({"endpointing": ends and {"silence_ms": ends.silence_ms, "preroll_ms": ends.preroll_ms}})
        self._ignore(wanted.not_honoured)
        changes.append({})  # changes nothing, and its answer tells that all are answered
        self._asked.extend((change, event_id) for change in changes)
        return [*cut, *map(Configure, changes)]

    def _change_audio(self, audio: AudioFormat) -> Iterable[dict[str, Any]]:
        if audio == self._audio:
            return ()
        if self._received or self._odd:
            raise BadRequest("the format can't be changed once audio has come", param="session.audio.input.format")
        self._audio = audio
        return ({"audio": audio},)

    def _change_model(self, heard: Transcription) -> Iterable[dict[str, Any]]:
        model, languages = self._wanted
        if heard.codes is not UNSET:
            languages = heard.codes
        if heard.model is not UNSET and heard.model not in (model, self._options.model):
            if self._received:
                self._ignore(["transcription.model (audio has come)"])
            else:
                model = heard.model or None
        if (model, languages) == self._wanted:
            return ()
        self._wanted = (model, languages)
        # Which model stands for a vendor's depends on the language.
        return ({"languages": languages} if self._received else {"languages": languages, "model": model},)

    def _ignore(self, names: Iterable[str]) -> None:
        """Options that can't be honoured are no errors: the session that is sent shows what holds."""
        if new := [name for name in names if name not in self._ignored]:
            self._ignored.update(new)
            log.info("session %s: ignored %s", self._session, ", ".join(new))

    # -- events to messages -------------------------------------------------------------------------------------

    def send(self, event: Event, seq: int | None, now: float) -> Messages:
        match event:
            case events.Partial():
                span, item = self._items.of(event.segment)
                return [] if span.dropped and span.manual else self._delta(item, event)
            case events.Final():
                span, item = self._items.close(event.segment)
                if span.manual:
                    return [] if span.dropped else self._delta(item, event)
                return [*self._delta(item, event), *self._all([messages.completed(item)])]
            case events.SpeechStarted():
                return self._began(event)
            case events.SpeechEnded():
                return self._ended(event)
            case events.Suppressed():
                span, item = self._items.close(event.segment)
                item.failed = item.failed or event.reason == "failed"
                return [] if span.manual or event.reason == "cleared" else self._all([messages.completed(item)])
            case events.Finalized():
                return self._finalized(event)
            case events.Cleared():
                self._items.cleared()
                return self._messages("input_audio_buffer.cleared")
            case _:
                return self._of_session(event)

    def _began(self, event: events.SpeechStarted) -> Messages:
        endpointing = self._options.endpointing
        padding = endpointing.preroll_ms * SAMPLE_RATE // 1000 if endpointing else 0
        span, item = self._items.begin(event.segment, event.at, padding)
        if span.manual:
            return []
        return self._messages("input_audio_buffer.speech_started", audio_start_ms=_ms(item.start), item_id=item.id)

    def _ended(self, event: events.SpeechEnded) -> Messages:
        span, item = self._items.of(event.segment)
        if span.manual:
            return []
        item.end = self._items.ended = event.at
        span.spoken = span.spoken or event.reason == "finalize"
        stopped = self._messages("input_audio_buffer.speech_stopped", audio_end_ms=_ms(event.at), item_id=item.id)
        return [*stopped, *self._committed(item)]

    def _finalized(self, event: events.Finalized) -> Messages:
        span = self._items.finalized(event.id)
        said = [messages.completed(span.item)]
        if span.told:
            return self._all(said)
        due = bool(span.item.passage.text) if span.manual else span.wanted and not span.spoken
        return [*self._committed(span.item), *self._all(said)] if due else []

    def _committed(self, item: Item) -> Messages:
        previous, self._previous = self._previous, item.id
        return self._all(messages.committed(item, previous))

    def _delta(self, item: Item, event: events.Partial | events.Final) -> Messages:
        if not (delta := item.add(event)):
            return []
        return self._messages(f"{messages.TRANSCRIPTION}.delta", item_id=item.id, content_index=0, delta=delta)

    def _of_session(self, event: Event) -> Messages:
        match event:
            case events.Ready():
                self._session, self._options = event.session, event.options
                return self._messages("session.created", session=self._effective())
            case events.Configured():
                self._options = event.options
                change, _ = self._asked.popleft()
                if "languages" in change:
                    self._granted = (change.get("model", self._granted[0]), change["languages"])
                return [] if change else self._messages("session.updated", session=self._effective())
            case events.Failed(error=error):
                return self._failed(error)
            case _:
                return []

    def _effective(self) -> dict[str, Any]:
        return effective(f"sess_{self._session}", self._expires_at, self._options, self._turns)

    def _failed(self, error: StreamError) -> Messages:
        if error not in self._blamed and self._asked and not error.fatal:
            change, self._blamed[error] = self._asked.popleft()
            what = next(iter(change), "")
            if what in ("prompt", "keywords") and isinstance(error, Unsupported):
                del self._blamed[error]
                self._ignore([f"transcription.{what}"])
                return []
            if what == "languages":
                self._wanted = self._granted
            elif what == "audio":
                self._refused = error
        fields = envelope(error, "openai")["error"]
        return self._messages("error", error={**fields, "event_id": self._blamed.pop(error, None)})

    def _messages(self, type: str, **fields: Any) -> Messages:
        message: dict[str, Any] | None = {"type": type, "event_id": self._new_id("event"), **fields}
        if self._beta and message:
            message = openai_beta.rewritten(message)
        return [msgspec.json.encode(message).decode()] if message else []

    def _all(self, said: Iterable[messages.Said]) -> Messages:
        return [message for type, fields in said for message in self._messages(type, **fields)]

    def _new_id(self, kind: str) -> str:
        return f"{kind}_{self._name}{next(self._numbers):04x}"

    def _new_item(self) -> str:
        return self._new_id("item")


def _ms(position: int) -> int:
    return position * 1000 // SAMPLE_RATE
