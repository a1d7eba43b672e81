"""How many words are wrong in the finals, and how many more than in texts of the same recordings made offline.

Pure; knows nothing of times.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from steno.bench import bootstrap
from steno.bench.play import Play
from steno.bench.wer import errors, normalized


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Pooled over all plays; `wer` in percent, None where nothing is said."""

    files: int
    words: int
    errors: int
    wer: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tax:
    """What streaming costs: the error rate of finals minus that of offline texts, in points.

    low, high: its 95 % interval, by a paired bootstrap over files.
    """

    offline_wer: float
    points: float
    low: float
    high: float


def accuracy(plays: Sequence[Play]) -> Accuracy:
    words = sum(len(play.reference.said) for play in plays)
    wrong = sum(_wrong(play, play.text) for play in plays)
    files = len({play.reference.file for play in plays})
    return Accuracy(files=files, words=words, errors=wrong, wer=100 * wrong / words if words else None)


def tax(plays: Sequence[Play], offline: Mapping[str, str]) -> Tax | None:
    """`offline` has a text for each file. Plays of one file are taken together. None where nothing is said."""
    words, streamed, whole = Counter[str](), Counter[str](), Counter[str]()
    for play in plays:
        file = play.reference.file
        words[file] += len(play.reference.said)
        streamed[file] += _wrong(play, play.text)
        whole[file] += _wrong(play, offline[file])
    if not words.total():
        return None
    offline_wer = 100 * whole.total() / words.total()
    points = 100 * streamed.total() / words.total() - offline_wer
    low, high = bootstrap.interval(
        [streamed[file] for file in words], [whole[file] for file in words], list(words.values())
    )
    return Tax(offline_wer=offline_wer, points=points, low=low, high=high)


def _wrong(play: Play, text: str) -> int:
    return errors(play.reference.said, normalized(text))
