"""Vosk's server protocol: binary frames of PCM, each answered by exactly one message, lower case without punctuation.

Knows nothing of sockets, sessions or models. Clients send a frame, wait for its answer and send the next; one message
less and they hang, one more and they read each answer for that of the frame before.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec
from msgspec import Struct

from models.base import SAMPLE_RATE, Word
from stream import events
from stream.audio import AudioFormat
from stream.errors import BadRequest, StreamError, TooLarge, Unsupported
from stream.events import Audio, Command, Configure, Event, Finalize, Limits, SessionOptions, Stop
from stream.protocols.base import Messages, Request, WireProtocol
from stream.rest.segments import mean_confidence
from stream.text import plain

log = logging.getLogger(__name__)

RATE = 8_000
"""What the reference server takes for granted where no config says another."""
MESSAGE_BYTES = 1 << 20
"""What it takes in one message."""


class Config(Struct):
    sample_rate: float | None = None
    words: bool = True
    phrase_list: list[str] | None = None
    max_alternatives: int = 0
    model: str | None = None


class Text(Struct):
    config: Config | None = None
    eof: bool = False
    reset: bool = False


_texts = msgspec.json.Decoder(Text, strict=False)


class VoskProtocol(WireProtocol):
    paths: ClassVar[tuple[str, ...]] = ("/vosk",)
    answers_audio: ClassVar[bool] = True

    def __init__(self, session: str) -> None:
        self.start = events.Start(SessionOptions(audio=AudioFormat(sample_rate=RATE)))
        self._session = session
        self._odd = b""
        """The first byte of a sample whose other one is still to come."""
        self._heard = self._stopped = False
        self._config = Config()
        self._refused: StreamError | None = None
        """Why the session is not what its config says."""
        self._words: tuple[Word, ...] = ()
        """Of the partial, which is all that is known of the segment under way."""
        self._ended: deque[tuple[Word, ...]] = deque()
        """Utterances that no frame has been answered with yet."""

    @classmethod
    def open(cls, request: Request, limits: Limits) -> VoskProtocol:
        return cls(request.session)

    # -- messages to commands -----------------------------------------------------------------------------------

    def receive(self, message: str | bytes) -> Sequence[Command]:
        if self._refused:
            raise BadRequest(f"in `config`: {self._refused.message}", hint=self._refused.hint, fatal=True)
        if len(message) > MESSAGE_BYTES:
            raise TooLarge(f"a message of {len(message)} bytes is over the limit, {MESSAGE_BYTES}", fatal=True)
        if isinstance(message, bytes):
            self._heard = True
            audio = self._odd + message
            whole = len(audio) & ~1
            self._odd = audio[whole:]
            return (Audio(audio[:whole]),)  # without a sample, too: it wants its answer
        try:
            text = _texts.decode(message)
        except (msgspec.DecodeError, RecursionError) as error:
            raise BadRequest(str(error), fatal=True) from None
        if text.config:
            return self._configure(text.config)
        if text.eof:
            self._stopped = True
            return (Stop(),)
        if text.reset:
            return (Finalize(),)
        raise BadRequest("neither `config`, `eof` nor `reset`", fatal=True)

    def _configure(self, config: Config) -> Sequence[Command]:
        """A Configure for each option, so that one that can't be honoured leaves the others.

        The reference server makes its recognizer with the first frame: what comes later changes nothing there.
        """
        if self._heard:
            log.info("session %s: ignored a config behind the first audio", self._session)
            return ()
        self._config = config
        changes: list[dict[str, Any]] = []
        if config.model is not None:
            changes.append({"model": config.model})
        if config.sample_rate is not None:
            try:
                changes.append({"audio": AudioFormat(sample_rate=int(config.sample_rate))})
            except (ValueError, OverflowError) as error:
                raise BadRequest(f"in `config`: {error}", fatal=True) from None
        if config.phrase_list:
            # "[unk]" is all that is not in the list.
            changes.append({"keywords": tuple(each for each in config.phrase_list if each != "[unk]")})
        return [Configure(each) for each in changes]

    # -- events to messages -------------------------------------------------------------------------------------

    def send(self, event: Event, seq: int | None, now: float) -> Messages:
        match event:
            case events.Partial():
                self._words = event.words
            case events.Final():
                self._ended.append(event.words)
                self._words = ()
            case events.Suppressed():
                self._words = ()
            case events.Accepted():
                if self._ended:
                    return [self._result(self._ended.popleft())]
                return [_message(partial=" ".join(filter(None, (plain(word.text) for word in self._words))))]
            case events.Finalized() | events.Done():
                # One message, whatever has ended by now: nobody waits for another.
                return [self._rest()]
            case events.Failed(error=error):
                return self._failed(error)
        return []

    def _rest(self) -> str:
        words = tuple(word for each in self._ended for word in each)
        self._ended.clear()
        return self._result(words)

    def _failed(self, error: StreamError) -> Messages:
        """There is no form for errors, so each ends the session: it must not be taken for the answer to a frame."""
        if not error.fatal:
            if isinstance(error, Unsupported):
                log.info("session %s: ignored phrase_list: %s", self._session, error.message)
            elif not self._stopped:
                self._refused = error
            return []
        ended = [self._rest()] if self._ended else []
        return [*ended, _message(error=f"{error.message}: {error.hint}" if error.hint else error.message)]

    def _result(self, words: Sequence[Word]) -> str:
        spoken = [(word, text) for word in words if (text := plain(word.text))]
        text = " ".join(text for _, text in spoken)
        if self._config.max_alternatives > 0:
            # There is but one; of its words Vosk tells no confidence.
            listed = [{"word": text, **_times(word)} for word, text in spoken]
            only = {"confidence": mean_confidence(words), "text": text}
            return _message(alternatives=[{**only, **self._listed(listed)}])
        return _message(
            **self._listed([{"conf": word.confidence, **_times(word), "word": text} for word, text in spoken]),
            text=text,
        )

    def _listed(self, words: list[dict[str, Any]]) -> dict[str, Any]:
        return {"result": words} if words and self._config.words else {}


def _times(word: Word) -> dict[str, float]:
    return {"start": round(word.start / SAMPLE_RATE, 3), "end": round(word.end / SAMPLE_RATE, 3)}


def _message(**fields: Any) -> str:
    return msgspec.json.encode(fields).decode()
