"""Who shares a step changes nothing: sessions of all sorts decoded together say what each says alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from models.base import SAMPLE_RATE, DecodeOptions, Hypothesis, Model, Samples, Word
from models.registry import ModelSpec, load
from tests.conformance.check_model import Listener, step
from tests.micro.corpus import Clip, read

FIXTURES = Path(__file__).parents[1] / "fixtures"
MICRO = FIXTURES / "whisper-micro"

FRAME = SAMPLE_RATE // 50
"""What times are told in."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """As it is, but that it is told what was said before."""
    directory = tmp_path_factory.mktemp("whisper")
    for file in MICRO.iterdir():
        (directory / file.name).symlink_to(file)
    (directory / "steno.json").unlink()
    declared = json.loads((MICRO / "steno.json").read_text()) | {"carry_tokens": 8}
    (directory / "steno.json").write_text(json.dumps(declared))
    return load(ModelSpec(name="whisper-micro", kind="whisper", path=str(directory)))


Near = Callable[[], list[list[Hypothesis]]]


class Session:
    """Audio that comes in pieces of its own lengths, with silence in between and behind, and options of its own."""

    def __init__(self, clips: Sequence[Clip], random: np.random.Generator) -> None:
        clip = clips[random.integers(len(clips))]
        pause = np.zeros(int(random.integers(2_000, 12_000)), np.int16)
        half = len(clip.samples) // 2
        self.pieces: list[tuple[Samples, bool]] = []
        for audio, speech in ((clip.samples[:half], True), (pause, False), (clip.samples[half:], True), (pause, False)):
            length = int(random.integers(1_600, 8_000))
            self.pieces += [(audio[at : at + length], speech) for at in range(0, len(audio), length)]
        self.options = DecodeOptions(
            languages=[(), ("en",), ("de",), ("en", "de"), (clip.language,)][random.integers(5)],
            prompt=[None, None, "Thank you for calling.", "One moment, please."][random.integers(4)],
            partials=bool(random.random() < 0.8),
            pause=int(random.integers(0, 50_000)),
        )
        self.carry = [None, "en: How may I help you? The order number is four.", f"{clip.language}:{clip.text}"][
            random.integers(3)
        ]

    def alone(self, model: Model, off: np.random.Generator | None = None) -> list[Hypothesis]:
        """off: each sample is to be so by one at most."""
        listener = Listener(model, self.options, carry=self.carry)
        for samples, speech in self.pieces:
            # No clip is loud enough for this to overflow.
            listener.accept(samples if off is None else samples + off.integers(-1, 2, len(samples), np.int16), speech)
            step(model, [listener])
        listener.finish()
        step(model, [listener])
        return listener.told


@pytest.mark.parametrize("seed", range(3))
def test_a_mix_of_sessions_says_what_each_says_alone(model: Model, seed: int) -> None:
    random = np.random.default_rng(seed)
    clips = read(FIXTURES / "clips")
    sessions = [Session(clips, random) for _ in range(6)]
    listeners = [Listener(model, session.options, carry=session.carry) for session in sessions]
    for turn in range(max(len(session.pieces) for session in sessions) + 1):
        for session, listener in zip(sessions, listeners, strict=True):
            if turn < len(session.pieces):
                listener.accept(*session.pieces[turn])
            elif turn == len(session.pieces):
                listener.finish()
        step(model, listeners)
    for session, listener in zip(sessions, listeners, strict=True):
        near = partial(_near, session, model)
        _check_same(listener.told, session.alone(model), near)


def _near(session: Session, model: Model) -> list[list[Hypothesis]]:
    return [session.alone(model, np.random.default_rng(seed)) for seed in range(8)]


def _check_same(together: Sequence[Hypothesis], alone: Sequence[Hypothesis], near: Near = list) -> None:
    """Equal; or else what is told alone of audio that is off by the least bit (`near`) differs as much, so rounding
    tipped a near tie: sums are taken in another order in a batch, and int8 makes steps of that."""
    if _differ(together, [alone]):
        assert not _differ(together, [alone, *near()])


def _differ(one: Sequence[Hypothesis], others: Sequence[Sequence[Hypothesis]]) -> bool:
    """Whether no other says the same, or times or confidences are further off than among those that do."""
    same = [_measures(other) for other in others if _said(other) == _said(one)]
    for (value, slack), *rest in zip(_measures(one), *same, strict=True) if same else []:
        values = [value for value, _ in rest]
        if abs(value - values[0]) > max(values) - min(values) + slack:
            return True
    return not same


def _said(told: Sequence[Hypothesis]) -> list[object]:
    return [
        ([word.text for word in each.words], each.agreed, each.covers, each.trusted, each.language, each.carry)
        for each in told
    ]


def _measures(told: Sequence[Hypothesis]) -> list[tuple[float, float]]:
    """Times and confidences of all words, each with what is no difference."""
    words = [word for hypothesis in told for word in hypothesis.words]
    return [
        measure
        for word in words
        for measure in ((word.start, FRAME), (word.end, FRAME), (word.confidence or 0.0, 1e-3))
    ]


def _told(*words: Word) -> list[Hypothesis]:
    return [Hypothesis(words=words, agreed=len(words), covers=9_000, final=True)]


HEARD = _told(Word(" so", 0, 3_000, 0.9), Word(" far", 3_000, 9_000, 0.8))
LATER = _told(Word(" so", 0, 6_000, 0.9), Word(" far", 6_000, 9_000, 0.8))
OTHER = _told(Word(" so", 0, 3_000, 0.9), Word(" for", 3_000, 9_000, 0.8))
SURER = _told(Word(" so", 0, 3_000, 0.9), Word(" far", 3_000, 9_000, 0.81))


@pytest.mark.parametrize("different", [LATER, OTHER, SURER])
def test_a_difference_is_forgiven_only_as_a_near_tie(different: list[Hypothesis]) -> None:
    _check_same(HEARD, HEARD)
    _check_same(different, HEARD, lambda: [different])
    for near in ([], [HEARD], [each for each in (LATER, OTHER, SURER) if each is not different]):
        with pytest.raises(AssertionError):
            _check_same(different, HEARD, lambda near=near: near)
