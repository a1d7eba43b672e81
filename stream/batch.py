"""Who is stepped next, and with whom.

Pure: knows nothing of models, and is told the time. Seconds are those of any one clock.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from models.base import Kind, Need

ALLOWED_S = {Kind.FINAL: 0.15, Kind.RETRY: 0.15, Kind.SPECULATIVE: 0.15, Kind.FIRST: 0.4, Kind.PARTIAL: 1.0}
"""From the moment a step is worth doing to when it should have begun; without effect on who goes before a final."""

FILE_PATIENCE_S = 3.0
"""A file's job waits behind all live ones for this long, then it queues with them: it must not starve."""


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


def choose(jobs: Sequence[Job], now: float, room: Callable[[Hashable], int]) -> list[int]:
    """Ids of the jobs for one step: the most urgent, and others of its key by their urgency, as far as there is `room`.

    Live before file, then finishing first, then the earliest deadline. A partial may wait while finals use all there
    is (its utterance's own final is not far); everything else gets its turn. `jobs` holds each utterance once.
    """

    def urgency(job: Job) -> tuple[bool, bool, bool, float, int]:
        waiting = not job.live and now - job.since < FILE_PATIENCE_S
        return job.early, waiting, not job.finishing, job.deadline, job.id

    ranked = sorted(jobs, key=urgency)
    if not ranked or ranked[0].early:
        return []
    if ranked[0].solo:
        return [ranked[0].id]
    key = ranked[0].need.key
    return [job.id for job in ranked if job.need.key == key and not job.solo][: room(key)]
