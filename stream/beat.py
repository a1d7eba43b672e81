"""When a model is stepped that takes a little audio of each utterance at a time, about as long for all as for one.

Pure: is told the times, in seconds of any one clock.

Audio comes at any time, a little for each. If a step began whenever some is there, each would be for a few, and the
model would be busy all the time with half a dozen who talk. So steps for partials keep a distance, in which others come
due: the shortest that leaves the model half of its time, for finals, and at most a tick, or audio would pile up.
"""

from __future__ import annotations

import math

DISTANCE = 2.0
"""From the beginning of one step to that of the next, in lengths of a step."""


class Beat:
    """tick_s: the audio that a step takes of each utterance."""

    def __init__(self, tick_s: float) -> None:
        self._tick_s = tick_s
        self._due = -math.inf

    def stepped(self, started: float, ended: float) -> None:
        self._due = started + min(self._tick_s, DISTANCE * (ended - started))

    def rest_s(self, now: float) -> float:
        """Until a step for partials alone is worth it; 0 if it is."""
        return max(0.0, self._due - now)
