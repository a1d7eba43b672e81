"""Who plays which recordings when: a plan for any number of sessions at once, the same for the same seed.

Pure; knows nothing of servers.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from steno.bench.corpus import Entry

RAMP_S = 3.0
"""Sessions begin at random within so many seconds: people don't speak in step."""
PAUSE_S = 1.0
"""Silence behind each recording: enough for its last utterance to end by itself."""


@dataclass(frozen=True, slots=True)
class Seat:
    """Someone who talks from `delay_s` on: sessions one after the other, each playing some recordings in turn."""

    delay_s: float
    sessions: tuple[tuple[Entry, ...], ...]

    @property
    def length_s(self) -> float:
        return sum(length_s(entry) for session in self.sessions for entry in session)


def length_s(entry: Entry) -> float:
    """A recording and the pause behind it."""
    return entry.recording.duration_s + PAUSE_S


def plan(
    entries: Sequence[Entry],
    seats: int,
    *,
    seconds: float | None = None,
    separate: bool = False,
    ramp_s: float = RAMP_S,
    seed: int = 0,
) -> list[Seat]:
    """Seats that talk at the same time.

    seconds:  how long all of them talk, over and over if need be; None: until each recording was played once, by
        as many seats as there are recordings at most.
    separate: a session for each recording; else only where language or sample rate change.
    """
    pick = random.Random(seed)
    if seconds is None:
        delays = [pick.uniform(0, ramp_s) for _ in range(min(seats, len(entries)))]
        lists = _dealt(_shuffled(entries, pick), len(delays))
    else:
        delays = [pick.uniform(0, ramp_s) for _ in range(seats)]
        lists = [_filled(entries, ramp_s + seconds - delay, pick) for delay in delays]
    return [Seat(delay, _sessions(each, separate)) for delay, each in zip(delays, lists, strict=True)]


def _shuffled(entries: Sequence[Entry], pick: random.Random) -> list[Entry]:
    return pick.sample(entries, len(entries))


def _dealt(entries: Sequence[Entry], seats: int) -> list[list[Entry]]:
    """All entries, the next one always to who has least to say."""
    lists: list[list[Entry]] = [[] for _ in range(seats)]
    for entry in entries:
        min(lists, key=lambda mine: sum(map(length_s, mine))).append(entry)
    return lists


def _filled(entries: Sequence[Entry], seconds: float, pick: random.Random) -> list[Entry]:
    """As many as it takes to talk that long, none twice before all were played."""
    mine: list[Entry] = []
    while True:
        for entry in _shuffled(entries, pick):
            mine.append(entry)
            seconds -= length_s(entry)
            if seconds <= 0:
                return mine


def _sessions(entries: Sequence[Entry], separate: bool) -> tuple[tuple[Entry, ...], ...]:
    if separate:
        return tuple((entry,) for entry in entries)
    kinds = list(dict.fromkeys(entry.kind for entry in entries))
    ordered = sorted(entries, key=lambda entry: kinds.index(entry.kind))
    return tuple(tuple(same) for _, same in groupby(ordered, key=lambda entry: entry.kind))
