"""What a model's steps take: learned from those that were done.

Pure: is told the times.
"""

from __future__ import annotations

from collections.abc import Hashable

FORGETTING = 0.95
"""What a step's weight comes to with each later one of its key."""
KEYS = 256
"""Keys that are remembered; of more, the one that was used least lately is forgotten."""
SHARED = 0.5
"""Share of a step that more rows are taken to add nothing to, while all steps had the same number of them."""


class Costs:
    """For each key a line through (rows, seconds); what is unknown costs as much as the average step."""

    def __init__(self) -> None:
        self._lines: dict[Hashable, _Line] = {}
        self._all = _Line()

    def observe(self, key: Hashable, rows: int, seconds: float) -> None:
        line = self._lines[key] = self._lines.pop(key, None) or _Line()
        if len(self._lines) > KEYS:
            del self._lines[next(iter(self._lines))]
        for each in (line, self._all):
            each.observe(rows, seconds)

    def seconds(self, key: Hashable, rows: int) -> float:
        """What a step of so many rows will take; 0 while nothing is known."""
        return self._lines.get(key, self._all).at(rows)

    def rows(self, key: Hashable, most: int, seconds: float) -> int:
        """How many rows a step may have so that it takes no more than `seconds`: one at least, `most` at most."""
        return next((rows for rows in range(most, 1, -1) if self.seconds(key, rows) <= seconds), 1)


class _Line:
    """Least squares with weights that fade, never falling as rows are added."""

    def __init__(self) -> None:
        self._weight = self._rows = self._seconds = 0.0
        self._variance = self._covariance = 0.0

    def observe(self, rows: int, seconds: float) -> None:
        self._weight = self._weight * FORGETTING + 1
        share = 1 / self._weight
        more, later = rows - self._rows, seconds - self._seconds
        self._rows += share * more
        self._seconds += share * later
        self._variance = (1 - share) * (self._variance + share * more * more)
        self._covariance = (1 - share) * (self._covariance + share * more * later)

    def at(self, rows: int) -> float:
        if not self._weight:
            return 0.0
        steepest = self._seconds / self._rows
        slope = self._covariance / self._variance if self._variance > 0.01 else (1 - SHARED) * steepest
        return self._seconds + min(max(slope, 0.0), steepest) * (rows - self._rows)
