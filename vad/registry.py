"""Which detectors there are: names to modules.

Knows nothing of what they do; imports a detector's file only when someone asks for it.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from vad.detector import Detector

DETECTORS = {"webrtc": "vad.webrtc"}
"""A detector's module has `load() -> Detector`."""


def check(name: str) -> None:
    """ValueError, saying which names there are, for one that isn't among them."""
    if name not in DETECTORS:
        raise ValueError(f"vad must be one of {', '.join(DETECTORS)}, not {name!r}")


@cache
def load(name: str) -> Detector[Any]:
    """The detector of that name, the same for all channels; ValueError as `check`."""
    check(name)
    detector: Detector[Any] = import_module(DETECTORS[name]).load()
    return detector
