"""How often partials are decoded when many talk at once, and what is given up when that is not enough.

Pure: is told how long steps took, how late finals were, and who talks. Three rungs down: partials come less often, then
next to none are left, and then `load.py` has newcomers refused.
"""

from __future__ import annotations

from enum import IntEnum

ROOM = 1.5
"""Times the work that is expected: what is over is for finals, and for steps that take longer."""
MOST_S = 2.5
"""Partials that come less often are of no use to a reader."""
THINNED_S, UNTHINNED_S = 1.0, 0.7
"""Between two partials of an utterance: from here on a client is told, and below this that it is over."""
LATE_S = 0.8
"""From the end of an utterance to its final: what takes longer is late."""
GIVEN_UP, TAKEN_UP = 0.3, 0.05
"""Share of late finals from which partials are given up, and at which they are taken up again."""
SELDOM_S = 6.0
"""Between two partials of an utterance when they are given up: without any its final would have to hear all of it at
once, and come later still."""
LEARNING = 0.1
"""Weight of the latest step in its mean, and of the latest final."""


class Rung(IntEnum):
    KEEPING_UP = 0
    THINNED = 1
    SELDOM = 2


class Pace:
    """`every_s`: the time between two steps for partials of one utterance, at least."""

    def __init__(self) -> None:
        self.every_s = 0.0
        self.rung = Rung.KEEPING_UP
        self._row_s = 0.0
        self._late = 0.0

    def observe(self, rows: int, seconds: float) -> None:
        """A step was done."""
        row_s = seconds / rows
        self._row_s += (row_s - self._row_s) * (LEARNING if self._row_s else 1)

    def final(self, seconds: float) -> None:
        """A final came so long after its utterance had ended."""
        self._late += LEARNING * ((seconds > LATE_S) - self._late)

    def update(self, talking: int) -> None:
        """So many utterances want partials."""
        self.every_s = min(ROOM * self._row_s * talking, MOST_S)
        given_up = self._late > (TAKEN_UP if self.rung is Rung.SELDOM else GIVEN_UP)
        if given_up and talking > 1:  # who is alone with a slow model would rather see something late
            self.every_s = SELDOM_S
            self.rung = Rung.SELDOM
        elif self.every_s > THINNED_S or (self.rung and self.every_s > UNTHINNED_S):
            self.rung = Rung.THINNED
        else:
            self.rung = Rung.KEEPING_UP
