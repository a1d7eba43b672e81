"""stream/trial.py"""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from models.base import Hypothesis
from models.scripted import Scripted
from stream import trial
from stream.costs import Costs


@pytest.fixture
def clip(tmp_path: Path) -> str:
    path = tmp_path / "clip.wav"
    soundfile.write(path, np.full(16_000, 1_000, np.int16), 16_000)
    return str(path)


def test_costs_are_known_afterwards(clip: str):
    costs = Costs()
    trial.pass_through(Scripted(), clip, costs)
    assert costs.seconds("scripted", 1) > 0


def test_a_model_without_a_final_does_not_pass(clip: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Scripted, "step", lambda self, batch: [Hypothesis() for _ in batch])
    with pytest.raises(RuntimeError, match="no final"):
        trial.pass_through(Scripted(), clip, Costs())


def test_the_rate_counts_all_that_share_a_step(clip: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(trial, "RATE_S", 0.01)
    sizes: list[int] = []
    step = Scripted.step
    monkeypatch.setattr(Scripted, "step", lambda self, batch: sizes.append(len(batch)) or step(self, batch))
    rate = trial.rate(Scripted(), clip, Costs())
    assert set(sizes) == {Scripted.card.max_batch}
    assert rate > 0
