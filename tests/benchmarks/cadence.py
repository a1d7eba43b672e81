"""How speech is shown while it goes on, and when its finals come: figures of any session's segments.

Knows nothing of servers and references.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from steno.bench.heard import Segment
from steno.bench.stability import revisions
from tests.benchmarks.figures import Figure, spread


def partials(segments: Sequence[Segment], gap_ms: float) -> list[Figure]:
    """`gap_ms`: that much time at most between two partials of one segment, and from the last to the end of speech.

    How long a segment's first partial takes is told apart: nobody can show a word before it is said.
    """
    shown = [segment for segment in segments if segment.partials]
    unseen = [1000 * (each.ended.at - each.started.at) for each in segments if each.ended and not each.partials]
    gaps = [1000 * gap for segment in segments for gap in _gaps(segment)]
    over = 100 * sum(gap > gap_ms for gap in gaps) / len(gaps) if gaps else None
    return [
        Figure("segments", len(segments)),
        Figure("segments suppressed", sum(segment.final is None for segment in segments)),
        Figure("segments without a partial", len(unseen)),
        Figure("segments without a partial, longest", max(unseen, default=None), "ms", most=gap_ms),
        Figure("stable text revised", sum(map(revisions, segments)), most=0),
        Figure("stable share of partials' text", _stable_share(segments), "%"),
        *spread("speech started to first partial", [1000 * (each.partials_at[0] - each.started_at) for each in shown]),
        *spread("between partials", gaps),
        Figure(f"between partials, over {gap_ms:g} ms", over, "%", most=0),
    ]


def _gaps(segment: Segment) -> list[float]:
    """Between partials while speech goes on, the last one to the end of speech."""
    assert segment.ended
    during = [at for at in segment.partials_at if at < segment.ended.at]
    return [after - before for before, after in pairwise([*during, segment.ended.at])] if during else []


def _stable_share(segments: Sequence[Segment]) -> float | None:
    shown = [partial for segment in segments for partial in segment.partials]
    letters = sum(len(partial.text) for partial in shown)
    return 100 * sum(partial.stable for partial in shown) / letters if letters else None


def finals(segments: Sequence[Segment], most_p95: float | None = None) -> list[Figure]:
    """Of segments that ended by a pause: from the server's decision to what it sent."""
    latencies = [each.final.latency for each in segments if each.final and each.final.reason == "endpoint"]
    return spread("endpoint to final", [each.queue + each.decode + each.send for each in latencies], most_p95)
