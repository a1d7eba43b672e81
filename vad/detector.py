"""The seam of voice activity detectors: fixed frames of audio in, probabilities of speech out.

Knows nothing of endpoints: what a run of probabilities means is the endpointer's affair.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000

ONSET, OFFSET = 0.5, 0.35
"""Probability from which speech begins, and below which it pauses. OFFSET itself is doubt: nothing ends, but what may
begin waits for the frames behind."""

State = TypeVar("State")


class Detector(Protocol[State]):
    """Shared by all channels; what one channel's past means to it lives in that channel's `State`."""

    @property
    def frame(self) -> int:
        """Samples (int16, mono, 16 kHz) that one score looks at."""

    def open(self) -> State:
        """State for a channel that has heard nothing yet."""

    def score(self, frames: NDArray[np.int16], levels: Sequence[float], state: State) -> list[float]:
        """Probability in 0..1 that each of `frames`, (n, frame), holds speech; updates `state`.

        `levels` says how loud they are (`vad.energy.levels`). Frames come in order, each once; how many at a time
        makes no difference.
        """
