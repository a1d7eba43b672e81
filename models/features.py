"""Whisper's log-mel spectrogram, in numpy, of audio that grows.

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

HEAD = 2
"""Frames that reach out at the start."""

_FLOOR = np.float32(1e-10)


def log_mel(samples: Samples, bins: int, frames: int = FRAMES) -> NDArray[np.float32]:
    """`bins` x `frames`; the audio is padded with silence to as much before anything else.

    Features are not padded instead: a row of zeros is a loud sound to Whisper, and it was trained on padded audio.
    """
    spectrogram = Spectrogram(bins)
    spectrogram.push(samples)
    return spectrogram.window(len(samples), frames)


class Spectrogram:
    """The features of audio that grows at its end and is trimmed at its start; each frame is computed once.

    samples: what there is of the audio, in one piece.
    """

    def __init__(self, bins: int) -> None:
        self._bins = bins
        self._chunks: list[Samples] = []
        self._mel = np.empty((bins, 0), np.float32)  # of the frames from HEAD on that no edge touches

    def push(self, samples: Samples) -> None:
        self._chunks.append(samples)

    @property
    def samples(self) -> Samples:
        if len(self._chunks) != 1:
            self._chunks = [np.concatenate([np.empty(0, np.int16), *self._chunks])]
        return self._chunks[0]

    def trim(self, start: int) -> None:
        """Forget what lies before a sample, a multiple of HOP; from here on positions count from there."""
        assert start % HOP == 0
        self._chunks = [self.samples[start:].copy()]
        self._mel = self._mel[:, start // HOP :].copy()

    def prepare(self, end: int) -> None:
        """Compute the frames of the samples before `end` already that `window` would compute."""
        self._extend((min(end, len(self.samples)) - FFT // 2) // HOP + 1)

    def window(self, end: int, frames: int) -> NDArray[np.float32]:
        """`bins` x `frames`: the features of the samples before `end`, padded with silence to HOP samples a frame."""
        samples = self.samples[:end]
        count, size = len(samples), frames * HOP
        whole = max(HEAD, (count - FFT // 2) // HOP + 1)  # the first frame that reaches beyond the audio's end
        last = min(frames, (count + FFT // 2 - 1) // HOP + 1)  # behind the last frame that hears any of it
        self._extend(whole)
        # Frames are centred, so half of one reaches out at either end, where the reference mirrors the padded audio.
        head = np.pad(_padded(samples, 0, HEAD * HOP + HOP, size), (FFT // 2, 0), "reflect")
        tail = _padded(samples, whole * HOP - FFT // 2, (last - 1) * HOP + FFT // 2, size)
        mel = np.full((self._bins, frames), np.log10(_FLOOR), np.float32)
        mel[:, :HEAD] = _log_power(head[: FFT + (HEAD - 1) * HOP], self._bins)
        mel[:, HEAD:whole] = self._mel[:, : whole - HEAD]
        if last > whole:
            mel[:, whole:last] = _log_power(tail, self._bins)
        return np.asarray((np.maximum(mel, np.max(mel) - 8) + 4) / 4, np.float32)

    def _extend(self, whole: int) -> None:
        """Have all frames before `whole` that no edge touches."""
        known = HEAD + self._mel.shape[1]
        if whole > known:
            fresh = self.samples[known * HOP - FFT // 2 : (whole - 1) * HOP + FFT // 2]
            self._mel = np.concatenate([self._mel, _log_power(fresh, self._bins)], axis=1)


def _padded(samples: Samples, start: int, end: int, size: int) -> Samples:
    """Samples `start` to `end` of the audio, padded with silence to `size`, and mirrored there."""
    piece = samples[start : min(end, size)]
    piece = np.pad(piece, (0, max(0, min(end, size) - start - len(piece))))
    return np.pad(piece, (0, max(0, end - size)), "reflect")


def _log_power(samples: Samples, bins: int) -> NDArray[np.float32]:
    """`bins` x frames of FFT samples, HOP apart: the logarithm of the power in each band."""
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float32) / 32_768, FFT)[::HOP]
    power = (np.abs(np.fft.rfft(frames * _hann(), axis=1)) ** 2).astype(np.float32)
    # einsum and not a matrix product: BLAS would bring its threads into play, which spin for 100 ms behind each product
    # on cores that decoding wants.
    bands: NDArray[np.float32] = np.log10(np.maximum(np.einsum("bf,tf->bt", mel_filters(bins), power), _FLOOR))
    return bands


@cache
def mel_filters(bins: int) -> NDArray[np.float32]:
    """`bins` x 201 triangles of equal area, evenly spaced on Slaney's mel scale from 0 to 8 kHz (as librosa's)."""
    corners = _hertz(np.linspace(0, _mel(SAMPLE_RATE / 2), bins + 2))
    frequencies = np.linspace(0, SAMPLE_RATE / 2, FFT // 2 + 1)
    left, centre, right = (corners[i : i + bins, None] for i in range(3))
    rising, falling = (frequencies - left) / (centre - left), (right - frequencies) / (right - centre)
    triangles: NDArray[np.float64] = np.maximum(np.minimum(rising, falling), 0) * 2 / (right - left)
    return triangles.astype(np.float32)


@cache
def _hann() -> NDArray[np.float32]:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT) / FFT)).astype(np.float32)


# Slaney's scale is linear (3 mel per 200 Hz) up to 1 kHz = 15 mel, then 27 mel for each factor of 6.4.


def _mel(hertz: float) -> float:
    return 15 + 27 * float(np.log(hertz / 1000) / np.log(6.4))


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mel < 15, mel * 200 / 3, 1000 * 6.4 ** ((mel - 15) / 27))
