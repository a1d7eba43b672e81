"""What every model promises (`models/base.py`), as one suite: `check_model(model, speech)`.

Knows nothing of any one model, and never asserts what was recognised, only how it is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from models.base import SAMPLE_RATE, DecodeOptions, Hypothesis, Kind, Model, Need, Samples, Utterance, Word

HOP = 1_600
STEPS = 100
"""More steps than any model may want between two hops, so that a `need` that never ends fails and doesn't hang."""


def check_model(model: Model, speech: Sequence[Samples], *, options: DecodeOptions | None = None) -> None:
    """Run the whole suite on at least two clips (int16, 16 kHz) of a second or more, the first of them with words."""
    options = options or DecodeOptions()
    assert len(speech) >= 2, "batches need two clips"
    assert min(len(clip) for clip in speech) >= 16_000, "clips need a second"
    _check_card(model)
    alone = [listen(model, [clip], options)[0] for clip in speech]
    assert alone[0][-1].words, "the first clip is to have words"
    _check_batches(model, speech, options, alone)
    _check_options_stay_apart(model, speech, options, alone[0])
    _check_abandoned(model, speech, options, alone[0])
    _check_early_end(model, speech, options)
    _check_nothing_said(model, speech[0], options)
    _check_begun_again(model, speech[0], options, alone[0][-1].words)
    _check_close(model, speech[0], options)


# -- a small engine -----------------------------------------------------------------------------------------------


class Listener:
    """Feeds one utterance and holds every hypothesis against the contract."""

    def __init__(
        self, model: Model, options: DecodeOptions, stable: Sequence[Word] = (), carry: str | None = None
    ) -> None:
        self.utterance: Utterance = model.begin(options, stable, carry)
        self.told: list[Hypothesis] = []
        self._accepted = 0
        self._end: int | None = None
        self._stable = [word.text for word in stable]

    @property
    def need(self) -> Need | None:
        need = self.utterance.need
        if self._end is None:
            assert need is None or need.kind is not Kind.FINAL, "a final before finish"
        elif self.told and self.told[-1].final:
            assert need is None, "nothing is needed behind the final"
        else:
            assert need is not None, "finish(), then need is None before the final"
            assert need.kind in (Kind.FINAL, Kind.RETRY)
        return need

    def accept(self, samples: Samples, speech: bool = True) -> None:
        self.utterance.accept(samples, speech)
        self._accepted += len(samples)

    def finish(self, end: int | None = None) -> None:
        self._end = self._accepted if end is None else end
        self.utterance.finish(self._end)
        if self.told:  # a stable word that lies more behind the end than before it may be left out
            words = self.told[-1].words[: len(self._stable)]
            before = sum(word.start + word.end < 2 * self._end for word in words)
            self._stable = self._stable[: max(before, len(self._stable) - len(words))]

    def hear(self, hypothesis: Hypothesis) -> None:
        words = hypothesis.words
        limit = min(hypothesis.covers, self._accepted if self._end is None else self._end)
        assert hypothesis.covers <= self._accepted, "covers audio that never came"
        assert 0 <= hypothesis.agreed <= len(words)
        assert [word for word in words if not word.text.strip()] == []
        assert [word for word in words if not 0 <= word.start < word.end <= limit] == []
        assert [pair for pair in pairwise(words) if pair[0].end > pair[1].start] == []
        assert [word for word in words if word.confidence is not None and not 0 <= word.confidence <= 1] == []
        if hypothesis.final:
            assert self._end is not None, "a final before finish"
            assert hypothesis.trusted, "a final is never taken back"
            assert bool(words) == (hypothesis.rejected is None), "a final has words or says why not"
        else:
            assert hypothesis.rejected is None
        if hypothesis.trusted:
            texts = [word.text for word in words]
            assert texts[: len(self._stable)] == self._stable, "stable words changed"
            if not hypothesis.final:
                assert hypothesis.agreed >= len(self._stable), "stable words were taken back"
            self._stable = texts[: max(hypothesis.agreed, len(self._stable))]
        self.told.append(hypothesis)


def step(model: Model, listeners: Iterable[Listener]) -> None:
    """Step until nobody needs anything, as many at once as keys and `max_batch` allow."""
    listeners = list(listeners)
    for _ in range(STEPS * len(listeners)):
        waiting = [(need, listener) for listener in listeners if (need := listener.need)]
        if not waiting:
            return
        urgent = min(waiting, key=lambda pair: pair[0].kind)[0]
        most = urgent.rows or model.card.max_batch
        assert most <= model.card.max_batch
        batch = [listener for need, listener in waiting if need.key == urgent.key][:most]
        hypotheses = model.step([listener.utterance for listener in batch])
        assert len(hypotheses) == len(batch)
        for listener, hypothesis in zip(batch, hypotheses, strict=True):
            listener.hear(hypothesis)
    pytest.fail(f"still in need after {STEPS} steps each")


def listen(
    model: Model,
    clips: Sequence[Samples],
    options: DecodeOptions | Sequence[DecodeOptions],
    stable: Sequence[Word] = (),
) -> list[list[Hypothesis]]:
    """All that is told of clips heard side by side, hop by hop."""
    each = [options] * len(clips) if isinstance(options, DecodeOptions) else options
    listeners = [Listener(model, chosen, stable) for chosen in each]
    for at in range(0, max(len(clip) for clip in clips), HOP):
        for listener, clip in zip(listeners, clips, strict=True):
            if at < len(clip):
                listener.accept(clip[at : at + HOP])
            if at < len(clip) <= at + HOP:
                listener.finish()
        step(model, listeners)
    for listener in listeners:
        assert sum(hypothesis.final for hypothesis in listener.told) == 1, "exactly one final"
        model.close(listener.utterance)
    return [listener.told for listener in listeners]


