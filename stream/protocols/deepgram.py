"""Deepgram's live transcription: options in the query, audio in binary frames, control and answers as JSON.

Knows nothing of sockets, sessions or models. Times leave here in seconds, to the millisecond. A message of a type that
its clients don't know is never sent: they would stop listening.
"""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec
from msgspec import Struct

from models.base import SAMPLE_RATE, Word
from stream import events
from stream.audio import mixed, to_16k
from stream.errors import BadMedia, ClientError, StreamError, TimedOut, TooLarge, Unsupported, UnsupportedMedia
from stream.events import Command, Event, Limits
from stream.protocols.base import Messages, Request, WireProtocol
from stream.protocols.deepgram_query import FEATURES, ListenQuery, read
from stream.rest.deepgram_words import seconds, spoken
from stream.rest.fields import Fields
from vad.endpointer import EndpointOptions, EndReason

log = logging.getLogger("steno.deepgram")

FRAME_BYTES = 1 << 20
REPEATED = 1000
"""Characters of a wrong message that go back with the error."""


class KeepAlive(Struct, tag="KeepAlive"):
    pass


class Finalize(Struct, tag="Finalize"):
    """May name a channel; all are finalized."""


class CloseStream(Struct, tag="CloseStream"):
    pass


class Configure(Struct, tag="Configure"):
    keyterms: list[str] | None = None
    features: dict[str, bool] | None = None


Message = KeepAlive | Finalize | CloseStream | Configure

_messages = msgspec.json.Decoder(Message)


@dataclass(slots=True)
class Channel:
    """What was said of one channel. Positions are samples at 16 kHz.

    told: where its last slice ends. start: where the one under way begins, None while there is none. reason: why that
    has ended. spoken: the end of the last word, until UtteranceEnd tells it. finalized: the Finalize that is under way
    has had a result.
    """

    told: int = 0
    start: int | None = None
    reason: EndReason = "endpoint"
    spoken: int | None = None
    finalized: bool = False


