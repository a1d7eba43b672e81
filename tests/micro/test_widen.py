from __future__ import annotations

from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import pytest

from models.ct2_file import read
from tests.micro.widen import TILES, widened
from tests.models.random_whisper import build

LANGUAGES = ("en", "de")
PROMPT = ["<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|notimestamps|>"]


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shape: dict[str, Any] = {"width": 128, "heads": 2, "layers": 2, "languages": LANGUAGES}
    return build(tmp_path_factory.mktemp("narrow"), quantization="int8", **shape)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def heard(seed: int) -> ctranslate2.StorageView:
    """Two rows of features, some seconds each: noise that stops."""
    features = np.random.default_rng(seed).normal(0, 0.5, (2, 80, 400)).astype(np.float32)
    features[0, :, 250:] = features[1, :, 350:] = -1.5
    return ctranslate2.StorageView.from_array(features)


def loaded(directory: Path, compute: str) -> Any:
    return ctranslate2.models.Whisper(str(directory), compute_type=compute, intra_threads=1)


def test_in_floats_it_is_the_same_function(narrow: Path, cache: Path) -> None:
    micro, base = (loaded(path, "float32") for path in (narrow, widened(narrow, "float32", cache)))
    encoded, expected = (np.array(model.encode(heard(1))) for model in (base, micro))
    assert encoded == pytest.approx(np.concatenate([expected] * TILES, axis=2), abs=1e-4)
    logits, expected = (
        np.array([[np.array(step) for step in said.logits[0]] for said in generate(model, heard(1))[:1]])
        for model in (base, micro)
    )
    assert logits.shape[1] > 5
    assert logits == pytest.approx(expected, abs=1e-3)


def test_in_integers_it_says_the_same(narrow: Path, cache: Path) -> None:
    micro, base = (loaded(path, "int8") for path in (narrow, widened(narrow, "int8", cache)))
    for seed in range(3):
        said, expected = ([row.sequences_ids for row in generate(model, heard(seed))] for model in (base, micro))
        assert said == expected
        assert min(len(row[0]) for row in said) > 5


def generate(model: Any, features: ctranslate2.StorageView) -> Any:
    return model.generate(features, [PROMPT] * 2, beam_size=1, max_length=60, return_logits_vocab=True)


def test_has_the_shape_of_a_base(narrow: Path, cache: Path, tmp_path: Path) -> None:
    base = build(tmp_path, quantization="int8", width=512, heads=8, layers=6, languages=LANGUAGES)
    made = widened(narrow, "int8", cache)
    said, expected = (
        {name: (array.dtype, array.shape) for name, array in read(path / "model.bin").items()} for path in (made, base)
    )
    assert said == expected
    sizes = [(path / "model.bin").stat().st_size for path in (made, base)]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.01)


def test_integers_stay_what_they_were(narrow: Path, cache: Path) -> None:
    few, many = (read(path / "model.bin") for path in (narrow, widened(narrow, "int8", cache)))
    for name in ("encoder/layer_0/ffn/linear_1/weight", "decoder/embeddings/weight"):
        columns = few[name].shape[1]
        assert np.array_equal(many[name][: len(few[name]), :columns], few[name])


def test_is_written_once(narrow: Path, cache: Path) -> None:
    first = (widened(narrow, "int8", cache) / "model.bin").stat().st_mtime_ns
    assert (widened(narrow, "int8", cache) / "model.bin").stat().st_mtime_ns == first


@pytest.mark.parametrize("name", ["model.bin", "config.json", "widened.sha256"])
def test_a_damaged_one_is_written_anew(name: str, narrow: Path, cache: Path) -> None:
    file = widened(narrow, "int8", cache) / name
    whole = file.read_bytes()
    file.write_bytes(whole[:-100])
    widened(narrow, "int8", cache)
    assert file.read_bytes() == whole
