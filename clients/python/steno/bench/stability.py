"""How much of what was shown was taken back: normalized erasure, unstable words, and promises that were broken.

Words are compared as for the word error rate: case and punctuation don't count. Pure; knows nothing of references.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from steno.bench.heard import Segment
from steno.bench.wer import alike, kept, normalized


@dataclass(frozen=True, slots=True, kw_only=True)
class Stability:
    """Over all segments together; None where no final has a word.

    erasure:        words erased to get from each text to the next, from the first change on, for each word of a final
                    (Arivazhagan et al. 2020: normalized erasure).
    unstable_words: words that the next text changed or left out, for each word of a final (Shangguan et al. 2020:
                    UPWR).
    unstable_segments: share of the segments in which that happened (UPSR).
    revised:        times that text once called stable was taken back; anything above 0 is a broken promise.
    """

    erasure: float | None
    unstable_words: float | None
    unstable_segments: float | None
    revised: int


def stability(segments: Iterable[Segment]) -> Stability:
    over = [segment for segment in segments if segment.last]
    told = [[normalized(text) for text in segment.texts] for segment in over]
    finals = sum(len(texts[-1]) for texts in told)
    erased = [sum(len(before) - alike(before, after) for before, after in pairwise(texts)) for texts in told]
    unstable = [sum(len(before) - len(kept(before, after)) for before, after in pairwise(texts)) for texts in told]
    return Stability(
        erasure=sum(erased) / finals if finals else None,
        unstable_words=sum(unstable) / finals if finals else None,
        unstable_segments=sum(map(bool, unstable)) / len(told) if finals else None,
        revised=sum(map(revisions, over)),
    )


def revisions(segment: Segment) -> int:
    """Times that text once promised stable was taken back."""
    broken, promised = 0, ""
    promises = [partial.stable_text for partial in segment.partials] + [""]
    for text, promise in zip(segment.texts, promises, strict=False):
        if not text.startswith(promised):
            broken, promised = broken + 1, ""
        promised = max(promised, promise, key=len)
    return broken
