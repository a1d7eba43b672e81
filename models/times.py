"""Where words lie in the audio: in order, without overlap, and where somebody speaks.

Pure: knows words and stretches of speech, nothing of decoders.
"""

from __future__ import annotations

from collections.abc import Sequence

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
