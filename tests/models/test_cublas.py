from __future__ import annotations

import ctypes
from importlib import metadata
from pathlib import Path
from typing import Any

import ctranslate2
import pytest

from models import whisper
from models.cublas import LIBRARIES, blame_cublas, open_cublas
from models.registry import ModelSpec, load
from tests.models.random_whisper import build

NOT_FOUND = RuntimeError("Library libcublas.so.12 is not found or cannot be loaded")
EXTRA = r"pip install '\.\[cuda\]'"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a pip of this environment would have put the libraries; they are no libraries."""
    (tmp_path / "nvidia_cublas_cu12-12.9.3.13.dist-info").mkdir()
    (tmp_path / "nvidia_cublas_cu12-12.9.3.13.dist-info/METADATA").write_text("Name: nvidia-cublas-cu12\n")
    folder = tmp_path / "nvidia/cublas/lib"
    folder.mkdir(parents=True)
    for name in LIBRARIES:
        (folder / name).write_bytes(b"no library")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    calls: list[tuple[str, int]] = []
    monkeypatch.setattr(ctypes, "CDLL", lambda name, mode: calls.append((name, mode)))
    return calls


def test_what_pip_installed_is_opened_for_all_the_needed_one_first(
    installed: Path, opened: list[tuple[str, int]]
) -> None:
    open_cublas()
    assert opened == [
        (str(installed / "libcublasLt.so.12"), ctypes.RTLD_GLOBAL),
        (str(installed / "libcublas.so.12"), ctypes.RTLD_GLOBAL),
    ]


def test_where_nothing_is_installed_nothing_is_opened(
    opened: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> metadata.Distribution:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    open_cublas()
    assert opened == []


def test_a_library_that_is_gone_is_left_to_the_system(installed: Path, opened: list[tuple[str, int]]) -> None:
    for name in LIBRARIES:
        (installed / name).unlink()
    open_cublas()
    assert opened == []


def test_a_library_that_is_none_is_named(installed: Path) -> None:
    with pytest.raises(ImportError, match=f"{installed / LIBRARIES[0]}.*install it again.*{EXTRA}"):
        open_cublas()


def test_only_a_missing_cublas_is_blamed() -> None:
    blame_cublas(RuntimeError("CUDA failed with error out of memory"))
    with pytest.raises(ImportError, match=f"libcublas.so.12 is not found.*{EXTRA}"):
        blame_cublas(NOT_FOUND)


# -- in a model ---------------------------------------------------------------------------------------------------


class Graphics:
    """A CUDA device as a model sees it that lacks cuBLAS: from the start, or when it is to compute."""

    def __init__(self, at_once: bool, calls: list[str]) -> None:
        self._at_once = at_once
        self._calls = calls

    def model(self, path: str, **options: Any) -> Graphics:
        self._calls.append(f"load on {options['device']}")
        if self._at_once:
            raise NOT_FOUND
        self._real = ctranslate2.models.Whisper(path)
        return self

    def generate(self, *rest: Any, **options: Any) -> None:
        raise NOT_FOUND

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


@pytest.mark.parametrize("at_once", [True, False])
def test_a_model_on_cuda_opens_it_first_and_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: bool
) -> None:
    build(tmp_path)
    calls: list[str] = []
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 1)
    monkeypatch.setattr(whisper, "open_cublas", lambda: calls.append("open cuBLAS"))
    graphics = Graphics(at_once, calls)
    real = ctranslate2.models.Whisper
    monkeypatch.setattr(
        ctranslate2.models,
        "Whisper",
        lambda path, **options: graphics.model(path, **options) if options else real(path),
    )
    with pytest.raises(ImportError, match=EXTRA):
        load(ModelSpec(name="tiny", kind="whisper", path=str(tmp_path), device="cuda", compute_type="float32"))
    assert calls == ["open cuBLAS", "load on cuda"]


def test_a_model_on_a_cpu_does_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whisper, "open_cublas", lambda: pytest.fail("opened"))
    load(ModelSpec(name="tiny", kind="whisper", path=str(build(tmp_path))))
