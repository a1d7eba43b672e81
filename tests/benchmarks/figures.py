"""What a benchmark has measured: percentiles and trends, a table for people, JSON for comparisons.

Knows nothing of what the figures mean.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression

from steno.bench.quantiles import percentile


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` is None where there was nothing to measure. `most` and `least` are the bars it should keep, if any."""

    name: str
    value: float | str | None
    unit: str = ""
    most: float | None = None
    least: float | None = None

    @property
    def missed(self) -> bool:
        if not isinstance(self.value, int | float):
            return False
        return (self.most is not None and self.value > self.most) or (
            self.least is not None and self.value < self.least
        )

    def row(self) -> str:
        shown = "-" if self.value is None else self.value if isinstance(self.value, str) else f"{self.value:,.6g}"
        bar = f"at most {self.most:g}" if self.most is not None else ""
        bar = f"at least {self.least:g}" if self.least is not None else bar
        return f"{self.name:<54} {shown:>10} {self.unit:<10} {bar:<14} {'MISSED' if self.missed else ''}".rstrip()


def parser(description: str | None) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter, allow_abbrev=False
    )
    made.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    return made


def report(figures: Sequence[Figure], path: Path | None) -> int:
    """Print a table, write JSON if asked to; the exit status is 1 if a bar was missed."""
    for figure in figures:
        print(figure.row())
    if path:
        path.write_text(json.dumps({figure.name: figure.value for figure in figures}, indent=2) + "\n")
    return int(any(figure.missed for figure in figures))


def spread(name: str, values_ms: Sequence[float], most_p95: float | None = None) -> list[Figure]:
    """Median, 95th percentile and maximum as figures."""
    return [
        Figure(f"{name}, p50", percentile(values_ms, 50), "ms"),
        Figure(f"{name}, p95", percentile(values_ms, 95), "ms", most=most_p95),
        Figure(f"{name}, largest", max(values_ms, default=None), "ms"),
    ]


def growth(points: Sequence[tuple[float, float]]) -> float | None:
    """How much the second coordinate grows while the first grows by 60, by least squares."""
    times = [time for time, _ in points]
    if len(set(times)) < 2:
        return None
    return 60 * linear_regression(times, [value for _, value in points]).slope