FRAME = SAMPLE_RATE // 50
"""What word times are told in, by models that find them in attention."""


def same(left: Sequence[Hypothesis], right: Sequence[Hypothesis]) -> None:
    """Equal, but for what the last bits of sums decide, which are taken in another order in a batch: confidences, and
    into which of two frames a word's edge falls."""

    def plain(hypothesis: Hypothesis) -> Hypothesis:
        return replace(hypothesis, words=tuple(Word(word.text, 0, 1) for word in hypothesis.words))

    def words(told: Sequence[Hypothesis]) -> list[Word]:
        return [word for hypothesis in told for word in hypothesis.words]

    assert [plain(hypothesis) for hypothesis in left] == [plain(hypothesis) for hypothesis in right]
    for one, other in zip(words(left), words(right), strict=True):
        assert max(abs(one.start - other.start), abs(one.end - other.end)) <= FRAME
        assert (one.confidence or 0.0) == pytest.approx(other.confidence or 0.0, abs=1e-3)


# -- the promises -------------------------------------------------------------------------------------------------


def _check_card(model: Model) -> None:
    card = model.card
    assert card.kind
    assert card.languages
    assert card.tasks
    assert card.max_batch >= 1
    assert card.capacity is None or card.capacity >= 1


def _together(model: Model, clips: Sequence[Samples]) -> int:
    return min(len(clips), model.card.capacity or len(clips))


def _check_batches(
    model: Model, speech: Sequence[Samples], options: DecodeOptions, alone: Sequence[Sequence[Hypothesis]]
) -> None:
    """Neighbours in a batch change nothing."""
    count = _together(model, speech)
    for told, expected in zip(listen(model, speech[:count], options), alone, strict=False):
        same(told, expected)


def _check_options_stay_apart(
    model: Model, speech: Sequence[Samples], options: DecodeOptions, alone: Sequence[Hypothesis]
) -> None:
    """A neighbour with other options, before and beside, changes nothing."""
    card = model.card
    other = DecodeOptions(
        languages=card.languages[-1:],
        task=card.tasks[-1],
        prompt="Nothing like what is said." if card.prompt else None,
        keywords=("zygote", "quark") if card.keywords else (),
        partials=False,
    )
    if _together(model, speech) > 1:
        same(listen(model, speech[:2], [options, other])[0], alone)
    listen(model, speech[1:2], other)
    same(listen(model, speech[:1], options)[0], alone)


def _check_abandoned(
    model: Model, speech: Sequence[Samples], options: DecodeOptions, alone: Sequence[Hypothesis]
) -> None:
    """An utterance given up halfway harms nobody."""
    abandoned = Listener(model, options)
    for at in range(0, len(speech[1]) // 2, HOP):
        abandoned.accept(speech[1][at : at + HOP])
        step(model, [abandoned])
    if _together(model, speech) == 1:
        model.close(abandoned.utterance)
    same(listen(model, speech[:1], options)[0], alone)
    model.close(abandoned.utterance)


def _check_early_end(model: Model, speech: Sequence[Samples], options: DecodeOptions) -> None:
    """`finish(end)` behind what was accepted and decoded: words end there, one final comes."""
    for clip in speech:
        listener = Listener(model, options)
        for at in range(0, len(clip), HOP):
            listener.accept(clip[at : at + HOP])
            step(model, [listener])
        listener.finish(len(clip) - 8_000)
        step(model, [listener])
        assert sum(hypothesis.final for hypothesis in listener.told) == 1
        model.close(listener.utterance)


def _check_nothing_said(model: Model, clip: Samples, options: DecodeOptions) -> None:
    """No audio, empty audio, silence, speech that doesn't count: a final without words that says why."""
    silence = np.zeros(24_000, np.int16)
    for chunks, end in (
        ([], 0),
        ([(silence[:0], True)], 0),
        ([(silence, False)], len(silence)),
        ([(clip, True)], 0),
    ):
        listener = Listener(model, options)
        for samples, speech in chunks:
            listener.accept(samples, speech)
        listener.finish(end)
        step(model, [listener])
        assert listener.told[-1].final
        assert listener.told[-1].words == ()
        assert listener.told[-1].rejected is not None
        model.close(listener.utterance)


def _check_begun_again(model: Model, clip: Samples, options: DecodeOptions, words: Sequence[Word]) -> None:
    """Begun again with words already promised, all that is told starts with them (`Listener` sees to that)."""
    for count in {1, (len(words) + 1) // 2, len(words)}:
        told = listen(model, [clip], options, words[:count])[0]
        assert [word.text for word in told[-1].words[:count]] == [word.text for word in words[:count]]


def _check_close(model: Model, clip: Samples, options: DecodeOptions) -> None:
    """`close` may come at any time, and twice."""
    for accepted, finished in ((0, False), (HOP, False), (len(clip), False), (len(clip), True)):
        utterance = model.begin(options)
        utterance.accept(clip[:accepted], True)
        if finished:
            utterance.finish(accepted)
        model.close(utterance)
        model.close(utterance)
