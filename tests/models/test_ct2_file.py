from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from models.ct2_file import read
from tests.models.random_whisper import build


def text(value: str) -> bytes:
    return struct.pack("H", len(value) + 1) + value.encode() + b"\0"


def test_reads_what_a_spec_writes(tmp_path: Path) -> None:
    variables = read(build(tmp_path, quantization="int8", width=64, heads=4, decoder=1) / "model.bin")
    assert variables["decoder/num_heads"] == 4
    embeddings = variables["decoder/embeddings/weight"]
    assert (embeddings.dtype, embeddings.shape[1]) == (np.int8, 64)
    assert "encoder/layer_1/ffn/linear_0/weight" in variables
    assert "decoder/layer_1/ffn/linear_0/weight" not in variables


def test_an_alias_is_what_it_stands_for(tmp_path: Path) -> None:
    variables = read(build(tmp_path, quantization="int8") / "model.bin")
    for kind in ("weight", "weight_scale"):
        assert np.array_equal(variables[f"decoder/projection/{kind}"], variables[f"decoder/embeddings/{kind}"])


def test_bfloat16_takes_its_two_bytes(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    half = text("half") + struct.pack("=BIIBI", 2, 1, 3, 5, 6) + bytes(6)
    one = text("one") + struct.pack("=BIBIf", 1, 1, 0, 4, 1.0)
    path.write_bytes(struct.pack("I", 6) + text("WhisperSpec") + struct.pack("II", 3, 2) + half + one + bytes(4))
    variables = read(path)
    assert variables["half"].shape == (1, 3)
    assert variables["one"].tolist() == [1.0]


def test_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(struct.pack("I", 7) + bytes(99))
    with pytest.raises(ValueError, match="version 7 of the format, not 6"):
        read(tmp_path / "model.bin")
