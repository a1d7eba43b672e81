"""One mono signal of a session: audio in, utterances out, each with its audio.

Knows nothing of the session, of models or of clocks. Positions are samples since the channel opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.base import SAMPLE_RATE, Samples
from vad import registry
from vad.detector import Detector
from vad.endpointer import CUT_WINDOW, RANGES, Endpoint, Endpointer, EndpointOptions, EndReason, Onset
from vad.energy import levels

__all__ = ["Channel", "Endpoint", "Happening", "Onset", "Speech"]

HISTORY = CUT_WINDOW + (RANGES["preroll_ms"][1] + RANGES["min_speech_ms"][1] + 100) * SAMPLE_RATE // 1000
"""Audio that may still be wanted: a cut in the past, and what lies before the onset behind it."""


@dataclass(frozen=True, slots=True)
class Speech:
    """The next audio of the open utterance, all of it `speech` or all of it pause."""

    samples: Samples
    speech: bool


Happening = Onset | Speech | Endpoint
"""An utterance is an Onset, its Speech from `Onset.start` on without a gap, and its Endpoint.

Its audio may go beyond `Endpoint.last`; then the next utterance's begins with some of the same samples.
"""


class Channel:
    """`position` counts the samples pushed, `speech` those between an onset and its endpoint."""

    def __init__(self, options: EndpointOptions | None, find: Callable[[str], Detector[Any]] = registry.load) -> None:
        self.position = 0
        self.speech = 0
        self._options = options
        self._find = find
        self._history = bytearray()
        """The last of the audio up to `position`."""
        self._scores: list[tuple[float, float]] = []
        """Probability and level of the frames from `_origin` to `_scored`."""
        self._use(_vad(options), 0)
        self._endpointer = Endpointer(options, self._detector.frame)
        self._at = 0
        """Where the open utterance's speech began."""
        self._given = 0
        """Its audio was handed out up to here."""

    @property
    def settled(self) -> int:
        """No utterance to come has a sample below this, nor has the open one; it never falls."""
        return self._endpointer.settled

    def push(self, samples: Samples) -> list[Happening]:
        """Take the next audio. How it is cut into pushes makes no difference but to the lengths of the Speech."""
        self.position += len(samples)
        self._history += samples.tobytes()
        self._score()
        happenings = list(self._follow())
        self._forget()
        return happenings

    def cut(self, reason: EndReason) -> list[Happening]:
        """End what is open at the last sample pushed. Speech that goes on opens an utterance that starts there.

        Where speech lasts too short for an onset on one side of the cut, that side is taken for silence.
        """
        happenings: list[Happening] = []
        if self._endpointer.open:
            happenings += self._give(self.position, self._endpointer.speech)
        if endpoint := self._endpointer.cut(self.position, reason):
            happenings.append(self._close(endpoint))
        self._rescore(self.position)
        return happenings

    def promise(self, position: int, joint: tuple[int, int] | None = None) -> None:
        """Text of the open utterance is promised up to `position`; no cut in the past goes behind it. See `Endpointer`
        for `joint`."""
        self._endpointer.promise(position, joint)

    def configure(self, options: EndpointOptions | None) -> None:
        """Rules for the utterances that open from now on."""
        self._options = options
        if not self._endpointer.open:
            self._adopt()

    def _follow(self) -> Iterator[Happening]:
        """Put the endpointer through the frames that are scored."""
        speech = self._endpointer.speech
        while (start := self._endpointer.position) < self._scored:
            probability, level = self._scores[(start - self._origin) // self._detector.frame]
            match self._endpointer.push(probability, level):
                case Onset() as onset:
                    yield onset
                    self._at, self._given = onset.at, onset.start
                    yield from self._give(onset.at, False)
                    speech = True
                case Endpoint() as endpoint:
                    yield from self._give(endpoint.decided, speech)
                    yield self._close(endpoint)
                case None if self._endpointer.open and self._endpointer.speech != speech:
                    yield from self._give(start, speech)
                    speech = not speech
        if self._endpointer.open:
            yield from self._give(self._endpointer.position, speech)

    def _give(self, end: int, speech: bool) -> Iterator[Speech]:
        if end > self._given:
            yield Speech(self._audio(self._given, end), speech)
            self._given = end

    def _close(self, endpoint: Endpoint) -> Endpoint:
        self.speech += endpoint.end - self._at
        self._adopt()
        return endpoint

    def _adopt(self) -> None:
        if (vad := _vad(self._options)) != self._vad:
            self._use(vad, self._endpointer.position)
            self._score()
        self._endpointer.configure(self._options, self._detector.frame)

    def _use(self, vad: str, position: int) -> None:
        self._vad = vad
        self._detector = self._find(vad)
        self._state = self._detector.open()
        self._rescore(position)

    def _rescore(self, position: int) -> None:
        """Lay the frames out from `position` on."""
        self._scores.clear()
        self._origin = self._scored = position

    def _score(self) -> None:
        """All new frames at once, which costs far less than one by one."""
        if count := (self.position - self._scored) // self._detector.frame:
            end = self._scored + count * self._detector.frame
            frames = self._audio(self._scored, end).reshape(count, -1)
            loudness = levels(frames)
            self._scores += zip(self._detector.score(frames, loudness, self._state), loudness, strict=True)
            self._scored = end

    def _audio(self, start: int, end: int) -> Samples:
        first = self.position - len(self._history) // 2
        return np.frombuffer(self._history[2 * (start - first) : 2 * (end - first)], np.int16)

    def _forget(self) -> None:
        needed = self._endpointer.position - HISTORY
        if (surplus := needed - self.position + len(self._history) // 2) > 0:
            del self._history[: 2 * surplus]
        if (frames := (needed - self._origin) // self._detector.frame) > 0:
            del self._scores[:frames]
            self._origin += frames * self._detector.frame


def _vad(options: EndpointOptions | None) -> str:
    return (options or EndpointOptions()).vad
