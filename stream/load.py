"""Whether an engine has room for another session, told by how its workers and finals did of late.

Pure: is told the times, in seconds of any one clock.
"""

from __future__ import annotations

from collections import deque

SPAN_S = 10.0
"""How far back it looks."""
BUSY = 0.85
"""Share of the workers' time."""
LATE_S = 0.6
"""From the end of an utterance to its final: where finals take longer there is no room for more, which would make them
later than clients should wait (`pace.LATE_S`)."""
LATE_SHARE, FINALS = 0.05, 5
"""Of the finals so many may be late; of fewer than FINALS nothing is told."""
NEWCOMERS = 0.5
"""What those who came meanwhile will add, of what as many others take: with more of them each gets fewer partials."""


class Load:
    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._steps: deque[tuple[float, float]] = deque()
        self._finals: deque[tuple[float, float]] = deque()

    def stepped(self, started: float, ended: float) -> None:
        """A worker was busy with live speech."""
        self._steps.append((started, ended))

    def final(self, asked: float, given: float) -> None:
        """A live utterance's audio was complete when it was `asked` for."""
        self._finals.append((asked, given))

    def overload(self, now: float, unmeasured: float = 0.0) -> str | None:
        """Why there is no room; None where there is.

        unmeasured: how many sessions of the last SPAN_S have yet to show what they take, for each that has.
        """
        since = now - SPAN_S
        for kept in (self._steps, self._finals):
            while kept and kept[0][1] <= since:
                kept.popleft()
        if not self.workers:
            return None
        busy = sum(ended - max(started, since) for started, ended in self._steps) / (SPAN_S * self.workers)
        busy *= 1 + NEWCOMERS * unmeasured
        if busy > BUSY:
            return f"decoding takes {100 * busy:.0f} % of its time, those who came just now included"
        late = sum(given - asked > LATE_S for asked, given in self._finals)
        if len(self._finals) >= FINALS and late > LATE_SHARE * len(self._finals):
            return f"{late} of the last {len(self._finals)} finals came late"
        return None
