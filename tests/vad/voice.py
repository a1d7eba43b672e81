"""Sounds for tests: something like a voice, and something like a room. int16, mono, 16 kHz."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 16_000


def voice(seconds: float, level_db: float = -20.0) -> NDArray[np.int16]:
    """Four syllables a second: harmonics of a pitch that falls, shaped by three formants."""
    time = np.arange(round(seconds * RATE)) / RATE
    pitch = 120 + 20 * np.cos(2 * np.pi * 0.7 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    formants = ((600, 1.0), (1_400, 0.5), (2_600, 0.3))
    sound = sum(
        gain * np.exp(-(((number * 120 - centre) / 250) ** 2)) * np.sin(number * phase)
        for number in range(1, 30)
        for centre, gain in formants
    )
    return _at(sound * (0.55 - 0.45 * np.cos(2 * np.pi * 4 * time)), level_db)


def noise(seconds: float, level_db: float) -> NDArray[np.int16]:
    """Pink noise."""
    count = round(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(count))
    return _at(np.fft.irfft(spectrum / np.sqrt(np.arange(len(spectrum)) + 1), count), level_db)


def melody(seconds: float, level_db: float = -20.0, note_s: float = 0.4) -> NDArray[np.int16]:
    """Notes of five harmonics that fade as struck strings do, one after the other."""
    time = np.arange(round(seconds * RATE)) / RATE
    number = (time / note_s).astype(int)
    pitch = 262 * 2 ** (np.array([0, 4, 7, 12, 9, 5, 2, 11])[number % 8] / 12)
    since = time - number * note_s
    sound = sum(np.sin(2 * np.pi * harmonic * pitch * since) / harmonic for harmonic in range(1, 6))
    return _at(sound * np.minimum(1, since / 0.01) * np.exp(-1.5 * since), level_db)


def silence(seconds: float) -> NDArray[np.int16]:
    return np.zeros(round(seconds * RATE), np.int16)


def _at(sound: NDArray[np.float64], level_db: float) -> NDArray[np.int16]:
    scaled = sound / np.sqrt(np.mean(sound**2)) * 10 ** (level_db / 20)
    return np.rint(np.clip(scaled, -1, 1) * 32767).astype(np.int16)
