"""Whether all that was sent was accounted for, exactly once: nothing here should be above 0.

Pure; knows nothing of words.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from steno.bench.heard import Talk


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """Of sessions that ended with `done`.

    samples:  sent but not accepted, accepted but not durable at the end, or accepted though never sent.
    segments: begun but without a last word, or counted otherwise by the server.
    strays:   events of segments that never began, began twice, or were over.
    overlaps: finals that begin before the one before them ends.
    """

    samples: int
    segments: int
    strays: int
    overlaps: int

    @property
    def any(self) -> bool:
        return bool(self.samples or self.segments or self.strays or self.overlaps)


def losses(talks: Iterable[Talk]) -> Losses:
    over = [(talk, talk.done) for talk in talks if talk.done]
    return Losses(
        samples=sum(abs(talk.sent - done.received) + abs(done.received - talk.durable) for talk, done in over),
        segments=sum(
            sum(segment.last is None for segment in talk.segments) + abs(done.segments - len(talk.segments))
            for talk, done in over
        ),
        strays=sum(talk.strays for talk, _ in over),
        overlaps=sum(after.start < before.end for talk, _ in over for before, after in pairwise(talk.finals)),
    )
