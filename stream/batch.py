"""Who is stepped next, and with whom.

Pure: knows nothing of models, and is told the time. Seconds are those of any one clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from models.base import Kind, Need

ALLOWED_S = {
    **dict.fromkeys((Kind.FINAL, Kind.RETRY, Kind.SPECULATIVE, Kind.CHAT), 0.15),
    Kind.FIRST: 0.4,
    Kind.PARTIAL: 1.0,
}
"""From the moment a step is worth doing to when it should have begun; without effect on who goes before a final."""

FILE_PATIENCE_S = 3.0
"""Files wait behind all live jobs, and for finals that are near, until none has had a step for this long: they must not
starve."""


@dataclass(frozen=True, slots=True)
class Job:
    """An utterance's next step.

    since: when it became worth doing; finishing: the utterance's audio is complete, someone waits for its final;
    live: someone is listening; solo: it is never to share a step; early: it may join a step, but is worth none of its
    own yet.
    """

    id: int
    need: Need
    since: float
    finishing: bool
    live: bool = True
    solo: bool = False
    early: bool = False

    @property
    def deadline(self) -> float:
        return self.since + ALLOWED_S[self.need.kind]


def choose(
    jobs: Sequence[Job], now: float, room: Callable[[Job], int], filed: float = -math.inf, near: bool = False
) -> list[int]:
    """Ids of the jobs for one step: the most urgent, and others of its key by their urgency, as far as it has `room`.

    Live before file, then finishing first, then the earliest deadline. A partial may wait while finals use all there
    is (its utterance's own final is not far); everything else gets its turn. `jobs` holds each utterance once.

    filed: when a step for files last began. near: a live final will soon be wanted, and should not find a step under
    way that it has to wait for.
    """

    def waits(job: Job) -> bool:
        return not job.live and now - max(job.since, filed) < FILE_PATIENCE_S

    def urgency(job: Job) -> tuple[bool, bool, bool, float, int]:
        return job.early, waits(job), not job.finishing, job.deadline, job.id

    ranked = sorted((job for job in jobs if not (near and waits(job))), key=urgency)
    if not ranked or ranked[0].early:
        return []
    first = ranked[0]
    if first.solo:
        return [first.id]
    mates = [job for job in ranked if job.need.key == first.need.key and job.live == first.live and not job.solo]
    return [job.id for job in mates][: room(first)]
