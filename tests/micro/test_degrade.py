from __future__ import annotations

import time

import numpy as np
import pytest

from tests.micro.degrade import (
    PEAK,
    QUALITIES,
    RATE,
    Quality,
    Samples,
    babble,
    degrade,
    level,
    loudness,
    noise,
    nonspeech,
    room,
    telephone,
)

SEEDS = range(20)


def syllables(seconds: float = 2.0) -> Samples:
    """Bursts of a buzzing tone with pauses, as loud as a quiet speaker."""
    at = np.arange(int(seconds * RATE)) / RATE
    buzz = sum(np.sin(2 * np.pi * 180 * n * at) / n for n in range(1, 20))
    return (0.02 * buzz * np.maximum(np.sin(2 * np.pi * 3 * at), 0)).astype(np.float32)


def delay(heard: Samples, said: Samples) -> float:
    """How many ms one lags behind the other."""
    size = 2 * len(said)
    across = np.fft.irfft(np.fft.rfft(heard, size) * np.fft.rfft(said, size).conj(), size)
    return 1000 * ((int(np.argmax(across)) + len(said)) % size - len(said)) / RATE


def share(samples: Samples, low: float, high: float) -> float:
    """Of the whole power, that from `low` to `high` Hz."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    hertz = np.fft.rfftfreq(len(samples), 1 / RATE)
    return float(power[(hertz >= low) & (hertz < high)].sum() / power.sum())


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("samples", [100, 16_001, 79_999])
def test_keeps_length_and_range(quality: Quality, samples: int) -> None:
    said = syllables(5)[:samples]
    for seed in SEEDS:
        heard = degrade(said, quality, np.random.default_rng(seed))
        assert (heard.dtype, heard.shape) == (np.float32, said.shape)
        assert np.abs(heard).max() <= PEAK + 1e-6


@pytest.mark.parametrize("quality", QUALITIES)
def test_shifts_nothing(quality: Quality) -> None:
    said = np.random.default_rng(0).standard_normal(RATE, np.float32) * syllables(1)  # every lag sounds different
    for seed in SEEDS:
        assert abs(delay(degrade(said, quality, np.random.default_rng(seed)), said)) < 1


@pytest.mark.parametrize("quality", QUALITIES)
def test_the_seed_decides(quality: Quality) -> None:
    first, again, other = (degrade(syllables(), quality, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("quality", QUALITIES)
def test_silence_stays_nearly_silent(quality: Quality) -> None:
    heard = degrade(np.zeros(RATE, np.float32), quality, np.random.default_rng(0))
    assert np.isfinite(heard).all()
    assert loudness(heard) < -40


def test_levels_are_those_of_speech() -> None:
    said = syllables()
    levels = [loudness(level(said, np.random.default_rng(seed))) for seed in range(100)]
    assert (min(levels) >= -34.1, max(levels) <= -13.9) == (True, True)
    assert max(levels) - min(levels) > 15


def test_pauses_count_for_no_level() -> None:
    said = syllables()
    assert loudness(np.concatenate([said, np.zeros(5 * RATE, np.float32)])) == pytest.approx(loudness(said), abs=0.01)


@pytest.mark.parametrize("snr_db", [0, 10, 20])
def test_noise_is_as_loud_as_asked(snr_db: float) -> None:
    said = syllables() / 4
    for seed in SEEDS:
        added = noise(said, np.random.default_rng(seed), snr_db) - said
        assert 10 * np.log10(np.mean(added**2)) == pytest.approx(loudness(said) - snr_db, abs=0.1)


def test_noises_differ_in_colour() -> None:
    silent = np.zeros(RATE, np.float32)
    low = [share(noise(silent, np.random.default_rng(seed), 10), 0, 500) for seed in range(50)]
    assert (min(low) < 0.1, max(low) > 0.9) == (True, True)


def test_a_room_echoes_behind_the_direct_sound() -> None:
    click = np.zeros(RATE, np.float32)
    click[4_000] = 0.5
    for seed in SEEDS:
        heard = room(click, np.random.default_rng(seed))
        assert np.argmax(np.abs(heard)) == 4_000
        assert np.abs(heard[:4_000]).max() < 1e-6
        direct, echo, tail = (float(np.sum(heard[part] ** 2)) for part in np.split(np.arange(RATE), [4_001, 12_001]))
        assert 3 < 10 * np.log10(direct / echo) < 12.1
        assert tail < 1e-9


def test_a_telephone_line_is_narrow_and_hisses() -> None:
    wide = np.random.default_rng(0).standard_normal(RATE, np.float32) / 10
    heard = telephone(wide, np.random.default_rng(0))
    assert share(heard, 250, 3_600) > 0.95
    assert share(heard, 4_200, 8_000) < 1e-3
    said = np.concatenate([wide, np.zeros(RATE, np.float32)])
    for seed in SEEDS:
        line = telephone(said, np.random.default_rng(seed))
        assert -26 < loudness(line[-RATE // 2 :]) - loudness(line[:RATE]) < -14


def test_nobody_speaks_at_levels_from_silence_to_loud() -> None:
    heard = [nonspeech(1.5, np.random.default_rng(seed)) for seed in range(200)]
    assert {(sound.dtype, len(sound)) for sound in heard} == {(np.dtype(np.float32), 24_000)}
    powers = np.array([np.mean(sound**2) for sound in heard])
    levels = 10 * np.log10(powers[powers > 0])
    assert 10 < sum(powers == 0) < 70
    assert (-72 < levels.min() < -60, -30 < levels.max() < -19.5) == (True, True)


def test_a_crowd_is_as_long_and_loud_as_asked_and_never_falls_silent() -> None:
    voices = [syllables(1 + seed / 4) for seed in range(12)]
    for seed in SEEDS:
        crowd = babble(voices, 3, np.random.default_rng(seed))
        assert (crowd.dtype, len(crowd)) == (np.float32, 3 * RATE)
        assert -48 < loudness(crowd) < -12
        assert loudness(crowd) - min(loudness(part) for part in np.split(crowd, 15)) < 12


@pytest.mark.parametrize("quality", QUALITIES)
def test_is_fast_enough_to_train_with(quality: Quality) -> None:
    said, random = syllables(5), np.random.default_rng(0)
    times = []
    for _ in range(20):
        began = time.perf_counter()
        degrade(said, quality, random)
        times.append(time.perf_counter() - began)
    assert min(times) < 0.01
