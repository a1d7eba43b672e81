"""Which words of a long text were heard wrongly, and when they were said.

Knows nothing of sessions. Words are compared as for the word error rate; times are seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from steno.bench.reference import Span

TIME_WEIGHT = 1e-6
"""Of a second between two words, beside an error: times decide only between ways with as few errors."""
ROUNDING = 1e-9

ECHO_S = 0.3
"""A word that is heard on both sides of a cut lies across it: no pause is between the two."""

_BOTH, _LOST, _ADDED = range(3)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One step from what is said to what is heard: `said` and `heard` are places in the two, None for a word that was
    added or lost. `same` where both are the same word."""

    said: int | None
    heard: int | None
    same: bool = False


def judge(said: Sequence[Span], heard: Sequence[Span]) -> list[Verdict]:
    """How one is made of the other with fewest errors, in order; of several ways that in which times fit best.

    Takes a byte for each pair of words.
    """
    columns = np.arange(len(heard) + 1, dtype=np.float64)
    texts = np.array([word.text for word in heard], dtype=object)
    middles = np.array([word.middle for word in heard])
    ways = np.full((len(said) + 1, len(heard) + 1), _ADDED, np.uint8)
    row = columns.copy()
    for i, word in enumerate(said, 1):
        apart = np.minimum(np.abs(middles - word.middle), 60.0) * TIME_WEIGHT
        both = row[:-1] + (texts != word.text) + apart
        lost = row + 1
        best = lost.copy()
        best[1:] = np.minimum(both, lost[1:])
        # An added word costs 1, so the cheapest way to a column is the least of what it cost to come before it.
        row = np.minimum.accumulate(best - columns) + columns
        ways[i][row >= lost - ROUNDING] = _LOST
        ways[i, 1:][row[1:] >= both - ROUNDING] = _BOTH
    return _traced(ways, said, heard)


def _traced(ways: np.ndarray, said: Sequence[Span], heard: Sequence[Span]) -> list[Verdict]:
    i, j = len(said), len(heard)
    verdicts: list[Verdict] = []
    while i or j:
        way = ways[i, j] if j else _LOST
        i -= int(way != _ADDED)
        j -= int(way != _LOST)
        if way == _BOTH:
            verdicts.append(Verdict(i, j, said[i].text == heard[j].text))
        else:
            verdicts.append(Verdict(i, None) if way == _LOST else Verdict(None, j))
    return verdicts[::-1]


def places(verdicts: Sequence[Verdict]) -> list[int]:
    """Of each error, which word of what is said it befell: an added one the word before it, if there is one."""
    found, last = [], 0
    for verdict in verdicts:
        last = last if verdict.said is None else verdict.said
        if not verdict.same:
            found.append(last)
    return found


def repeated(finals: Sequence[Sequence[Span]], wrong: Sequence[Sequence[bool]]) -> int:
    """Words that a final begins with although the one before it had ended with them, just before and some of them
    wrongly: neither what is really said twice is counted, nor another word that is only taken for the same.

    `wrong` tells that of each word.
    """
    return sum(_echo(*words, *marks) for words, marks in zip(pairwise(finals), pairwise(wrong), strict=True))


def _echo(before: Sequence[Span], after: Sequence[Span], wrong: Sequence[bool], wrong_after: Sequence[bool]) -> int:
    if not before or not after or after[0].start - before[-1].end > ECHO_S:
        return 0
    said, again = [word.text for word in before], [word.text for word in after]
    for count in range(min(len(said), len(again)), 0, -1):
        if said[-count:] == again[:count] and (any(wrong[-count:]) or any(wrong_after[:count])):
            return count
    return 0