class DeepgramProtocol(WireProtocol):
    paths: ClassVar[tuple[str, ...]] = ("/v1/listen",)
    idle_s: ClassVar[float | None] = 10.0

    def __init__(self, request: Request, limits: Limits, query: ListenQuery) -> None:
        self.start = events.Start(query.options)
        self.subprotocol = next((each for each in request.subprotocols if each in ("token", "bearer")), None)
        self._limits, self._query, self._options = limits, query, query.options
        self._features = set(query.features)
        self._request_id = str(uuid.uuid5(uuid.NAMESPACE_OID, request.session))
        self.labels = {"request_id": self._request_id}
        self._created = request.at
        self._channels = [Channel() for _ in range(query.options.audio.channels)]
        self._preroll = (query.options.endpointing or EndpointOptions()).preroll_ms * SAMPLE_RATE // 1000
        self._frame = (query.mixed or query.options.audio).sample_bytes
        self._rest = b""
        """The beginning of a sample that has not come whole."""
        self._sha256 = hashlib.sha256()
        self._keyterms: deque[list[str]] = deque()
        """Of each Configure that is yet to be answered."""
        self._closed = False
        self._ignored: list[str] = []
        self._ignore(query.ignored)

    @classmethod
    def open(cls, request: Request, limits: Limits) -> DeepgramProtocol:
        return cls(request, limits, read(request.query))

    # -- messages to commands -----------------------------------------------------------------------------------

    def receive(self, message: str | bytes) -> Sequence[Command]:
        if self._closed:
            return ()
        return self._audio(message) if isinstance(message, bytes) else self._text(message)

    def _audio(self, payload: bytes) -> Sequence[Command]:
        if not payload:
            return self._close()
        if len(payload) > FRAME_BYTES:
            raise TooLarge(f"a frame of {len(payload)} bytes is over the limit, {FRAME_BYTES}", fatal=True)
        self._sha256.update(payload)
        if self._options.container:
            return (events.Audio(payload),)
        payload = self._rest + payload
        whole = len(payload) - len(payload) % self._frame
        payload, self._rest = payload[:whole], payload[whole:]
        if not payload:
            return ()
        return (events.Audio(mixed(self._query.mixed, payload) if self._query.mixed else payload),)

    def _text(self, text: str) -> Sequence[Command]:
        if len(text) > self._limits.text_bytes:
            return self._wrong(text, f"a message over the limit of {self._limits.text_bytes} characters")
        try:
            asked: Message = _messages.decode(text)
        except (msgspec.DecodeError, RecursionError) as error:
            return self._wrong(text, str(error))
        match asked:
            case KeepAlive():
                return (events.KeepAlive(),)
            case Finalize():
                return (events.Finalize(),)
            case CloseStream():
                return self._close()
            case Configure(keyterms, features):
                return self._configure(keyterms, features or {})

    def _close(self) -> Sequence[Command]:
        self._closed = True
        return (events.Stop(),)

    def _configure(self, keyterms: list[str] | None, features: dict[str, bool]) -> Sequence[Command]:
        for name in features.keys() & set(FEATURES):
            (self._features.add if features[name] else self._features.discard)(name)
        self._ignore(Fields((name, str(on)) for name, on in features.items() if name not in FEATURES).unread())
        if keyterms is None:
            return (events.Reply((self._configured(),)),)
        self._keyterms.append(keyterms)
        return (events.Configure({"keywords": tuple(dict.fromkeys(keyterms))}),)

    def _configured(self, **fields: Any) -> str:
        return _json(type="ConfigureSuccess", request_id=self._request_id, **fields)

    def _wrong(self, text: str, why: str) -> Sequence[Command]:
        return (events.Reply((_json(type="Error", variant="SchemaError", description=why, message=text[:REPEATED]),)),)

    def _ignore(self, names: Sequence[str]) -> None:
        if news := [name for name in names if name not in self._ignored]:
            self._ignored += news
            log.info("request %s asks what is not offered: %s", self._request_id, ", ".join(news))

    # -- events to messages -------------------------------------------------------------------------------------

    def closing(self, error: StreamError | None) -> tuple[int, str]:
        match error:
            case None:
                return 1000, ""
            case TimedOut():
                return 1011, "NET-0001"
            case BadMedia() | UnsupportedMedia():
                return 1008, "DATA-0000"
            case TooLarge():
                return 1009, error.code
            case ClientError():
                return 1008, error.code
            case _:
                return error.close_code, error.code

    def send(self, event: Event, seq: int | None, now: float) -> Messages:
        match event:
            case events.SpeechStarted(channel=number, at=at):
                return self._begin(number, at)
            case events.Partial(channel=number, end=end, words=words, language=language):
                return [self._results(number, self._channels[number].start or 0, end, words, language)]
            case events.SpeechEnded(channel=number, reason=reason):
                self._channels[number].reason = reason
            case events.Final(channel=number, end=end, words=words, language=language):
                return [self._end(number, end, words, language)]
            case events.Suppressed(channel=number, end=end):
                return [self._end(number, end)]
            case events.Ack(received=received):
                quiet = [number for number, channel in enumerate(self._channels) if channel.start is None]
                return [each for number in quiet for each in self._utterance_end(number, self._position(received))]
            case events.Finalized(at=at):
                return self._finalized(self._position(at))
            case _:
                return self._control(event)
        return []

    def _control(self, event: Event) -> Messages:
        match event:
            case events.Ready(options=options):
                if self._options.keywords and not options.keywords:
                    self._ignore(["keyterm"])
                self._options = options
            case events.Configured(options=options):
                self._options = options
                return [self._configured(keyterms=self._keyterms.popleft())]
            case events.Failed(error=error) if self._keyterms and not error.fatal:
                self._keyterms.popleft()
                kind = "KEYTERMS_NOT_SUPPORTED" if isinstance(error, Unsupported) else "INTERNAL_ERROR"
                failure = {"request_id": self._request_id, "code": f"CONFIGURE_{kind}"}
                return [_json(type="ConfigureFailure", **failure, description=_explained(error))]
            case events.Failed(error=error):
                return [_json(type="Error", variant=error.code.upper(), description=_explained(error))]
            case events.Done(audio=audio):
                return [self._metadata(audio)]
        return []

    def _begin(self, number: int, at: int) -> Messages:
        channel = self._channels[number]
        messages = self._utterance_end(number, at)
        channel.start = max(channel.told, at - self._preroll)
        if self._query.vad_events:
            messages.append(_json(type="SpeechStarted", channel=self._index(number), timestamp=seconds(at)))
        return messages

    def _end(self, number: int, end: int, words: Sequence[Word] = (), language: str | None = None) -> str:
        """The last of a slice; without words for what looked like speech and was none."""
        channel = self._channels[number]
        told = self._results(number, channel.start or 0, end, words, language, channel.reason)
        channel.told, channel.start = max(channel.told, end), None
        channel.finalized |= channel.reason == "finalize"
        if words:
            channel.spoken = words[-1].end
        return told

    def _finalized(self, position: int) -> Messages:
        """An empty slice for each channel on which there was nothing to finalize."""
        messages: Messages = []
        for number, channel in enumerate(self._channels):
            if not channel.finalized:
                end = max(channel.told, position if channel.start is None else channel.start)
                messages.append(self._results(number, channel.told, end, reason="finalize"))
                channel.told = end
            channel.finalized = False
        return messages

    def _utterance_end(self, number: int, position: int) -> Messages:
        """What is due if a channel has had no word since its last one, up to a position."""
        channel, gap = self._channels[number], self._query.gap
        if gap is None or channel.spoken is None or position - channel.spoken < gap:
            return []
        last, channel.spoken = channel.spoken, None
        return [_json(type="UtteranceEnd", channel=self._index(number), last_word_end=seconds(last))]

    def _results(
        self,
        number: int,
        start: int,
        end: int,
        words: Sequence[Word] = (),
        language: str | None = None,
        reason: EndReason | None = None,
    ) -> str:
        """What a slice says, and why that is its last word, if it is.

        A confidence that the model has none of is null: clients read it without asking whether it is there.
        """
        alternative = spoken(words, punctuated=bool(self._features))
        for each in (alternative, *alternative["words"]):
            each.setdefault("confidence", None if words else 0.0)
        if self._query.multilingual and language is not None:
            alternative["languages"] = [language]
        return _json(
            type="Results",
            channel_index=self._index(number),
            start=seconds(start),
            duration=seconds(max(0, end - start)),
            is_final=reason is not None,
            speech_final=reason not in (None, "max_length"),
            from_finalize=reason == "finalize",
            channel={"alternatives": [alternative]},
            metadata={"request_id": self._request_id, **self._model()},
        )

    def _metadata(self, audio: int) -> str:
        model, endpointing = self._model(), self._options.endpointing
        return _json(
            type="Metadata",
            transaction_key="deprecated",
            request_id=self._request_id,
            sha256=self._sha256.hexdigest(),
            created=self._created.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            duration=seconds(audio),
            channels=len(self._channels),
            models=[model["model_uuid"]],
            model_info={model["model_uuid"]: model["model_info"]},
            tags=list(self._query.tags),
            endpointing=endpointing.silence_ms if endpointing else False,
            ignored=self._ignored,
        )

    def _model(self) -> dict[str, Any]:
        """Clients want all of these; an id is made of the name, and what isn't known is empty."""
        name = self._options.model or ""
        info = {"name": name, "version": "", "arch": ""}
        return {"model_uuid": str(uuid.uuid5(uuid.NAMESPACE_OID, name)), "model_info": info}

    def _index(self, number: int) -> list[int]:
        return [number, len(self._channels)]

    def _position(self, received: int) -> int:
        return to_16k(received, self._options.audio.sample_rate)


def _explained(error: StreamError) -> str:
    return f"{error.message}: {error.hint}" if error.hint else error.message


def _json(**fields: Any) -> str:
    return msgspec.json.encode(fields).decode()
