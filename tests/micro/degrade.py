"""What rooms, noises, gains and telephone lines do to clean speech.

Pure, and knows nothing of speech or words. Samples are float32 in -1..1 at 16 kHz; what comes out is as long as what
went in and not shifted, so that word times stay true.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np
import soxr
from numpy.typing import NDArray

RATE, LINE_RATE = 16_000, 8_000
PEAK = 0.99
"""Louder samples would be clipped."""
FRAMES_PER_SECOND = 50
PAUSE_DB = 25
"""Frames this far below the loudest count as pauses between words."""

Quality = Literal["clean", "room", "noise", "telephone"]
QUALITIES: tuple[Quality, ...] = get_args(Quality)

Samples: TypeAlias = NDArray[np.float32]


def degrade(samples: Samples, quality: Quality, random: np.random.Generator) -> Samples:
    """Speech as it would be heard in that quality, at any usual loudness."""
    speech = level(samples, random)
    match quality:
        case "clean":
            faint = _noise(len(speech), random) * _gain(random.uniform(-85, -62))
            return _unclipped(speech + faint)
        case "room":
            return noise(room(speech, random), random, random.uniform(25, 40))
        case "noise":
            placed = room(speech, random) if random.random() < 0.4 else speech
            return noise(placed, random, random.uniform(8, 25))
        case "telephone":
            return telephone(noise(speech, random, random.uniform(10, 25)), random)


def loudness(samples: Samples, rate: int = RATE) -> float:
    """RMS in dBFS of all that isn't a pause, -inf for silence and for less than 20 ms."""
    frame = rate // FRAMES_PER_SECOND
    power = np.mean(np.square(samples[: len(samples) // frame * frame].reshape(-1, frame)), axis=1)
    if not power.any():
        return -np.inf
    return float(10 * np.log10(power[power >= power.max() * 10 ** (-PAUSE_DB / 10)].mean()))


def level(samples: Samples, random: np.random.Generator) -> Samples:
    """Speech at -34 to -14 dBFS, or less where its peaks leave no room for that."""
    wanted, present = random.uniform(-34, -14), loudness(samples)
    return _unclipped(samples * _gain(wanted - present)) if np.isfinite(present) else samples


def room(samples: Samples, random: np.random.Generator) -> Samples:
    """Speech a few steps away: the direct sound, and behind it an echo that takes 0.1 to 0.5 s to fade by 60 dB."""
    fade, weaker = random.uniform(0.1, 0.5), random.uniform(3, 12)
    at = np.arange(1, int(fade * RATE))
    echo = random.standard_normal(len(at), np.float32) * np.exp(-6.9 * at / (fade * RATE))
    echo = np.convolve(echo, np.full(3, 1 / 3), "same")  # walls and air swallow the highest tones
    echo[: random.integers(16, 64)] = 0  # 1 to 4 ms until the first wall answers
    response = np.concatenate([[1], echo * _gain(-weaker) / np.linalg.norm(echo)]).astype(np.float32)
    size = _fast(len(samples) + len(response))
    wet = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(response, size), size)[: len(samples)]
    return _unclipped(wet)


def noise(samples: Samples, random: np.random.Generator, snr_db: float) -> Samples:
    """Speech with noise that is `snr_db` below it, or noise at -50 dBFS if nobody speaks."""
    speech = loudness(samples)
    added = (speech if np.isfinite(speech) else -50 + snr_db) - snr_db
    return _unclipped(samples + _noise(len(samples), random) * _gain(added))


def telephone(samples: Samples, random: np.random.Generator) -> Samples:
    """Speech over a line of 300 to 3400 Hz and 8 bits of mu-law, which adds a hiss 15 to 25 dB below it."""
    narrow = soxr.resample(samples, RATE, LINE_RATE)
    size = _fast(len(narrow) + LINE_RATE // 10)
    spectrum = np.fft.rfft(narrow, size) * _band(np.fft.rfftfreq(size, 1 / LINE_RATE), 300, 3_400)
    speech = np.fft.irfft(spectrum, size)[: len(narrow)].astype(np.float32)
    present = loudness(speech, LINE_RATE)
    hiss = _gain(present - random.uniform(15, 25)) if np.isfinite(present) else 0
    line = _unclipped(speech + hiss * random.standard_normal(len(speech), np.float32))
    codes = np.round(127 * np.log1p(255 * np.abs(line)) / np.log(256))
    decoded = np.sign(line) * (256 ** (codes / 127) - 1) / 255
    heard = soxr.resample(np.append(decoded, 0), LINE_RATE, RATE)  # one more, as an odd length has lost half of one
    return _unclipped(heard[: len(samples)])


def nonspeech(seconds: float, random: np.random.Generator) -> Samples:
    """Nobody speaks: silence, or noise, hum, clicks, tones or music at -70 to -20 dBFS, and a hiss."""
    count = int(seconds * RATE)
    kind = random.integers(7)
    if kind == 0:
        return np.zeros(count, np.float32)
    sound = (_noise, _noise, _hum, _clicks, _tones, _music)[kind - 1](count, random) * _gain(random.uniform(-70, -20))
    return _unclipped(sound + _colour(count, random, 0) * _gain(random.uniform(-90, -75)))


def babble(voices: Sequence[Samples], seconds: float, random: np.random.Generator) -> Samples:
    """A crowd whose words can't be told apart, at -45 to -15 dBFS: each of `voices` over and over, backwards or not,
    faster or slower, and about as loud as the others."""
    count = int(seconds * RATE)
    crowd = np.zeros(count, np.float32)
    for voice in voices:
        said = voice[:: random.choice((-1, 1))]
        said = np.interp(np.arange(0, len(said) - 1, random.uniform(0.7, 1.4)), np.arange(len(said)), said)
        said = said.astype(np.float32) * _gain(random.uniform(-3, 3) - loudness(voice))
        crowd += np.resize(np.roll(said, random.integers(len(said))), count)
    return _unclipped(_unit(crowd) * _gain(random.uniform(-45, -15)))


# -- noises, all with an RMS of 1 ------------------------------------------------------------------------------------


def _noise(count: int, random: np.random.Generator) -> Samples:
    """One or two of white, pink, brown and band-passed noise, hum, a fan and a street."""
    sources = (
        lambda: _colour(count, random, 0),
        lambda: _colour(count, random, -0.5),
        lambda: _colour(count, random, -1),
        lambda: _banded(count, random),
        lambda: _hum(count, random),
        lambda: _waving(_colour(count, random, -0.7), random, random.uniform(4, 12)),
        lambda: _waving(_colour(count, random, -0.8), random, random.uniform(0.2, 1)),
    )
    picked = random.choice(len(sources), random.integers(1, 3), replace=False)
    return _unit(sum(sources[source]() * random.uniform(0.3, 1) for source in picked))


def _colour(count: int, random: np.random.Generator, slope: float, low: float = 20, high: float = 8_000) -> Samples:
    """Noise whose amplitude grows with frequency to the power of `slope`: 0 is white, -0.5 pink, -1 brown."""
    size = _fast(count)
    frequencies = np.fft.rfftfreq(size, 1 / RATE).astype(np.float32)
    spectrum = random.standard_normal((len(frequencies), 2), np.float32).view(np.complex64)[:, 0]
    shape = np.maximum(frequencies, 20) ** slope * _band(frequencies, low, high)
    return _unit(np.fft.irfft(spectrum * shape, size)[:count])


def _banded(count: int, random: np.random.Generator) -> Samples:
    """One to two octaves of noise."""
    low = random.uniform(80, 2_000)
    return _colour(count, random, -0.5, low, low * random.uniform(2, 4))


def _hum(count: int, random: np.random.Generator) -> Samples:
    """Mains at 50 or 60 Hz and what overtones they have."""
    at = np.arange(count) * (2 * np.pi * random.choice([50, 60]) / RATE)
    overtones = range(1, random.integers(3, 9))
    return _unit(sum(random.uniform(0.1, 1) / n * np.sin(n * at + random.uniform(0, 6.28)) for n in overtones))


def _waving(sound: Samples, random: np.random.Generator, hertz: float) -> Samples:
    """The sound as it swells and fades so often a second, not quite evenly."""
    at = np.arange(len(sound)) * (2 * np.pi * hertz / RATE)
    wave = np.sin(at + random.uniform(0, 6.28)) + np.sin(0.37 * at + random.uniform(0, 6.28))
    return _unit(sound * np.exp(random.uniform(0.2, 0.7) * wave))


def _clicks(count: int, random: np.random.Generator) -> Samples:
    """A few knocks a second, each faded within some ms."""
    clicks = np.zeros(count, np.float32)
    for start in random.integers(0, count, 1 + int(count / RATE * random.uniform(0.5, 6))):
        length = min(count - start, random.integers(8, 480))
        fading = np.exp(-6 * np.arange(length) / length) * random.uniform(0.2, 1)
        clicks[start : start + length] += random.standard_normal(length) * fading
    return _unit(clicks)


def _tones(count: int, random: np.random.Generator) -> Samples:
    """One or two steady tones, beeping or not."""
    at = np.arange(count) * (2 * np.pi / RATE)
    tones = sum(np.sin(at * random.uniform(150, 3_500)) for _ in range(random.integers(1, 3)))
    beeps = np.sin(at * random.uniform(0.3, 3)) > random.uniform(-0.5, 0.5) if random.random() < 0.6 else 1
    return _unit(tones * beeps)


def _music(count: int, random: np.random.Generator) -> Samples:
    """One to four parts, each of notes of a scale and their overtones, struck or held."""
    return _unit(sum(_part(count, random) * random.uniform(0.3, 1) for _ in range(random.integers(1, 5))))


def _part(count: int, random: np.random.Generator) -> Samples:
    root, length = random.uniform(80, 700), int(random.uniform(0.12, 1.5) * RATE)
    overtones, fade = range(1, random.integers(2, 8)), random.choice((0.3, 2, 6))
    at = np.arange(length) / RATE
    shape = np.minimum(1, at / random.uniform(0.003, 0.08)) * np.exp(-fade * at)
    notes = []
    for _ in range(-(-count // length)):
        hertz = root * 2 ** (random.choice((0, 2, 4, 5, 7, 9, 11, 12)) / 12)
        notes.append(shape * sum(np.sin(2 * np.pi * n * hertz * at) / n for n in overtones if n * hertz < RATE / 2))
    return np.concatenate(notes)[:count]


# -- arithmetic ------------------------------------------------------------------------------------------------------


def _gain(db: float) -> float:
    return float(10 ** (db / 20))


def _unit(sound: NDArray[np.floating]) -> Samples:
    return (sound / max(float(np.sqrt(np.mean(np.square(sound)))), 1e-9)).astype(np.float32)


def _unclipped(sound: NDArray[np.floating]) -> Samples:
    """The sound, or a softer copy where it would be clipped."""
    return (sound * min(1.0, PEAK / max(float(np.abs(sound).max(initial=0)), 1e-9))).astype(np.float32)


def _band(frequencies: NDArray[np.floating], low: float, high: float) -> NDArray[np.floating]:
    """1 inside and falling by 24 dB an octave outside, with no phase and hence no delay."""
    return 1 / np.sqrt((1 + (low / np.maximum(frequencies, 1)) ** 8) * (1 + (frequencies / high) ** 8))


def _fast(count: int) -> int:
    """A length of at least `count` that a Fourier transform is quick at: 8 to 16 times a power of two."""
    step = 2 ** max(0, count.bit_length() - 4)
    return max(2, -(-count // step) * step)
