"""Short recordings joined into one of someone who hardly pauses.

Knows nothing of servers. Positions are samples, times seconds, both on the clock of the whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steno.bench import corpus
from steno.bench.corpus import Entry
from steno.bench.reference import Reference

PAUSE_S = (0.02, 0.12)
"""From the end of a clip's last word to the start of the next one's first, drawn evenly."""


@dataclass(frozen=True, slots=True)
class Joined:
    """`clips` are references moved to where they are played; `entries` hold each recording once, in order of turns."""

    samples: NDArray[np.int16]
    rate: int
    clips: tuple[Reference, ...]
    entries: tuple[Entry, ...]

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate

    def chunks(self, seconds: float) -> Iterator[bytes]:
        step = round(seconds * self.rate)
        for start in range(0, len(self.samples), step):
            yield self.samples[start : start + step].tobytes()


def join(entries: Sequence[Entry], seconds: float, seed: int) -> Joined:
    """Clips in a random order, and in another one when all had their turn, until so much is there.

    Of the silence around its words each keeps half of the pause to its neighbour, so that levels and background stay
    as they are. ValueError for clips of different rates, or without times of words.
    """
    if not entries or not all(entry.reference.words for entry in entries):
        raise ValueError("every clip needs times of words")
    rates = {entry.recording.sample_rate for entry in entries}
    if len(rates) > 1:
        raise ValueError(f"clips of different rates: {sorted(rates)}")
    [rate] = rates
    random = np.random.default_rng(seed)
    pieces: list[NDArray[np.int16]] = []
    clips: list[Reference] = []
    used: dict[str, Entry] = {}
    length, before = 0, random.uniform(*PAUSE_S)
    while length < seconds * rate:
        for place in random.permutation(len(entries)):
            entry, after = entries[place], random.uniform(*PAUSE_S)
            piece, start = _spoken(entry, rate, before / 2, after / 2)
            clips.append(entry.reference.moved(length / rate - start))
            used.setdefault(entry.reference.file, entry)
            pieces.append(piece)
            length, before = length + len(piece), after
            if length >= seconds * rate:
                break
    return Joined(np.concatenate(pieces), rate, tuple(clips), tuple(used.values()))


def _spoken(entry: Entry, rate: int, before_s: float, after_s: float) -> tuple[NDArray[np.int16], float]:
    """A clip from so long before its first word to so long after its last, and where in the clip that begins; what the
    clip lacks there is silence."""
    words = entry.reference.words
    samples = np.frombuffer(corpus.sound(entry), np.int16)
    first, last = round((words[0].start - before_s) * rate), round((words[-1].end + after_s) * rate)
    lacking = max(0, -first), max(0, last - len(samples))
    return np.pad(samples[max(0, first) : last], lacking), first / rate
