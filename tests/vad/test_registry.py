from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from vad import registry, silero
from vad.endpointer import EndpointOptions
from vad.webrtc import WebRtc


@pytest.fixture
def nothing_loaded() -> Iterator[None]:
    registry.load.cache_clear()
    yield
    registry.load.cache_clear()


def test_loads_each_detector_once() -> None:
    assert isinstance(registry.load("webrtc"), WebRtc)
    for name in registry.DETECTORS:
        assert registry.load(name) is registry.load(name)


def test_unknown_name_names_the_choices() -> None:
    with pytest.raises(ValueError, match="webrtc, silero"):
        registry.load("crystal ball")


@pytest.mark.usefixtures("nothing_loaded")
@pytest.mark.parametrize("library", ["onnxruntime", "faster_whisper"])
def test_detector_that_is_not_installed_names_its_extra(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "vad.silero")
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ValueError, match=f"vad 'silero' needs the extra `silero` on the server: .*{library}"):
        EndpointOptions(vad="silero")


@pytest.mark.usefixtures("nothing_loaded")
def test_network_that_is_not_where_it_was_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silero, "FILE", "assets/gone.onnx")
    with pytest.raises(ValueError, match=r"the extra `silero` on the server: no assets/gone.onnx in"):
        EndpointOptions(vad="silero")


def test_what_nobody_asked_for_is_not_imported() -> None:
    code = "import sys, vad.endpointer; vad.endpointer.EndpointOptions(); sys.exit('onnxruntime' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=True)
