"""A recording as it was played in a session: its reference and the segments that came of it, on the session's clock.

Pure; knows nothing of what is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from steno.bench.heard import Segment
from steno.bench.reference import Reference, Span

NEAR_S = 0.5
"""Speech this far from a segment may still be its own: a detector misses a weak beginning."""


@dataclass(frozen=True, slots=True)
class Play:
    """began: when the session's first sample was heard, on the clock that all sessions of a run share."""

    reference: Reference
    segments: tuple[Segment, ...]
    began: float = 0.0

    @property
    def text(self) -> str:
        return " ".join(segment.final.text for segment in self.segments if segment.final)

    def spoken(self) -> list[list[Span]]:
        """What the reference says in each segment: words or, where they aren't known, utterances."""
        spoken: list[list[Span]] = [[] for _ in self.segments]
        for span in self.reference.words or self.reference.utterances:
            distances = [_distance(span.middle, segment) for segment in self.segments]
            if distances and min(distances) <= NEAR_S:
                spoken[distances.index(min(distances))].append(span)
        return spoken


def plays(played: Sequence[tuple[Reference, float]], segments: Sequence[Segment], began: float) -> list[Play]:
    """A session's plays. `played` are its recordings in order, each with the length of its turn."""
    found, start = [], 0.0
    for reference, length_s in played:
        mine = tuple(segment for segment in segments if start <= _middle(segment) < start + length_s)
        found.append(Play(reference.moved(start), mine, began))
        start += length_s
    return found


def _middle(segment: Segment) -> float:
    return (segment.started.at + (segment.ended or segment.started).at) / 2


def _distance(at: float, segment: Segment) -> float:
    return max(0.0, segment.started.at - at, at - (segment.ended.at if segment.ended else at))
