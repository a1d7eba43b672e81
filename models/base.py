"""The seam that every model implements: utterances of audio in, hypotheses of words out.

Knows nothing of sockets, sessions, processes or clocks. Audio is int16, mono, 16 kHz; positions are samples.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000

Samples = NDArray[np.int16]
Task = Literal["transcribe", "translate"]
Rejection = Literal["no_speech", "repetition", "noise", "failed"]
"""Why an utterance has no words; "failed": its decoding died again and again."""


# Not a dataclass: the garbage collector looks through those, and a busy server makes thousands of words a second.
class Word(msgspec.Struct, frozen=True, gc=False):
    """One word as it is written. `start` and `end` are samples from the utterance's first sample, start < end.

    `text` carries the space before it where its language writes one, so joining texts gives the sentence.
    `confidence` is in 0..1, or None where the model has none.
    """

    text: str
    start: int
    end: int
    confidence: float | None = None

    def moved(self, start: int, end: int) -> Word:
        """The same word at another time."""
        return Word(self.text, start, end, self.confidence)

    def spelled(self, text: str) -> Word:
        """The same word with another text."""
        return Word(text, self.start, self.end, self.confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeOptions:
    """How one utterance is to be decoded. A model may rely on its card: what it can't do never gets here.

    `languages` are the codes that may occur, one to pin it, none to detect among all that the model knows.
    `partials` says whether hypotheses before the final are wanted. `pause`: samples between the last one that the carry
    it is begun with knows of and its own first.
    """

    languages: tuple[str, ...] = ()
    task: Task = "transcribe"
    prompt: str | None = None
    keywords: tuple[str, ...] = ()
    partials: bool = True
    pause: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """What a model believes an utterance says, `words[:agreed]` of which it stands by.

    covers:   samples of the utterance that were heard for this; words don't reach beyond it.
    trusted:  no guard tripped. An untrusted hypothesis is never published without another step.
    final:    the last one of its utterance. A final without words says why in `rejected`.
    carry:    what the next utterance of the same channel may be told (see `Model.begin`), opaque to all but the model;
        None leaves the one before as it is.
    """

    words: tuple[Word, ...] = ()
    agreed: int = 0
    covers: int = 0
    trusted: bool = True
    language: str | None = None
    final: bool = False
    rejected: Rejection | None = None
    carry: str | None = None


class Kind(IntEnum):
    """What a step would be for, the most urgent first."""

    FINAL = 0
    RETRY = 1
    SPECULATIVE = 2
    FIRST = 3
    PARTIAL = 4
    CHAT = 5


@dataclass(frozen=True, slots=True)
class Need:
    """A step worth doing. Only utterances with equal keys share a step; a key depends on its utterance alone.

    rows: the most of them that one step takes, where that is less than the card's `max_batch`; equal for equal keys.
    """

    kind: Kind
    key: Hashable
    rows: int | None = None


class Utterance(Protocol):
    """Decoding state of one utterance, without weights; touched only by the thread that runs the model."""

    @property
    def need(self) -> Need | None:
        """What a step would do now; None while nothing is worth doing."""

    def accept(self, samples: Samples, speech: bool) -> None:
        """Take the next samples, with VAD's verdict on them. Never called after `finish`."""

    def finish(self, end: int) -> None:
        """No more audio comes; only samples before `end` count (it may lie behind what was accepted). Even a word that
        was agreed may be left out from here on if it lies more behind `end` than before it.

        From here on `need` is not None until a step has returned this utterance's final hypothesis, unless it still
        waits for room, being one more than the card's `capacity`.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """What a model is and can do; sessions are checked against it when they open.

    languages: codes it knows. Detection works only where `detects`; otherwise the first one is taken by default.
    narrows: whether it can detect among some of its languages only. Where it can't, a session names one or none.
    prompt, keywords: whether it can use them; where it can't, a session that sends them is refused.
    word_times: "measured", or "estimated" where the model has none: words then share the speech that they lie in, by
        their lengths.
    max_batch: utterances, or chats, that one step takes. capacity: utterances that may be open at once, None for any
        number.
    channels: how many may be admitted, None for more than `capacity`: not everyone talks all the time.
    tick_s: seconds of audio that a step takes of each of its utterances, where that takes about as long for all as for
        one; they need every one of these steps. None for a model that may be stepped less often under load.
    chat_audio_s: seconds of audio that a conversation may hold if it is a `models.chat.ChatModel`, None if it isn't.
    """

    kind: str
    languages: tuple[str, ...]
    detects: bool = False
    narrows: bool = True
    tasks: tuple[Task, ...] = ("transcribe",)
    prompt: bool = False
    keywords: bool = False
    word_times: Literal["measured", "estimated"] = "measured"
    max_batch: int = 1
    capacity: int | None = None
    channels: int | None = None
    tick_s: float | None = None
    chat_audio_s: float | None = None


class Model(Protocol):
    """Weights, loaded once per worker, and nothing else: all state lives in its utterances."""

    @property
    def card(self) -> ModelCard: ...

    def begin(self, options: DecodeOptions, stable: Sequence[Word] = (), carry: str | None = None) -> Utterance:
        """Open an utterance.

        stable: words already promised, when an utterance is begun again after a failure and will hear its audio anew;
            its hypotheses should start with them.
        carry:  the latest `Hypothesis.carry` of this channel, or None.
        """

    def step(self, batch: Sequence[Utterance]) -> list[Hypothesis]:
        """Do what the utterances' `need` says, all of equal key; blocking. One hypothesis each, in order.

        An exception fails the whole batch: the caller then steps its utterances one by one.
        """

    def close(self, utterance: Utterance) -> None:
        """Give up an utterance's resources; idempotent, at any time."""
