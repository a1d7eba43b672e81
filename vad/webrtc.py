"""The voice detector of WebRTC, for frames that stand out from silence and from steady noise.

Knows nothing of endpoints. Alone it takes hum, pink noise and the room for speech all the time; the gate costs less
than the detector, which then hears loud frames only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from vad.detector import SAMPLE_RATE, Detector
from vad.energy import NoiseFloor

LENIENCY = 0
"""WebRTC's mode, 0 to 3: the stricter ones give up weak words, and behind the gate they keep no less noise out."""
GATE_DB = -60.0
"""What is fainter is silence. Weak syllables of quiet speakers lie between this and -50."""
MARGIN_DB = 6.0
"""How far speech stands out from the noise floor; 4 let one frame of pink noise in seven through."""
FLOOR_S = 1.5
"""Noise that starts is known for what it is after this long, or twice that."""


class State:
    """One channel's past: WebRTC's own models of noise and speech, and the noise floor."""

    def __init__(self, frame: int) -> None:
        self.vad = webrtcvad.Vad(LENIENCY)
        self.floor = NoiseFloor(int(FLOOR_S * SAMPLE_RATE) // frame)


class WebRtc:
    """Scores are 0 or 1."""

    frame = SAMPLE_RATE // 50

    def open(self) -> State:
        return State(self.frame)

    def score(self, frames: NDArray[np.int16], levels: Sequence[float], state: State) -> list[float]:
        scores = []
        for frame, level in zip(frames, levels, strict=True):
            audible = level >= max(GATE_DB, state.floor.push(level) + MARGIN_DB)
            scores.append(1.0 if audible and state.vad.is_speech(frame.tobytes(), SAMPLE_RATE) else 0.0)
        return scores


def load() -> Detector[State]:
    return WebRtc()
