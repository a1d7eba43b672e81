"""One utterance as a stream for Voxtral Realtime: which audio it is fed next, and what its tokens say.

Pure: knows nothing of torch, nor of who shares a step. Positions are samples of the utterance.

A stream is silence (`left` tokens), then the audio; with each 80 ms of it goes the token that was written last, at
first one of the prompt's, and one comes out. What is said is written `delay` tokens later; so at the end silence
follows, `right` tokens of it, or what was heard there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from models.base import SAMPLE_RATE, DecodeOptions, Hypothesis, Kind, Need, Samples, Word
from models.times import fit
from models.voxtral_words import TOKEN, WrittenWords

BEFORE, BEHIND = 200, 40
"""Samples that a token's mel frames reach out of its own 80 ms: they are centred, 400 samples wide and 160 apart."""
PIECE = BEFORE + TOKEN + BEHIND

RUT = 5 * SAMPLE_RATE
"""Speech without a word after which the stream has lost its way, and is begun anew. Sooner than the server has all of
the utterance decoded again (`stream.engine.SPEECH_WITHOUT_TEXT_S`), which would lead to the same place."""
KEPT = RUT + 2 * SAMPLE_RATE
"""Audio that is kept for that."""
TRIMMED = SAMPLE_RATE
"""Audio is forgotten so much at a time."""

TICK = "tick"
"""The key of all steps."""

log = logging.getLogger("steno.voxtral_realtime")


@dataclass(frozen=True, slots=True)
class Format:
    """How streams are laid out, and what tokens stand for.

    prompt: tokens that go with the silence and the delay, `left + delay + 1` of them.
    mark: the token before words. pieces: the bytes of each token, None for those that are no text.
    """

    prompt: tuple[int, ...]
    left: int
    right: int
    mark: int
    pieces: Sequence[bytes | None]

    @property
    def given(self) -> int:
        """Tokens whose audio is nothing but the silence before: they are the same for all streams."""
        return self.left - 1


@dataclass(frozen=True, slots=True)
class Row:
    """What a slot is fed in a step: the `position`th token of its stream and PIECE samples around its audio."""

    slot: int
    position: int
    token: int
    piece: Samples


@dataclass(frozen=True, slots=True)
class Written:
    """The token that comes of it."""

    token: int
    log_probability: float


