"""Who shares a step changes nothing: sessions of all sorts decoded together say what each says alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from models.base import SAMPLE_RATE, DecodeOptions, Hypothesis, Model, Samples
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

    def alone(self, model: Model) -> list[Hypothesis]:
        listener = Listener(model, self.options, carry=self.carry)
        for piece in self.pieces:
            listener.accept(*piece)
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
        _check_same(listener.told, session.alone(model))


def _check_same(together: Sequence[Hypothesis], alone: Sequence[Hypothesis]) -> None:
    assert len(together) == len(alone)
    for one, other in zip(together, alone, strict=True):
        assert [word.text for word in one.words] == [word.text for word in other.words]
        for fact in ("agreed", "covers", "trusted", "language", "carry"):
            assert getattr(one, fact) == getattr(other, fact)
        for left, right in zip(one.words, other.words, strict=True):
            assert abs(left.start - right.start) <= FRAME
            assert abs(left.end - right.end) <= FRAME
            assert left.confidence == pytest.approx(right.confidence, abs=1e-3)
