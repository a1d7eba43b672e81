"""The recipe from end to end on a tiny set: whether the figures are good is for the real thing."""

from __future__ import annotations

import shutil
from pathlib import Path

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

SMALL = Shape(encoder=2, decoder=2)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("micro")
    train.train(directory, steps=100, clips=(40, 10), shape=SMALL)
    return directory


def state(directory: Path) -> dict:
    return torch.load(directory / "checkpoint.pt", weights_only=True)


def test_it_learns(trained: Path) -> None:
    losses = state(trained)["losses"]
    assert losses[-1] < 0.8 * losses[0]


def test_it_goes_on_where_it_stopped(trained: Path, tmp_path: Path) -> None:
    for split in ("train", "dev"):
        (tmp_path / split).symlink_to(trained / split)
    train.train(tmp_path, steps=100, clips=(40, 10), shape=SMALL, stop_at=50)
    assert state(tmp_path)["step"] == 50
    train.train(tmp_path, steps=100, clips=(40, 10), shape=SMALL)
    again, once = state(tmp_path)["average"]["weights"], state(trained)["average"]["weights"]
    apart = max(float((again[name] - weights).abs().max()) for name, weights in once.items())
    assert apart < 1e-3  # sums over threads may differ in their last bits


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
    heads = convert.choose_heads(tmp_path, read(trained / "dev")[:3], Writer(tokenizer), (2, 2))
    assert 1 <= len(heads) <= 2
