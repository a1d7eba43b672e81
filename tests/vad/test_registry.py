from __future__ import annotations

import pytest

from vad import registry
from vad.webrtc import WebRtc


def test_loads_each_detector_once() -> None:
    assert isinstance(registry.load("webrtc"), WebRtc)
    assert registry.load("webrtc") is registry.load("webrtc")


def test_unknown_name_names_the_choices() -> None:
    with pytest.raises(ValueError, match="webrtc"):
        registry.load("crystal ball")
