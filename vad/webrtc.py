"""The voice detector of WebRTC, for frames that stand out from silence and from steady noise and are not music.

Knows nothing of endpoints. Alone it takes hum, pink noise and the room for speech all the time; the gate costs less
than the detector, which then hears loud frames only. Music and tones it takes for speech as well: what holds its pitch
as no voice does is told from it (`tones.py`), for a quarter of a percent of a core while there is sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from vad.detector import OFFSET, SAMPLE_RATE, Detector
from vad.energy import NoiseFloor
from vad.tones import Share, Tones

LENIENCY = 0
"""WebRTC's mode, 0 to 3: the stricter ones give up weak words, and behind the gate they keep no less noise out."""
GATE_DB = -60.0
"""What is fainter is silence. Weak syllables of quiet speakers lie between this and -50."""
MARGIN_DB = 6.0
"""How far speech stands out from the noise floor; 4 let one frame of pink noise in seven through."""
FLOOR_S = 1.5
"""Noise that starts is known for what it is after this long, or twice that."""
MOSTLY = 0.5
"""Share of the energy in tones that hold their pitch, from which a frame is music or a signal."""
MUSIC_S = 0.4
"""It goes on for this long behind its last such frame: for as long a new note hides it. That costs the first 0.1 s of a
voice that comes right behind music, more than an onset fetches back."""
DOUBTFUL = OFFSET
"""Score of a frame that may be the beginning of a note: it ends no speech, nor begins any before it proves a voice."""


class State:
    """One channel's past: WebRTC's own models of noise and speech, the noise floor, the tones of what WebRTC takes for
    speech, and for how many frames more that is music."""

    def __init__(self, frame: int) -> None:
        self.vad = webrtcvad.Vad(LENIENCY)
        self.floor = NoiseFloor(int(FLOOR_S * SAMPLE_RATE) // frame)
        self.tones = Tones()
        self.music = 0


class WebRtc:
    """Scores are 0 or 1, and DOUBTFUL."""

    frame = SAMPLE_RATE // 50

    def open(self) -> State:
        return State(self.frame)

    def score(self, frames: NDArray[np.int16], levels: Sequence[float], state: State) -> list[float]:
        voiced = [
            level >= max(GATE_DB, state.floor.push(level) + MARGIN_DB)
            and state.vad.is_speech(frame.tobytes(), SAMPLE_RATE)
            for frame, level in zip(frames, levels, strict=True)
        ]
        scores: list[float] = []
        for sounding, run in groupby(voiced):
            heard = frames[len(scores) :][: len(list(run))]
            if sounding:
                scores += [self._voice(share, state) for share in state.tones.push(heard)]
            else:
                state.tones.skip()
                state.music = max(0, state.music - len(heard))
                scores += [0.0] * len(heard)
        return scores

    def _voice(self, share: Share, state: State) -> float:
        """The score of a frame that WebRTC takes for speech."""
        state.music = int(MUSIC_S * SAMPLE_RATE) // self.frame if share.steady >= MOSTLY else max(0, state.music - 1)
        if state.music:
            return 0.0
        return DOUBTFUL if share.young >= MOSTLY else 1.0


def load() -> Detector[State]:
    return WebRtc()
