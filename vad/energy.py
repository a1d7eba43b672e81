"""How loud frames are, and how loud the noise is that they stand in.

Knows nothing of speech. Levels are in dB of full scale.
"""

from __future__ import annotations

from math import log10

import numpy as np
from numpy.typing import NDArray

SILENCE_DB = -120.0
"""Level of digital silence; one step of one sample in a frame of 20 ms has -115."""


def levels(frames: NDArray[np.int16]) -> list[float]:
    """Mean power of each of `frames`, (n, frame)."""
    samples = frames.astype(np.float64)
    powers: list[float] = np.einsum("ft,ft->f", samples, samples).tolist()
    unit = 1 / (frames.shape[1] * 32768**2)
    return [10 * log10(power * unit) if power else SILENCE_DB for power in powers]


class NoiseFloor:
    """The least level of late: even fast speech dips to the noise between two words, steady noise never leaves it.

    It looks back over the last `span` frames at least, and twice as many at most.
    """

    def __init__(self, span: int) -> None:
        self._span = span
        self._count = 0
        self._least = self._before = 0.0

    def push(self, level: float) -> float:
        """The floor, this frame included."""
        if self._count == self._span:
            self._before, self._least, self._count = self._least, level, 0
        self._count += 1
        self._least = min(self._least, level)
        return min(self._least, self._before)
