"""Whisper's log-mel spectrogram, in numpy.

Knows nothing of models or files; equal to the reference of openai/whisper and transformers within float rounding.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from models.base import SAMPLE_RATE, Samples

FFT = 400
HOP = 160
WINDOW = 30 * SAMPLE_RATE
FRAMES = WINDOW // HOP
"""Frames of the 30 s that Whisper was trained on, 10 ms each."""

_FLOOR = np.float32(1e-10)


def log_mel(samples: Samples, bins: int) -> NDArray[np.float32]:
    """`bins` x FRAMES; the audio, at most WINDOW samples, is padded with silence to 30 s before anything else.

    Features are not padded instead: a row of zeros is a loud sound to Whisper, and it was trained on padded audio.
    """
    audio = np.zeros(WINDOW + FFT, np.float32)  # frames are centred, so half of one reaches out at either end
    audio[FFT // 2 : FFT // 2 + len(samples)] = samples
    audio /= 32_768
    audio[: FFT // 2] = audio[FFT : FFT // 2 : -1]
    audio[-FFT // 2 :] = audio[-FFT // 2 - 2 : -FFT - 2 : -1]
    heard = min(FRAMES, (len(samples) + FFT) // HOP + 1)  # all frames behind these are silence
    frames = np.lib.stride_tricks.sliding_window_view(audio, FFT)[: heard * HOP : HOP]
    power = np.abs(np.fft.rfft(frames * _hann(), axis=1)) ** 2
    mel = np.full((bins, FRAMES), np.log10(_FLOOR), np.float32)
    mel[:, :heard] = np.log10(np.maximum(mel_filters(bins) @ power[:FRAMES].T.astype(np.float32), _FLOOR))
    return np.asarray((np.maximum(mel, np.max(mel) - 8) + 4) / 4, np.float32)


@cache
def mel_filters(bins: int) -> NDArray[np.float32]:
    """`bins` x 201 triangles of equal area, evenly spaced on Slaney's mel scale from 0 to 8 kHz (as librosa's)."""
    corners = _hertz(np.linspace(0, _mel(SAMPLE_RATE / 2), bins + 2))
    frequencies = np.linspace(0, SAMPLE_RATE / 2, FFT // 2 + 1)
    left, centre, right = (corners[i : i + bins, None] for i in range(3))
    triangles = np.minimum((frequencies - left) / (centre - left), (right - frequencies) / (right - centre))
    return (np.maximum(triangles, 0) * 2 / (right - left)).astype(np.float32)


@cache
def _hann() -> NDArray[np.float32]:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT) / FFT)).astype(np.float32)


# Slaney's scale is linear (3 mel per 200 Hz) up to 1 kHz = 15 mel, then 27 mel for each factor of 6.4.


def _mel(hertz: float) -> float:
    return 15 + 27 * float(np.log(hertz / 1000) / np.log(6.4))


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mel < 15, mel * 200 / 3, 1000 * 6.4 ** ((mel - 15) / 27))
