from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tests.vad.voice import RATE, melody, noise, silence, voice
from vad.tones import STEADY, YOUNG, Share, Tones

FRAME = 320
NONE = Share(0, 0)


def heard(samples: NDArray[np.int16], at_a_time: int = 1_000) -> list[Share]:
    tones = Tones()
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    return [
        share for start in range(0, len(frames), at_a_time) for share in tones.push(frames[start : start + at_a_time])
    ]


def sung(hertz: NDArray[np.float64]) -> NDArray[np.int16]:
    return np.rint(8_000 * np.sin(2 * np.pi * np.cumsum(hertz) / RATE)).astype(np.int16)


def test_a_tone_is_young_and_then_steady() -> None:
    shares = heard(sung(np.full(RATE, 440.0)))
    assert all(share.young < 0.5 for share in shares[: YOUNG - 1])
    assert all(share.steady < 0.5 for share in shares[: STEADY - 1])
    assert all(share.steady > 0.95 for share in shares[STEADY + YOUNG :])


def test_a_tone_that_glides_is_not_steady() -> None:
    glide = np.linspace(400, 600, RATE)
    assert max(share.steady for share in heard(sung(glide))) < 0.1


def test_two_pitches_close_together_are_two_tones() -> None:
    before, after = np.full(RATE // 8, 440.0), np.full(RATE // 8, 445.0)
    assert max(share.steady for share in heard(sung(np.concatenate((before, after))))) < 0.1


def test_voices_and_noise_have_none() -> None:
    assert max(share.steady for share in heard(voice(3))) < 0.5
    assert max(share.steady for share in heard(noise(3, -30))) < 0.1
    assert heard(silence(1)) == [NONE] * 50


def test_music_has_most_of_its_energy_in_them() -> None:
    assert np.mean([share.young for share in heard(melody(3))]) > 0.8


def test_a_gap_ends_all_tones() -> None:
    tones = Tones()
    frames = sung(np.full(RATE, 440.0)).reshape(-1, FRAME)
    tones.push(frames[:30])
    tones.skip()
    assert all(share.steady < 0.5 for share in tones.push(frames[30 : 30 + STEADY - 1]))


def test_how_many_frames_come_at_a_time_makes_no_difference() -> None:
    samples = np.concatenate((melody(1), voice(1)))
    assert heard(samples) == heard(samples, 1) == heard(samples, 7)
