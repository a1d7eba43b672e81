"""Words of the tokens that Voxtral Realtime writes, one every 80 ms: their text, times and confidence.

Pure: knows nothing of networks and audio. Tokens are padding, a mark, or a piece of text.

The model writes when it has heard a word to its end, a fixed delay later: a mark, then the word in as many tokens as it
takes; words that end in the same 80 ms share a mark (arXiv 2602.11298, section 3.1). So the end of a word is known to
80 ms or so. Its start is not, and taken to be the end of the word before, or where VAD heard speech begin.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from models.base import SAMPLE_RATE, Word
from models.times import spoken_in

LONGEST = SAMPLE_RATE * 4 // 5
"""A word is taken to last no longer, as mistral-common's padding takes it (`OFFLINE_STREAMING_BUFFER_TOKENS`)."""
TOKEN = SAMPLE_RATE * 2 // 25
"""Samples of a token: 80 ms."""


@dataclass(slots=True)
class _Spelling:
    """A word as far as it is written: UTF-8, which tokens may cut anywhere."""

    text: bytes
    log_probability: float
    tokens: int = 1


class WrittenWords:
    """Tell it of every token in order. Positions are samples, `at` being those of the audio that the token speaks of.

    speech: the stretches in which VAD hears speech, as they become known; a list that its owner extends.
    promised: words whose middle lies before it are not told.
    complete: words whose text and times won't change any more. end: of the last of them.
    """

    def __init__(self, speech: Sequence[tuple[int, int]], promised: int = 0) -> None:
        self.complete: list[Word] = []
        self._speech = speech
        self._promised = promised
        self._group: list[_Spelling] = []
        self._group_end = 0
        self.end = 0
        self._mark: int | None = None

    @property
    def words(self) -> tuple[Word, ...]:
        """Those that are complete, and the ones that are being written."""
        return (*self.complete, *self._placed())

    def pad(self) -> None:
        self._close()

    def mark(self, at: int) -> None:
        self._close()
        self._mark = at

    def write(self, piece: bytes, at: int, log_probability: float) -> None:
        begins = piece[:1].isspace() and self._group and self._group[-1].text.strip()
        if begins and at - self._group_end > LONGEST:
            self._close()
        if not self._group:
            # Where a mark is missing, its place is taken to be just before the word.
            self._group_end = max(at - TOKEN if self._mark is None else self._mark, self.end + TOKEN)
        if self._group and not begins:
            word = self._group[-1]
            word.text += piece
            word.log_probability += log_probability
            word.tokens += 1
        else:
            self._group.append(_Spelling(piece, log_probability))

    def restart(self, at: int) -> None:
        """What comes next is a stream of its own, whose audio begins there."""
        self._close()
        self.end = max(self.end, at)

    def _close(self) -> None:
        self._mark = None
        if self._group:
            self.complete += self._placed()
            self._group = []
            self.end = self._group_end

    def _placed(self) -> list[Word]:
        """The group's words side by side, each with its share of the time by its letters."""
        spelled = [(word, text) for word in self._group if (text := _decoded(word.text)).strip()]
        letters = sum(len(text) for _, text in spelled)
        start = max(self.end, self._group_end - LONGEST * len(spelled))
        placed, written = [], 0
        for word, text in spelled:
            edges = [start + (self._group_end - start) * n // letters for n in (written, written + len(text))]
            written += len(text)
            confidence = math.exp(word.log_probability / word.tokens)
            placed.append(Word(text, edges[0], max(edges[1], edges[0] + 1), min(confidence, 1.0)))
        known = [word for word in spoken_in(placed, self._speech) if word.start + word.end >= 2 * self._promised]
        return [word.moved(max(word.start, self._promised), word.end) for word in known]


def _decoded(text: bytes) -> str:
    """With the space before it that is written there, and none behind it."""
    decoded = text.decode(errors="replace")
    return (" " if decoded[:1].isspace() else "") + decoded.strip()
