"""Measures a server with a number of sessions at once, and finds the largest number that keeps an SLO.

Knows nothing of arguments, nor of how figures are shown.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from steno.bench.corpus import Entry
from steno.bench.load import load
from steno.bench.plan import RAMP_S, plan
from steno.bench.report import Lags, Report, Window, lags, report
from steno.bench.slo import Slo, missed, search
from steno.options import Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What sessions play, and what they ask for.

    seconds:  how long each number of sessions is measured; None: until each recording was played once.
    separate: a session for each recording.
    ramp_s:   sessions begin at random within it.
    offline:  texts of the same recordings to compare with, by file.
    """

    entries: Sequence[Entry]
    options: Options
    seconds: float | None = None
    separate: bool = False
    ramp_s: float = RAMP_S
    seed: int = 0
    offline: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """One number of sessions, measured. `missed` says what of the SLO it did not keep."""

    report: Report
    lags: Lags
    missed: list[str]


async def measure(url: str, api_key: str | None, workload: Workload, sessions: int, slo: Slo) -> Point:
    """With `seconds`, what counts is the time from when all sessions are there."""
    seats = plan(
        workload.entries,
        sessions,
        seconds=workload.seconds,
        separate=workload.separate,
        ramp_s=workload.ramp_s,
        seed=workload.seed,
    )
    window = Window() if workload.seconds is None else Window(workload.ramp_s, workload.ramp_s + workload.seconds)
    told = await load(url, seats, api_key=api_key, options=workload.options)
    found = lags(told, window)
    figures = report(told, len(seats), found, window, workload.offline)
    return Point(figures, found, missed(figures, slo))


async def find_largest(measured: Callable[[int], Awaitable[Point]], *, first: int, most: int) -> int:
    """The most sessions that keep the SLO, 0 if none do; `measured` is called for each number that is tried."""
    trials = search(first, most)
    try:
        trying = next(trials)
        while True:
            point = await measured(trying)
            trying = trials.send(not point.missed)
    except StopIteration as found:
        largest: int = found.value
        return largest
