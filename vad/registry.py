"""Which detectors there are: names to modules.

Knows nothing of what they do; imports a detector's file only when someone asks for it.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from vad.detector import Detector

DETECTORS = {"webrtc": "vad.webrtc", "silero": "vad.silero"}
"""A detector's module has `load() -> Detector`."""
EXTRAS = {"silero"}
"""Those that an extra of the same name brings."""


@cache
def load(name: str) -> Detector[Any]:
    """The detector of that name, the same for all channels; ValueError, saying why, where it is not to be had."""
    if name not in DETECTORS:
        raise ValueError(f"vad must be one of {', '.join(DETECTORS)}, not {name!r}")
    try:
        detector: Detector[Any] = import_module(DETECTORS[name]).load()
    except (ModuleNotFoundError, FileNotFoundError) as error:
        if name not in EXTRAS:
            raise
        raise ValueError(f"vad {name!r} needs the extra `{name}` on the server: {error}") from error
    return detector
