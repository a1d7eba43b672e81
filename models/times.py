"""Where words lie in the audio: in order, without overlap, and where somebody speaks.

Pure: knows words and stretches of speech, nothing of decoders.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

from models.base import SAMPLE_RATE, Word

CLOSURE = SAMPLE_RATE * 3 // 20
"""A pause that is shorter may lie inside a word: before a plosive there is nothing to hear."""


def spoken_in(words: Sequence[Word], speech: Sequence[tuple[int, int]]) -> list[Word]:
    """Each word cut to the stretch of speech that holds most of it.

    Whisper's alignment leaves no audio out: a pause is part of the word behind it, or of the one before. Words that
    nobody was heard to speak stay where they are.
    """
    stretches = joined(speech)
    placed = []
    for word in words:
        shared = [(min(word.end, stop) - max(word.start, start), start, stop) for start, stop in stretches]
        most, start, stop = max(shared, default=(0, 0, 0))
        placed.append(word.moved(max(word.start, start), min(word.end, stop)) if most > 0 else word)
    return placed


def spread(lengths: Sequence[int], speech: Sequence[tuple[int, int]], end: int) -> list[tuple[int, int]]:
    """Where words of these lengths may lie, of which only their order is known: each has its share of the speech.

    One that reaches into another stretch has the pause before that in it. Without speech they share all up to `end`.
    """
    stretches = joined(speech) or [(0, end)]
    spoken = sum(stop - start for start, stop in stretches)
    edges = [spoken * share // max(1, sum(lengths)) for share in accumulate(lengths, initial=0)]
    return [(_at(start, stretches, begins=True), _at(stop, stretches, begins=False)) for start, stop in pairwise(edges)]


def _at(position: int, stretches: Sequence[tuple[int, int]], *, begins: bool) -> int:
    """Where a position lies that counts speech alone; between two stretches a word begins the later, or ends the
    earlier."""
    for start, stop in stretches:
        if position < stop - start + (not begins):
            return start + position
        position -= stop - start
    return stretches[-1][1]


def fit(words: Sequence[Word], start: int, end: int) -> tuple[Word, ...]:
    """The same words, their times moved as little as needed to lie in order, without overlap, within start..end.

    Each keeps at least one sample, so a span too short for them all is overrun.
    """
    end = max(end, start + len(words))
    spans: list[tuple[int, int]] = []
    for word in words:
        start = max(start, word.start)
        spans.append((start, max(word.end, start + 1)))
        start = spans[-1][1]
    fitted: list[Word] = []
    for word, (left, right) in zip(reversed(words), reversed(spans), strict=True):
        right = min(right, end)
        end = min(left, right - 1)
        fitted.append(word if (word.start, word.end) == (end, right) else word.moved(end, right))
    return tuple(reversed(fitted))


def joined(speech: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The stretches, those with no more than a CLOSURE between them made one."""
    stretches: list[tuple[int, int]] = []
    for start, stop in speech:
        if stretches and start - stretches[-1][1] <= CLOSURE:
            stretches[-1] = (stretches[-1][0], stop)
        else:
            stretches.append((start, stop))
    return stretches
