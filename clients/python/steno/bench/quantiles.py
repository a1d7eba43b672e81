"""Percentiles of what was measured. Knows nothing of what the values mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """In the unit of the values; None where there were none."""

    count: int
    p50: float | None
    p95: float | None
    largest: float | None


def spread(values: Iterable[float]) -> Spread:
    listed = list(values)
    return Spread(len(listed), percentile(listed, 50), percentile(listed, 95), max(listed, default=None))


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The smallest value that `percent` of all don't exceed; None of none."""
    if not values:
        return None
    return sorted(values)[max(0, -int(-len(values) * percent // 100) - 1)]
