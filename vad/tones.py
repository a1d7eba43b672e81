"""How much of a sound is in tones that hold their pitch: music and signals are made of them, and voices are not.

Knows nothing of speech. In 25 minutes of it, read, spoken or synthesized, two frames of 64,000 had half of their energy
in tones that were STEADY; music of held notes has it there most of the time.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vad.detector import SAMPLE_RATE

WINDOW = 1024
"""Samples of a spectrum: long enough to tell a pitch to a hertz, between the bins."""
BAND_HZ = (200, 4000)
"""Below it lies the pitch of voices, which moves by too few hertz there to tell; above it telephones hear nothing."""
YOUNG, STEADY = 3, 10
"""Frames for which a tone must have held its pitch to be suspect, and to be sure."""
DRIFT = 0.004
"""How far it may have moved since it began, of its pitch; a sixteenth of a bin, 1 Hz, is always allowed."""
FAINT = 0.003
"""A peak with less than this of the energy is no tone: noise is full of them."""

_LOW, _HIGH = (hertz * WINDOW // SAMPLE_RATE for hertz in BAND_HZ)
_BELL = np.hanning(WINDOW + 1)[:-1]


class Share(NamedTuple):
    """Of the energy in the band, what is in tones that have held their pitch for so long; in 0..1."""

    young: float
    steady: float


class Tones:
    """One channel's tones. A run of frames that is left out ends them all: tell it by `skip`."""

    def __init__(self) -> None:
        self.skip()

    def skip(self) -> None:
        self._past: NDArray[np.int16] | None = None
        self._settle()

    def push(self, frames: NDArray[np.int16]) -> list[Share]:
        """As each of `frames` ends, (n, frame); how many come at a time makes no difference."""
        frame = frames.shape[1]
        if self._past is None:
            self._past = np.zeros(WINDOW - frame, np.int16)
        samples = np.concatenate((self._past, frames.ravel()))
        self._past = samples[frame - WINDOW :]
        windows = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::frame]
        spectra = np.fft.rfft(windows * _BELL, axis=1)[:, _LOW - 1 : _HIGH + 1]
        powers = spectra.real**2 + spectra.imag**2 + 1e-9
        left, middle, right = powers[:, :-2], powers[:, 1:-1], powers[:, 2:]
        shares = (left + middle + right) / middle.sum(axis=1, keepdims=True)
        peaks = (middle > left) & (middle >= right) & (shares > FAINT)
        return [self._follow(np.flatnonzero(row) + 1, *of) for row, *of in zip(peaks, powers, shares, strict=True)]

    def _settle(self) -> None:
        """Forget the tones. Bins count from one below the band."""
        self._began = np.zeros(_HIGH - _LOW + 2)
        """The pitch at which the tone that is now in a bin began, in bins; where there is none, one that is far off."""
        self._age = np.zeros(_HIGH - _LOW + 2, np.int64)

    def _follow(self, peaks: NDArray[np.intp], powers: NDArray[np.float64], shares: NDArray[np.float64]) -> Share:
        """Each peak goes on with the tone in its bin or the next one that began nearest to its pitch, or begins one."""
        left, middle, right = np.log(powers[[peaks - 1, peaks, peaks + 1]])
        # The parabola through three logarithms has its top at the tone, for windows shaped like a bell.
        pitch = peaks + (_LOW - 1) + (left - right) / 2 / (left - 2 * middle + right - 1e-12)
        near = np.stack((peaks - 1, peaks, peaks + 1))
        off = np.abs(self._began[near] - pitch)
        best = np.argmin(off, axis=0), np.arange(len(peaks))
        before = near[best]
        held = off[best] <= np.maximum(1 / 16, DRIFT * pitch)
        age = np.where(held, self._age[before] + 1, 1)
        began = np.where(held, self._began[before], pitch)
        self._settle()
        self._began[peaks], self._age[peaks] = began, age
        mine = shares[peaks - 1]
        return Share(min(1.0, float(mine[age >= YOUNG].sum())), min(1.0, float(mine[age >= STEADY].sum())))
