"""Lifts an offline decoder into a streaming model: each utterance is decoded anew as it grows.

Knows nothing of weights, features or tokens: `Decoder` is all that an offline model has to write.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, cast

import numpy as np

from models.agreement import MARGIN, agreed, continuation, fit
from models.base import (
    SAMPLE_RATE,
    DecodeOptions,
    Hypothesis,
    Kind,
    ModelCard,
    Need,
    Rejection,
    Samples,
    Utterance,
    Word,
)

LANGUAGE_SETTLED = 2 * SAMPLE_RATE
"""Audio after which a detected language is kept for the rest of its utterance."""

_DECODED = "decoded"
"""Key of a step that has nothing to decode; no decoder's key is a bare string."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Audio to be decoded, with all that its words may depend on.

    language: decided earlier in its utterance; None: to be detected among `options.languages`.
    careful:  a guard tripped on this very audio: search wider.
    """

    samples: Samples
    options: DecodeOptions
    language: str | None = None
    careful: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """What a window says; times count from its first sample and lie inside it.

    tripped:  the guard that says these words are not to be trusted, or None.
    complete: False where the decoder ran out of room before the window's end.
    """

    words: tuple[Word, ...] = ()
    language: str | None = None
    tripped: Rejection | None = None
    complete: bool = True


class Decoder(Protocol):
    """An offline model. It keeps nothing between calls, so a window may be decoded again anywhere.

    hop:    samples of new speech that make decoding anew worth its cost.
    window: the most samples that one window may hold.
    """

    @property
    def card(self) -> ModelCard: ...

    @property
    def hop(self) -> int: ...

    @property
    def window(self) -> int: ...

    def key(self, options: DecodeOptions, careful: bool) -> Hashable:
        """Windows of equal keys may share a call. A tuple, and of these two alone."""

    def decode(self, windows: Sequence[Window]) -> list[Decoded]:
        """One for each window, in order; what a window says must not depend on its neighbours."""


class Redecode:
    """A `Model` made of a `Decoder`."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    @property
    def card(self) -> ModelCard:
        return self._decoder.card

    def begin(self, options: DecodeOptions, stable: Sequence[Word] = (), carry: str | None = None) -> Utterance:
        return _Utterance(self._decoder, options, stable)

    def step(self, batch: Sequence[Utterance]) -> list[Hypothesis]:
        utterances = cast("Sequence[_Utterance]", batch)
        if all(utterance.decoded for utterance in utterances):
            return [utterance.conclude() for utterance in utterances]
        windows = [utterance.window() for utterance in utterances]
        said = self._decoder.decode(windows)
        return [u.hear(window, decoded) for u, window, decoded in zip(utterances, windows, said, strict=True)]

    def close(self, utterance: Utterance) -> None:
        cast("_Utterance", utterance).forget()


