"""`models.placement`: where a model on torch runs, and whether it fits. What needs a GPU is told it by hand."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from safetensors.torch import save_file  # noqa: E402

from models import placement  # noqa: E402
from models.placement import Placement, parameters, place, spare  # noqa: E402
from models.registry import ModelSpec  # noqa: E402

CPU = Placement(torch.device("cpu"), torch.float32)
GB = 10**9


def spec(device: str = "cpu", compute_type: str = "default") -> ModelSpec:
    return ModelSpec(name="tiny", kind="voxtral", device=device, compute_type=compute_type)


@pytest.mark.parametrize(
    ("compute_type", "on_cpu", "on_cuda"),
    [
        ("default", torch.float32, torch.bfloat16),
        ("float32", torch.float32, torch.float32),
        ("float16", torch.float16, torch.float16),
    ],
)
def test_numbers_are_stored_as_suits_the_device_or_as_asked(
    monkeypatch: pytest.MonkeyPatch, compute_type: str, on_cpu: object, on_cuda: object
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    assert place(spec("cpu", compute_type)) == Placement(torch.device("cpu"), on_cpu)  # type: ignore[arg-type]
    assert place(spec("cuda", compute_type)) == Placement(torch.device("cuda", 0), on_cuda)  # type: ignore[arg-type]


def test_what_it_cannot_be_stored_as_is_refused() -> None:
    with pytest.raises(ValueError, match="tiny can be stored as float32, bfloat16, float16, not 'int8'"):
        place(spec(compute_type="int8"))


def test_cuda_that_torch_does_not_see_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="tiny: torch sees no CUDA device"):
        place(spec("cuda"))


def test_parameters_are_counted_over_all_shards(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(2, 3), "b": torch.zeros(())}, tmp_path / "model-00001-of-00002.safetensors")
    save_file({"c": torch.zeros(5, dtype=torch.bfloat16)}, tmp_path / "model-00002-of-00002.safetensors")
    save_file({"a": torch.zeros(7)}, tmp_path / "consolidated.safetensors")
    assert parameters(tmp_path) == 12
    (tmp_path / "model-00002-of-00002.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"model-00002-of-00002\.safetensors is damaged"):
        parameters(tmp_path)


def test_what_does_not_fit_is_refused_with_all_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "_free", lambda device: 10 * GB)
    assert spare("tiny", CPU, 8 * GB, 2 * GB) == 2 * GB
    with pytest.raises(
        ValueError, match=r"tiny takes 8\.5 GB .* float32 and at least 2\.0 GB .* cpu has 10\.0 GB free"
    ):
        spare("tiny", CPU, 8_500_000_000, 2 * GB)


def test_a_gpu_keeps_some_for_torch_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (5 << 30, 8 << 30))
    assert spare("tiny", Placement(torch.device("cuda", 0), torch.bfloat16), 1 << 30, 0) == 3 << 30


def test_of_a_container_what_counts_is_its_own_limit(tmp_path: Path) -> None:
    meminfo, group = tmp_path / "meminfo", tmp_path / "group"
    assert list(placement._available(meminfo, group)) == []
    meminfo.write_text("MemTotal:       32000000 kB\nMemAvailable:   16000000 kB\n")
    group.mkdir()
    (group / "memory.max").write_text("max\n")
    assert list(placement._available(meminfo, group)) == [16_384_000_000]
    (group / "memory.max").write_text("8000000000\n")
    (group / "memory.current").write_text("5000000000\n")
    (group / "memory.stat").write_text("anon 3000000000\nfile 2000000000\n")
    assert list(placement._available(meminfo, group)) == [16_384_000_000, 5_000_000_000]


def test_where_nobody_tells_there_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "_available", lambda meminfo, group: iter(()))
    assert spare("tiny", CPU, GB, GB) == sys.maxsize - GB
