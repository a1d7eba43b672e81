"""Keeps what a model once stood by: makes its hypotheses safe to publish, whatever it does.

Pure; knows nothing of models, sessions or time. One `Promise` per utterance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from models.base import SAMPLE_RATE, Hypothesis, Word
from stream.text import bare, render

SHORTEST = SAMPLE_RATE // 1000
"""Samples of a word: times go out in milliseconds, and no word may end where it starts."""


class Promise:
    """Push an utterance's hypotheses in order, across restarts of its model too; publish what comes back.

    words: those that are promised. Their text, but for punctuation behind the last of them, begins every hypothesis
        from then on; their times may still improve.
    """

    def __init__(self) -> None:
        self.words: tuple[Word, ...] = ()

    def push(self, hypothesis: Hypothesis) -> Hypothesis:
        """The hypothesis with our words first, at least those agreed, and times that hold.

        Words come in order without overlap, each a millisecond long at least, between 0 and `covers`. In a final all
        are agreed; one that is rejected has none, unless some were promised: then it is a final of these.
        """
        words, agreed = self._continued(hypothesis)
        if hypothesis.rejected:
            words = words[: len(self.words)]
        if hypothesis.final:
            agreed = len(words)
        covers = max(hypothesis.covers, len(words) * SHORTEST)
        words = _fitted(words, covers)
        self.words = words[:agreed]
        rejected = (hypothesis.rejected or "no_speech") if hypothesis.final and not words else None
        return replace(hypothesis, words=words, agreed=agreed, covers=covers, rejected=rejected)

    def _continued(self, hypothesis: Hypothesis) -> tuple[tuple[Word, ...], int]:
        """The hypothesis's words behind the promised ones, and how many of all are agreed."""
        words = tuple(word for word in hypothesis.words if word.text.strip())
        agreed = sum(1 for word in hypothesis.words[: hypothesis.agreed] if word.text.strip())
        count = len(self.words)
        if bare(render(words[:count])) == bare(render(self.words)):
            return words, max(agreed, count)
        # What it now says of the promised stretch is dropped; a word belongs to where its middle lies.
        promised_until = self.words[-1].end
        behind = next((i for i, word in enumerate(words) if word.start + word.end >= 2 * promised_until), len(words))
        return self.words + words[behind:], count + max(agreed - behind, 0)


def _fitted(words: Sequence[Word], covers: int) -> tuple[Word, ...]:
    """The words with times moved as little as it takes to be in order, apart and inside 0..covers.

    `covers` must leave room for each.
    """
    times = []
    before = 0
    for word in words:
        start = max(word.start, before)
        before = max(word.end, start + SHORTEST)
        times.append((start, before))
    limit = covers
    for i in reversed(range(len(times))):
        end = min(times[i][1], limit)
        limit = min(times[i][0], end - SHORTEST)
        times[i] = (limit, end)
    return tuple(
        word if (word.start, word.end) == (start, end) else word.moved(start, end)
        for word, (start, end) in zip(words, times, strict=True)
    )