class _Utterance:
    """One utterance's audio and what is believed of it: its words are `_stable` + `_unstable`.

    The window starts at `_offset`, which stays 0 until the audio outgrows one window. Then what that window said is
    settled, and the next one starts behind its last sure word.
    """

    def __init__(self, decoder: Decoder, options: DecodeOptions, stable: Sequence[Word]) -> None:
        self._decoder = decoder
        self._options = options
        self._stable = tuple(stable)
        self._unstable: tuple[Word, ...] = ()
        self._language = options.languages[0] if len(options.languages) == 1 else None
        self._language_settled = self._language is not None
        self._chunks: list[Samples] = []  # from `_offset` on
        self._offset = 0
        self._accepted = 0
        self._speech: tuple[int, int] | None = None  # the first sample of speech, and the one behind the last
        self._fresh = 0  # samples of speech that no step has heard
        self._covers = 0  # of the last hypothesis that was trusted
        self._careful = False
        self._reason: Rejection = "no_speech"  # why there are no words, if there are none
        self._end: int | None = None
        self._concluded = False

    # -- the seam ---------------------------------------------------------------------------------------------

    @property
    def need(self) -> Need | None:
        if self._concluded:
            return None
        if self.decoded:
            return Need(Kind.FINAL, _DECODED)
        if self._careful:
            kind = Kind.RETRY
        elif self._end is not None:
            kind = Kind.FINAL
        elif self._options.partials and self._accepted >= self._promised and self._fresh >= self._decoder.hop:
            kind = Kind.PARTIAL if self._covers else Kind.FIRST
        else:
            return None
        return Need(kind, self._decoder.key(self._options, self._careful))

    def accept(self, samples: Samples, speech: bool) -> None:
        start = self._accepted
        self._chunks.append(samples)
        self._accepted += len(samples)
        if speech and len(samples):
            self._speech = (self._speech[0] if self._speech else start, self._accepted)
            self._fresh += len(samples)

    def finish(self, end: int) -> None:
        self._end = min(end, self._accepted)
        self._unstable = tuple(word for word in self._unstable if word.start < self._end)

    # -- steps ------------------------------------------------------------------------------------------------

    @property
    def decoded(self) -> bool:
        """Whether the final can be told as it is: no speech counts, or the last trusted hypothesis heard all of it."""
        if self._end is None or self._careful:
            return False
        if self._speech is None or self._speech[0] >= self._end or self._offset >= self._end:
            return True
        return self._covers >= self._end >= self._speech[1]

    def window(self) -> Window:
        audio = np.concatenate(self._chunks)
        self._chunks = [audio]
        return Window(
            samples=audio[: min(self._limit - self._offset, self._decoder.window)],
            options=self._options,
            language=self._language if self._language_settled else None,
            careful=self._careful,
        )

    def hear(self, window: Window, decoded: Decoded) -> Hypothesis:
        """Take in what `window` says, and tell what is believed now."""
        covers = self._offset + len(window.samples)
        full = covers < self._limit
        self._fresh = 0
        if decoded.tripped and not self._careful:
            # Whatever a prompt brought about, it does only once. A partial's next hop will do as its retry.
            self._options = replace(self._options, prompt=None, keywords=())
            self._careful = full or self._end is not None
            return Hypothesis(words=self._stable, agreed=len(self._stable), covers=covers, trusted=False)
        self._careful = False
        self._covers = covers
        self._language = decoded.language
        self._language_settled |= covers >= LANGUAGE_SETTLED
        if decoded.tripped:
            self._reason = decoded.tripped
            decoded = Decoded()
        rest = self._behind_stable(decoded.words, covers)
        if covers == self._end and decoded.complete:
            self._unstable = rest
            return self.conclude()
        if decoded.complete and not full:
            count = agreed(self._unstable, rest, covers)
            self._stable, self._unstable = self._stable + rest[:count], rest[count:]
        else:
            sure = covers - MARGIN if decoded.complete else max((word.start for word in rest), default=0)
            self._advance(rest, sure, covers)
        return Hypothesis(
            words=self._stable + self._unstable, agreed=len(self._stable), covers=covers, language=self._language
        )

    def conclude(self) -> Hypothesis:
        """The final."""
        self._concluded = True
        words = fit(self._stable + self._unstable, 0, self._limit)
        return Hypothesis(
            words=words,
            agreed=len(words),
            covers=self._limit,
            language=self._language,
            final=True,
            rejected=None if words else self._reason,
        )

    def forget(self) -> None:
        self._chunks.clear()
        self._concluded = True

    @property
    def _limit(self) -> int:
        """Where the audio that counts ends, as far as is known."""
        return self._accepted if self._end is None else self._end

    @property
    def _promised(self) -> int:
        """Where the stable words end. An utterance begun again has nothing to say before it is there once more."""
        return self._stable[-1].end if self._stable else 0

    def _behind_stable(self, words: Sequence[Word], covers: int) -> tuple[Word, ...]:
        """What a window's words say behind the stable ones, on the utterance's clock."""
        heard = [word.moved(word.start + self._offset, word.end + self._offset) for word in words]
        known = [word for word in self._stable if word.start >= self._offset]
        return fit(continuation(known, heard), self._promised, covers)

    def _advance(self, rest: Sequence[Word], sure: int, covers: int) -> None:
        """Settle the words that end by `sure` and start the next window behind them."""
        self._stable += tuple(word for word in rest if word.end <= sure)
        start = min(self._promised, covers)
        if start <= self._offset:  # not one sure word, so another hearing of this audio would end here again
            self._stable += tuple(rest)
            start = covers
        self._chunks = [np.concatenate(self._chunks)[start - self._offset :]]
        self._offset = self._covers = start
        self._fresh = self._accepted - start
        self._unstable = ()
