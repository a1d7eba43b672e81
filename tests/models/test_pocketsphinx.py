"""The model in the wheel, on buzzing vowels that it takes for words: how it tells them, not which they are."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from models import pocketsphinx, registry
from models.base import SAMPLE_RATE, DecodeOptions, Hypothesis, Kind, Model, Samples, Word
from models.pocketsphinx import HOP, SECOND_LOOK, STEP, Listening, PocketSphinx
from models.registry import ModelSpec
from tests.conformance.check_model import check_model

VOWELS = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480))
"""Formants in Hz of "ah", "ee", "oo", "eh" (Peterson and Barney, 1952)."""


def vowels(seconds: float, stride: int = 1) -> Samples:
    """A buzz of 120 Hz shaped to one vowel after the other, five a second, over a little noise."""
    at = np.arange(int(seconds * SAMPLE_RATE))
    formants = np.array(VOWELS)[at // 3_200 * stride % len(VOWELS)]
    sound = np.random.default_rng(stride).normal(0, 30, len(at))
    for pitch in range(120, 4_000, 120):
        loudness = np.exp(-(((pitch - formants) / 90) ** 2)).sum(axis=1)
        sound += 1_500 * loudness * np.sin(np.pi * at / 3_200) ** 2 * np.sin(2 * np.pi * pitch * at / SAMPLE_RATE)
    return sound.astype(np.int16)


@pytest.fixture(scope="module", autouse=True)
def hasty() -> Iterator[None]:
    """What is recognised doesn't matter here, so let it take a fraction of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(pocketsphinx.TUNING, "maxhmmpf", 300)
        yield


@pytest.fixture(scope="module")
def model(hasty: None) -> PocketSphinx:
    return PocketSphinx()


def hear(model: PocketSphinx, samples: Samples, *, carry: str | None = None, chunk: int = HOP) -> list[Hypothesis]:
    """All that is told of an utterance that comes in chunks."""
    utterance = model.begin(DecodeOptions(), (), carry)
    told = []
    for at in range(0, len(samples), chunk):
        utterance.accept(samples[at : at + chunk], True)
        told += drain(model, utterance)
    utterance.finish(len(samples))
    return told + drain(model, utterance)


def drain(model: PocketSphinx, utterance: Listening) -> list[Hypothesis]:
    told = []
    while utterance.need:
        told += model.step([utterance])
    return told


def texts(hypothesis: Hypothesis) -> list[str]:
    return [word.text for word in hypothesis.words]


# -- the model in the wheel ---------------------------------------------------------------------------------------


def test_keeps_every_models_promises(model: PocketSphinx) -> None:
    check_model(model, [vowels(1.0), vowels(1.0, stride=3)])


def test_registry_loads_it() -> None:
    loaded: Model = registry.load(ModelSpec(name="pocketsphinx", kind="pocketsphinx"))
    assert loaded.card.languages == ("en",)
    assert not any((loaded.card.prompt, loaded.card.keywords, loaded.card.detects))


def test_partials_keep_up_and_promise_nothing(model: PocketSphinx) -> None:
    *partials, final = hear(model, vowels(1.5))
    assert [partial.covers for partial in partials] == list(range(HOP, 24_000 + 1, HOP))
    assert any(partial.words for partial in partials)
    assert all(word.confidence is None for partial in partials for word in partial.words)
    assert {partial.agreed for partial in partials} == {0}
    assert final.agreed == len(final.words) > 0
    assert all(word.confidence is not None and word.text.startswith(" ") for word in final.words)


def test_a_backlog_is_taken_in_short_steps(model: PocketSphinx) -> None:
    told = hear(model, vowels(1.7), chunk=27_200)
    assert [hypothesis.covers for hypothesis in told] == [STEP, 2 * STEP, 3 * STEP, 27_200, 27_200]
    assert [hypothesis.final for hypothesis in told] == [False, False, False, False, True]


def test_audio_behind_the_end_is_not_heard(model: PocketSphinx) -> None:
    samples = vowels(1.2)
    utterance = model.begin(DecodeOptions())
    utterance.accept(samples, True)
    utterance.finish(16_000)
    assert utterance.need is not None
    assert utterance.need.kind is Kind.FINAL
    assert drain(model, utterance)[-1] == hear(model, samples[:16_000], chunk=16_000)[-1]


def test_an_utterance_too_many_waits_with_its_audio(model: PocketSphinx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pocketsphinx, "CAPACITY", 1)
    full = PocketSphinx()
    samples = vowels(1.0)
    first, abandoned, second = (full.begin(DecodeOptions()) for _ in range(3))
    for waiting in (abandoned, second):
        waiting.accept(samples, True)
        assert waiting.need is None
    second.finish(len(samples))
    full.close(abandoned)
    first.accept(samples, True)
    full.close(first)
    assert first.need is None
    assert drain(full, second)[-1] == hear(model, samples, chunk=len(samples))[-1]


