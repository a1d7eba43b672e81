"""What a run must keep to count, and the search for the most sessions that keep it.

Pure; knows nothing of how runs are made.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from steno.bench.quantiles import Spread
from steno.bench.report import Report

PRECISION = 16
"""Of this many sessions more or less one is not worth another run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slo:
    """95th percentiles in seconds. word_s: from a word's end until it is shown to stay. final_s: from the endpoint."""

    word_s: float = 2.5
    final_s: float = 0.8


def missed(report: Report, slo: Slo) -> list[str]:
    """What a run did not keep; nothing if it kept all."""
    latency, sessions = report.latency, report.sessions
    told = [
        _late("words", latency.word_to_shown, slo.word_s),
        _late("finals", latency.endpoint_to_final, slo.final_s),
        _late("finals, as the server says", latency.endpoint_to_final_told, slo.final_s),
        f"{sum(sessions.refused.values())} refused" if sessions.refused else None,
        f"{sum(sessions.broken.values())} broken" if sessions.broken else None,
        "audio or segments lost or doubled" if report.losses.any else None,
        f"stable text revised {report.stability.revised} times" if report.stability.revised else None,
    ]
    return [each for each in told if each]


def _late(what: str, lags: Spread, bar_s: float) -> str | None:
    if lags.p95 is None:
        return f"no {what}"
    return f"{what} {lags.p95:.2f} s" if lags.p95 > bar_s else None


def search(first: int, most: int) -> Generator[int, bool, int]:
    """Yields how many sessions to try, is sent whether they kept all, and returns the most that did: 0 if none."""
    kept, failed = 0, most + 1
    trying = min(first, most)
    while trying < failed:
        if (yield trying):
            kept, trying = trying, min(2 * trying, most)
            if kept == most:
                return kept
        else:
            failed = trying
    while failed - kept > max(1, kept // PRECISION):
        trying = (kept + failed) // 2
        if (yield trying):
            kept = trying
        else:
            failed = trying
    return kept
