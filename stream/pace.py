"""How often partials are decoded when many talk at once, and what is given up when that is not enough.

Pure: is told how long steps took and who talks. Three rungs down: partials come less often, then only finals are left,
and then `load.py` has newcomers refused.
"""

from __future__ import annotations

from enum import IntEnum

ROOM = 1.3
"""Times the work that is expected: what is over is for finals, and for steps that take longer."""
MOST_S = 1.8
"""Partials that come less often are of no use to a reader."""
THINNED_S, UNTHINNED_S = 1.0, 0.7
"""Between two partials of an utterance: from here on a client is told, and below this that it is over."""
GIVEN_UP_S, TAKEN_UP_S = 3.0, 1.6
"""Partials that could only come so seldom are not decoded at all, until they could come this often again."""
LEARNING = 0.1
"""Weight of the latest step in the mean."""


class Rung(IntEnum):
    KEEPING_UP = 0
    THINNED = 1
    FINALS_ONLY = 2


class Pace:
    """`every_s`: the time between two steps for partials of one utterance, at least."""

    def __init__(self) -> None:
        self.every_s = 0.0
        self.rung = Rung.KEEPING_UP
        self._row_s = 0.0

    def observe(self, rows: int, seconds: float) -> None:
        """A step was done."""
        row_s = seconds / rows
        self._row_s += (row_s - self._row_s) * (LEARNING if self._row_s else 1)

    def update(self, talking: int) -> None:
        """So many utterances want partials."""
        every_s = ROOM * self._row_s * talking
        self.every_s = min(every_s, MOST_S)
        hopeless = every_s > GIVEN_UP_S or (self.rung is Rung.FINALS_ONLY and every_s > TAKEN_UP_S)
        if hopeless and talking > 1:  # who is alone with a slow model would rather see something late
            self.rung = Rung.FINALS_ONLY
        elif every_s > THINNED_S or (self.rung and every_s > UNTHINNED_S):
            self.rung = Rung.THINNED
        else:
            self.rung = Rung.KEEPING_UP