class Stream:
    """An Utterance. It needs a slot from its first step on.

    slot: the one that it has. fresh: the slot is to be laid out for a stream's start before it is fed.
    granted: tells whether there is a slot for a stream that has none.
    """

    def __init__(
        self, format: Format, options: DecodeOptions, stable: Sequence[Word], granted: Callable[[Stream], bool]
    ) -> None:
        self.slot: int | None = None
        self.fresh = True
        self._format = format
        self._granted = granted
        self._language = options.languages[0] if len(options.languages) == 1 else None
        self._stable = tuple(stable)
        self._promised = stable[-1].end if stable else 0
        self._pcm = bytearray()
        self._base = 0  # where that begins
        self._accepted = 0
        self._speech: list[tuple[int, int]] = []
        self._written = WrittenWords(self._speech, self._promised)
        self._anchor = 0  # where the stream's audio begins
        self._fed = format.given
        self._latest = 0  # token
        self._mute = 0  # samples of speech fed since the last text, but for those heard a second time:
        self._again = 0  # up to here
        self._told: tuple[tuple[Word, ...], int] = ((), 0)
        self._end: int | None = None
        self._over = False

    # -- the seam ---------------------------------------------------------------------------------------------------

    @property
    def need(self) -> Need | None:
        if self._over:
            return None
        if self._end is not None and not self.due:
            return Need(Kind.FINAL, TICK)
        if not self.due or (self.slot is None and not self._granted(self)):
            return None
        return Need(Kind.PARTIAL if self._end is None else Kind.FINAL, TICK)

    def accept(self, samples: Samples, speech: bool) -> None:
        start, self._accepted = self._accepted, self._accepted + len(samples)
        self._pcm += samples.tobytes()
        if speech and len(samples):
            if self._speech and self._speech[-1][1] == start:
                start = self._speech.pop()[0]
            self._speech.append((start, self._accepted))

    def finish(self, end: int) -> None:
        # What was accepted from behind the end is fed in place of silence: some of it may have been already, and what
        # is said must not depend on how much.
        self._end = min(end, self._accepted)

    # -- steps ------------------------------------------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        return self._end is not None

    @property
    def due(self) -> bool:
        """There is something to be fed."""
        if self._end is None:
            return self._accepted >= self._reached + TOKEN
        if not self._spoken_at_all:
            return False
        # The last token is not fed, since nothing would follow.
        audio = -(-(self._end - self._anchor) // TOKEN)
        return self._fed < self._format.left + audio + self._format.right - 1

    def row(self) -> Row:
        """What it is fed next; it has a slot, and is due."""
        assert self.slot is not None
        prompt = self._format.prompt
        token = prompt[self._fed] if self._fed < len(prompt) else self._latest
        return Row(self.slot, self._fed, token, self._piece(self._heard - BEFORE))

    def hear(self, written: Written) -> None:
        """What came of the row."""
        audio = self._heard
        self._fed += 1
        self._latest = written.token
        number = self._fed - len(self._format.prompt)
        if number < 0:
            return
        at = self._anchor + number * TOKEN
        if (piece := self._format.pieces[written.token]) is not None:
            self._written.write(piece, at, written.log_probability)
            self._mute = 0
        else:
            if written.token == self._format.mark:
                self._written.mark(at)
            else:
                self._written.pad()
            self._mute += TOKEN * (audio >= self._again and self._spoken(audio))
        if self._mute >= RUT:
            self._begin_anew(max(self._heard - KEPT, self._written.end))
        self._forget(self._heard - KEPT)

    def hypothesis(self) -> Hypothesis:
        """What is believed now; final if there is nothing left to be fed."""
        covers = max(0, min(self._heard, self._accepted))
        if self._end is not None:
            covers = min(covers, self._end)
        words = self._stable + self._words
        if self._end is not None and not self.due:
            self._over = True
            return Hypothesis(
                words=words,
                agreed=len(words),
                covers=self._end,
                language=self._language,
                final=True,
                rejected=None if words else "no_speech",
            )
        # Most tokens are padding: what has been said already is not said again.
        agreed = min(len(words), len(self._stable) + len(self._written.complete))
        if (words, agreed) == self._told or covers < self._promised:
            return Hypothesis(covers=covers, trusted=False)
        self._told = (words, agreed)
        return Hypothesis(words=words, agreed=agreed, covers=covers, language=self._language)

    @property
    def _heard(self) -> int:
        """Where the audio begins that is fed next; before the anchor it is silence."""
        return self._anchor + (self._fed - self._format.left) * TOKEN

    @property
    def _reached(self) -> int:
        """Behind the last sample that was fed."""
        return self._heard + BEHIND

    @property
    def _spoken_at_all(self) -> bool:
        """Where nobody speaks, all that could be written is made up."""
        return bool(self._speech) and (self._end is None or self._speech[0][0] < self._end)

    @property
    def _words(self) -> tuple[Word, ...]:
        """Those behind the stable ones; of those around the end the ones whose middle lies before it."""
        words = self._written.words if self._spoken_at_all else ()
        if self._end is None:
            return words
        return fit([word for word in words if word.start + word.end < 2 * self._end], self._promised, self._end)

    def _piece(self, start: int) -> Samples:
        piece = np.zeros(PIECE, np.int16)
        first, last = max(start, self._anchor), min(start + PIECE, self._accepted)
        if first < last:
            pcm = self._pcm[2 * (first - self._base) : 2 * (last - self._base)]
            piece[first - start : last - start] = np.frombuffer(pcm, np.int16)
        return piece

    def _spoken(self, start: int) -> bool:
        """Whether there is speech in the token's audio that begins there."""
        return any(first < start + TOKEN and last > start for first, last in self._speech)

    def _begin_anew(self, start: int) -> None:
        log.warning(
            "speech for %.0f s without a word: begun anew from %.1f s before",
            *(n / SAMPLE_RATE for n in (RUT, self._heard - start)),
        )
        self._written.restart(start)
        self._again = self._heard
        self._anchor = start
        self._fed = self._format.given
        self._mute = 0
        self.fresh = True

    def _forget(self, start: int) -> None:
        if start - self._base >= TRIMMED:
            del self._pcm[: 2 * (start - self._base)]
            self._base = start
