from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.features import FRAMES, WINDOW, log_mel, mel_filters


def sweep(samples: int = 16_000) -> NDArray[np.int16]:
    """A tone that rises by 6.9 kHz a second and gets louder, over a harsh hum."""
    at = np.arange(samples)
    tone = at / samples * 8_000 * np.sin(2 * np.pi * (100 + 3_450 * at / 16_000) * at / 16_000)
    return (tone + at * at % 401 - 200).astype(np.int16)


# Frames are columns. Made with transformers' WhisperFeatureExtractor (5.x), which Whisper's own code agrees with.
PLACES = ([0, 2, 10, 30, 50, 70, 79, 79, 79, 5, 0], [0, 4, 20, 40, 60, 80, 98, 99, 100, 101, 2999])
GOLDEN = {
    80: [-0.002, -0.1361, 0.0966, -0.2646, -0.1241, 0.9389, -0.2188, 0.0229, 0.5208, -0.6818, -0.8846],
    128: [-0.0777, -0.5038, 0.0193, -0.2268, -0.2543, -0.0477, -0.0799, -0.1888, -0.0597, -0.7628, -0.8377],
}


@pytest.mark.parametrize(("bins", "mean"), [(80, -0.85656), (128, -0.81198)])
def test_equals_the_reference(bins: int, mean: float) -> None:
    mel = log_mel(sweep(), bins)
    assert (mel.shape, mel.dtype) == ((bins, FRAMES), np.float32)
    assert mel[PLACES] == pytest.approx(GOLDEN[bins], abs=1e-4)
    assert mel.mean() == pytest.approx(mean, abs=1e-5)


@pytest.mark.parametrize("samples", [1, 159, 160, 16_001, WINDOW - 1])
def test_padding_is_silence(samples: int) -> None:
    audio = sweep(samples)
    padded = np.concatenate([audio, np.zeros(WINDOW - samples, np.int16)])
    assert np.abs(log_mel(audio, 80) - log_mel(padded, 80)).max() < 1e-5


def test_nothing_is_all_floor() -> None:
    assert np.abs(log_mel(np.empty(0, np.int16), 80) + 1.5).max() < 1e-5


@pytest.mark.parametrize("bins", [80, 128])
def test_a_tone_is_loudest_in_its_own_band(bins: int) -> None:
    centre = int(mel_filters(bins)[bins // 2].argmax()) * 40
    tone = (8_000 * np.sin(2 * np.pi * centre * np.arange(16_000) / 16_000)).astype(np.int16)
    assert log_mel(tone, bins)[:, 50].argmax() == bins // 2
