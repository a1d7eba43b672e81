"""The recipe from end to end on a tiny set: whether the figures are good is for the real thing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.timeout(300), pytest.mark.skipif(not shutil.which("espeak-ng"), reason="needs espeak-ng")]

import ctranslate2  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

from models.features import log_mel  # noqa: E402
from tests.micro import convert, train  # noqa: E402
from tests.micro.corpus import read  # noqa: E402
from tests.micro.model import Shape, Whisper  # noqa: E402
from tests.micro.windows import Writer  # noqa: E402

SMALL: dict[str, Any] = {"steps": 40, "clips": (40, 10), "shape": Shape(encoder=2, decoder=2), "audio_s": 20}
EARLY = 16
"""Steps with short windows only, which cost the least."""


def learn(directory: Path, stop_at: int | None = None) -> None:
    # More threads spend their time waiting for each other, and sum in another order. CTranslate2 sets this too.
    torch.set_num_threads(1)
    train.train(directory, **SMALL, stop_at=stop_at)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("micro")
    learn(directory)
    return directory


def state(directory: Path) -> dict:
    return torch.load(directory / "checkpoint.pt", weights_only=True)


def test_it_learns(trained: Path) -> None:
    losses = state(trained)["losses"]
    assert losses[-1] < 0.8 * losses[0]


def test_it_goes_on_where_it_stopped(trained: Path, tmp_path: Path) -> None:
    once, twice = tmp_path / "once", tmp_path / "twice"
    for directory in (once, twice):
        directory.mkdir()
        for split in ("train", "dev"):
            (directory / split).symlink_to(trained / split)
    learn(once, EARLY)
    learn(twice, EARLY // 2)
    assert state(twice)["step"] == EARLY // 2
    learn(twice, EARLY)
    again, weights = (state(directory)["average"]["weights"] for directory in (twice, once))
    apart = max(float((again[name] - array).abs().max()) for name, array in weights.items())
    assert apart < 1e-4  # 6e-4 if but one step were taken twice


def test_the_converted_model_says_what_the_trained_one_does(trained: Path, tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_file(str(convert.FIXTURE / "tokenizer.json"))
    writer = Writer(tokenizer)
    whisper = Whisper.of(state(trained)["average"])
    convert.write(whisper, tokenizer, tmp_path, quantization="float32")
    converted = ctranslate2.models.Whisper(str(tmp_path), compute_type="float32")
    clip = read(trained / "dev")[0]
    features = log_mel(clip.samples, 80)[None, :, :600]
    prompt = [writer.start, writer.language("en"), writer.transcribe, writer.untimed]
    [said] = converted.generate(
        ctranslate2.StorageView.from_array(np.ascontiguousarray(features)),
        [prompt],
        beam_size=1,
        max_length=8,
        suppress_blank=False,
        return_logits_vocab=True,
    )
    with torch.no_grad():
        rows = whisper.row_of[torch.tensor([prompt + said.sequences_ids[0]])]
        logits, _ = whisper.decoder(rows, whisper.encoder(torch.from_numpy(features)))
    for place, theirs in enumerate(said.logits[0]):
        ours = logits[0, len(prompt) - 1 + place][whisper.row_of].numpy()
        assert np.array(theirs) == pytest.approx(ours, abs=1e-3)


def test_heads_are_chosen_by_their_errors(trained: Path, tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_file(str(convert.FIXTURE / "tokenizer.json"))
    convert.write(Whisper.of(state(trained)["average"]), tokenizer, tmp_path)
    heads = convert.choose_heads(tmp_path, read(trained / "dev")[:2], Writer(tokenizer), (2, 2))
    assert 1 <= len(heads) <= 2