def test_nothing_of_one_utterance_is_left_in_the_next(model: PocketSphinx) -> None:
    fresh = hear(PocketSphinx(), vowels(1.2))
    hear(model, np.random.default_rng(1).integers(-20_000, 20_000, SAMPLE_RATE, np.int16))
    assert hear(model, vowels(1.2)) == fresh


def test_carry_follows_what_is_heard(model: PocketSphinx) -> None:
    """From means far apart, the same audio leads to means close by; the first coefficient is loudness."""
    starts = [",".join([str(loudness)] + ["0"] * 12) for loudness in (20.0, 80.0)]
    carries = [hear(model, vowels(2.0), carry=start)[-1].carry for start in starts]
    loudness = [float(carry.split(",")[0]) for carry in carries if carry]
    # 100 frames of a carried mean against 198 new ones leave a third of the difference.
    assert abs(loudness[1] - loudness[0]) == pytest.approx(60 * 100 / 298, rel=0.01)


# -- what is made of a decoder's answers --------------------------------------------------------------------------


class Parrot:
    """In a decoder's place: notes what is asked of it, and always gives the same segments."""

    def __init__(self, *segments: tuple[str, int, int]) -> None:
        self.segments = [SimpleNamespace(word=word, start_frame=a, end_frame=b, prob=1.1) for word, a, b in segments]
        self.mean = ""
        self.begun: list[tuple[str, bytearray]] = []

    def set_cmn(self, mean: str) -> None:
        self.mean = mean

    def get_cmn(self, update: bool) -> str:
        """As if all frames since `set_cmn` were 1 louder than the mean."""
        loudness, *others = map(float, self.mean.split(","))
        return ",".join(map(str, [loudness + 1, *others]))

    def start_utt(self) -> None:
        self.begun.append((self.mean, bytearray()))

    def process_raw(self, pcm: bytearray) -> None:
        self.begun[-1][1].extend(pcm)

    def seg(self) -> Iterator[Any]:
        return iter(self.segments)

    def reinit_feat(self) -> None: ...

    def end_utt(self) -> None: ...


def final(
    parrot: Parrot, samples: int, end: int, stable: tuple[Word, ...] = (), carry: str | None = None
) -> Hypothesis:
    utterance = Listening(stable, carry)
    utterance.listen(parrot)
    utterance.accept(np.zeros(samples, np.int16), True)
    utterance.step()
    utterance.finish(end)
    return utterance.step()


def test_only_words_are_told() -> None:
    parrot = Parrot(("<s>", 0, 9), ("read(2)", 10, 19), ("[NOISE]", 20, 24), ("it's", 25, 29), ("</s>", 30, 39))
    assert final(parrot, 6_400, 6_400).words == (Word(" read", 1_600, 3_200, 1.0), Word(" it's", 4_000, 4_800, 1.0))


def test_words_end_with_the_utterance() -> None:
    parrot = Parrot(("in", 0, 9), ("half", 10, 19), ("out", 20, 29))
    assert final(parrot, 6_400, 2_401).words == (Word(" in", 0, 1_600, 1.0), Word(" half", 1_600, 2_401, 1.0))
    assert final(parrot, 6_400, 2_400).words == (Word(" in", 0, 1_600, 1.0),)


def test_what_holds_no_word_leaves_carry_as_it_was() -> None:
    told = final(Parrot(("<s>", 0, 9), ("[NOISE]", 10, 19)), 6_400, 6_400, carry="40,3,-1")
    assert (told.rejected, told.words, told.carry) == ("no_speech", (), "40,3,-1")


def test_begun_again_it_goes_on_behind_what_was_promised() -> None:
    stable = (Word(" something", 0, 1_000), Word(" else", 1_000, 2_500))
    parrot = Parrot(("in", 0, 9), ("half", 10, 24), ("out", 25, 29))
    told = final(parrot, 6_400, 6_400, stable)
    assert told.words == (*stable, Word(" half", 2_500, 4_000, 1.0), Word(" out", 4_000, 4_800, 1.0))


def test_nothing_is_said_before_what_was_promised_is_heard() -> None:
    utterance = Listening((Word(" yes", 0, 2_500),), None)
    utterance.listen(Parrot(("no", 0, 9)))
    utterance.accept(np.zeros(1_600, np.int16), True)
    assert utterance.step() == Hypothesis(covers=1_600, trusted=False)


def test_a_second_look_starts_from_the_mean_that_was_heard() -> None:
    parrot = Parrot()
    utterance = Listening((), None)
    utterance.listen(parrot)
    audio = np.arange(SECOND_LOOK + HOP, dtype=np.int16)
    for at in range(0, len(audio), HOP):
        utterance.accept(audio[at : at + HOP], True)
        utterance.step()
    (first, looked), (second, heard) = parrot.begun
    assert looked == audio[:SECOND_LOOK].tobytes()
    assert heard == audio.tobytes()
    assert float(second.split(",")[0]) > float(first.split(",")[0]) + 5
