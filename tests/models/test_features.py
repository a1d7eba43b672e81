from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.features import FRAMES, HOP, WINDOW, Spectrogram, log_mel, mel_filters


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


def direct(samples: NDArray[np.int16], frames: int) -> NDArray[np.float32]:
    """The reference's formula, all at once, of audio padded with zeros to `frames`."""
    padded = np.pad(samples / 32_768, (0, frames * HOP - len(samples)))
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    cut = np.lib.stride_tricks.sliding_window_view(np.pad(padded, 200, "reflect"), 400)[: frames * HOP : HOP]
    power = np.abs(np.fft.rfft(cut * window)) ** 2
    mel = np.log10(np.maximum(mel_filters(80) @ power.T, 1e-10))
    return ((np.maximum(mel, mel.max() - 8) + 4) / 4).astype(np.float32)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(0, 3_000), min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(0, 20), st.floats(0, 1)), max_size=4),
    st.integers(3, 40),
)
def test_a_growing_spectrogram_equals_one_made_at_once(
    lengths: list[int], looks: list[tuple[int, float]], spare: int
) -> None:
    """However it comes, is looked at in between and trimmed."""
    spectrogram = Spectrogram(80)
    audio = sweep(sum(lengths))
    origin = at = 0
    for i, length in enumerate(lengths):
        spectrogram.push(audio[at : at + length])
        at += length
        if i < len(looks):
            trimmed, share = looks[i]
            cut = min(trimmed, (at - origin) // HOP)
            spectrogram.trim(cut * HOP)
            origin += cut * HOP
            end = round(share * (at - origin))
            frames = end // HOP + spare
            told = spectrogram.window(end, frames)
            assert np.abs(told - direct(audio[origin : origin + end], frames)).max() < 1e-4
    frames = -(-(at - origin) // HOP) + 3
    assert np.abs(spectrogram.window(at - origin, frames) - direct(audio[origin:], frames)).max() < 1e-4
    assert (spectrogram.samples == audio[origin:]).all()


def test_audio_may_fill_its_window() -> None:
    audio = sweep(WINDOW)
    assert np.abs(log_mel(audio, 80) - direct(audio, FRAMES)).max() < 1e-4
    assert np.abs(log_mel(audio[: 50 * HOP], 80, 50) - direct(audio[: 50 * HOP], 50)).max() < 1e-4


def test_frames_are_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    transformed = 0
    transform = np.fft.rfft

    def counting(frames: NDArray[np.float32], **options: int) -> NDArray[np.complex64]:
        nonlocal transformed
        transformed += len(frames)
        return transform(frames, **options)

    monkeypatch.setattr(np.fft, "rfft", counting)
    spectrogram = Spectrogram(80)
    for _ in range(20):
        spectrogram.push(sweep(8_000))
        spectrogram.window(len(spectrogram.samples), FRAMES)
    assert transformed < 1_000 + 20 * 6
