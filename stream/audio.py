"""Audio as clients send it, turned into what everything else works on: int16, 16 kHz, one array per channel.

Knows nothing of sessions, protocols or speech.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from models.base import SAMPLE_RATE, Samples

Encoding = Literal["pcm_s16le", "pcm_s32le", "pcm_f16le", "pcm_f32le", "mulaw", "alaw"]

SAMPLE_BYTES: dict[Encoding, int] = {
    "pcm_s16le": 2,
    "pcm_s32le": 4,
    "pcm_f16le": 2,
    "pcm_f32le": 4,
    "mulaw": 1,
    "alaw": 1,
}
SAMPLE_RATES = range(8_000, 48_001)
CHANNELS = range(1, 9)


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """How a client's bytes are to be read; channels are interleaved. ValueError for what there is no reading of."""

    encoding: Encoding = "pcm_s16le"
    sample_rate: int = SAMPLE_RATE
    channels: int = 1

    def __post_init__(self) -> None:
        if self.encoding not in SAMPLE_BYTES:
            raise ValueError(f"encoding must be one of {', '.join(SAMPLE_BYTES)}, not {self.encoding!r}")
        for name, allowed in (("sample_rate", SAMPLE_RATES), ("channels", CHANNELS)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be in {allowed[0]}..{allowed[-1]}, not {getattr(self, name)!r}")

    @property
    def sample_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return SAMPLE_BYTES[self.encoding] * self.channels


def to_16k(samples: int, sample_rate: int) -> int:
    """How many samples at 16 kHz so many client samples make."""
    return samples * SAMPLE_RATE // sample_rate


def from_16k(position: int, sample_rate: int) -> int:
    """How many client samples have begun by a position at 16 kHz; never ahead of it."""
    return position * sample_rate // SAMPLE_RATE


class Converter:
    """One session's audio. `received` counts client samples per channel."""

    def __init__(self, format: AudioFormat) -> None:
        self._decode = DECODERS[format.encoding]
        self._channels = format.channels
        self._resampler = None if format.sample_rate == SAMPLE_RATE else Resampler(format.sample_rate, format.channels)
        self.received = 0

    def push(self, payload: bytes) -> list[Samples]:
        """Whole samples of all channels in; what is ready out, of each channel. At most 10 ms are held back.

        How the audio is cut into payloads makes no difference. At 16 kHz, mono s16 comes back as a view of `payload`.
        """
        decoded = np.ascontiguousarray(self._decode(payload).reshape(-1, self._channels).T)
        self.received += decoded.shape[1]
        return list(self._resampler.push(decoded) if self._resampler else decoded)

    def flush(self) -> list[Samples]:
        """What is held back: after this `to_16k(received)` samples have come out. More may be pushed behind it."""
        if self._resampler:
            return list(self._resampler.flush())
        return [np.empty(0, np.int16) for _ in range(self._channels)]


# -- resampling ---------------------------------------------------------------------------------------------------

LOBES = 48
"""Zero crossings of the filter on each side: it holds back as many samples of the slower rate, at most 6 ms."""
STOPBAND_DB = 80
UNITY = 1 << 20
"""Coefficients are integers of this scale, so that their sums with int16 samples are exact in float64 in any order:
neither the cutting into chunks nor the way numpy adds makes a difference."""
PHASES = 2048
"""Most positions between two samples that a filter is kept for; an error below -66 dB at rates that need more."""
TILE = 256
"""Outputs made at once where each needs a filter of its own: what they gather stays in the cache."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Polyphase low-pass for one rate. Output n lies at input n * step / period; 47999 Hz has a period of 16000.

    reach: an output between inputs i and i + 1 is made of those from i + 1 - reach to i + reach.
    bank:  (phases, 2 * reach) integers, a row for each place of an output between two inputs.
    """

    period: int
    step: int
    reach: int
    bank: NDArray[np.float64]


@lru_cache(maxsize=16)
def design(sample_rate: int) -> Filter:
    """Kaiser-windowed sinc (Kaiser's formulas) whose stopband begins at half the slower rate; unity gain at DC."""
    divisor = math.gcd(sample_rate, SAMPLE_RATE)
    period, step = SAMPLE_RATE // divisor, sample_rate // divisor
    slowdown = max(1.0, sample_rate / SAMPLE_RATE)
    reach = math.ceil(LOBES * slowdown)
    phases = min(period, int(PHASES / slowdown))
    transition = (STOPBAND_DB - 7.95) / (2.285 * 2 * np.pi * 2 * LOBES)
    # From each tap to the output, in samples of the slower rate.
    distance = (np.arange(1 - reach, reach + 1) - np.arange(phases)[:, None] / phases) / slowdown
    window = np.i0(0.1102 * (STOPBAND_DB - 8.7) * np.sqrt(np.maximum(0, 1 - (distance / LOBES) ** 2)))
    bank = window * np.sinc((1 - transition) * distance)
    return Filter(period, step, reach, np.rint(bank / bank.sum(axis=1, keepdims=True) * UNITY))


class Resampler:
    """Any rate to 16 kHz, all channels in step. Keeps the input from the next output's first tap on."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._rate = sample_rate
        self._filter = design(sample_rate)
        self._received = 0
        self._made = 0
        self._first = 1 - self._filter.reach
        """Where in the input the first sample kept lies; before the start there is silence."""
        self._kept: Samples = np.zeros((channels, -self._first), np.int16)

    def push(self, samples: Samples) -> Samples:
        """(channels, n) in, (channels, m) out."""
        self._received += samples.shape[1]
        self._kept = np.concatenate((self._kept, samples), axis=1)
        # The outputs whose last tap has come: n * step // period + reach < received.
        ready = -(-(self._received - self._filter.reach) * SAMPLE_RATE // self._rate)
        return self._make(ready, self._kept)

    def flush(self) -> Samples:
        """Outputs up to the last input, as if that went on for ever, which is less of a jump than silence."""
        held = np.pad(self._kept, ((0, 0), (0, self._filter.reach)), mode="edge")
        return self._make(to_16k(self._received, self._rate), held)

    def _make(self, until: int, samples: Samples) -> Samples:
        made = _filtered(samples.astype(np.float64), self._first, range(self._made, until), self._filter)
        self._made = max(self._made, until)
        first = self._made * self._filter.step // self._filter.period + 1 - self._filter.reach
        self._kept = self._kept[:, first - self._first :].copy()
        self._first = first
        return np.clip(np.rint(made / UNITY), -32768, 32767).astype(np.int16)


def _filtered(samples: NDArray[np.float64], first: int, outputs: range, filter: Filter) -> NDArray[np.float64]:
    """The outputs that are asked for, of samples (channels, n) that begin at input `first`."""
    made = np.empty((len(samples), len(outputs)))
    if not outputs:
        return made
    windows = sliding_window_view(samples, filter.bank.shape[1], axis=1)
    skipped = first - 1 + filter.reach
    # einsum and not a matrix product: BLAS would bring its threads into play, which wait for each other for 20 ms
    # and more on a busy machine, and it would copy the windows.
    if len(outputs) >= 16 * filter.period:  # few phases: all outputs of one at a time
        for number in range(filter.period):
            position, fraction = divmod(outputs[number] * filter.step, filter.period)
            taps = windows[:, position - skipped :: filter.step]
            of_phase = made[:, number :: filter.period]
            np.einsum("cot,t->co", taps[:, : of_phase.shape[1]], filter.bank[fraction], out=of_phase)
    else:
        for start in range(0, len(outputs), TILE):
            tile = np.asarray(outputs[start : start + TILE])
            positions, fractions = np.divmod(tile * filter.step, filter.period)
            rows = filter.bank.take(fractions * len(filter.bank) // filter.period, axis=0)
            made[:, start : start + TILE] = np.einsum("cot,ot->co", windows[:, positions - skipped], rows)
    return made


# -- encodings ----------------------------------------------------------------------------------------------------


def _mulaw() -> Samples:
    """G.711 mu-law, all 256 codes: sign, three bits of exponent and four of mantissa, inverted."""
    code = ~np.arange(256, dtype=np.uint8)
    magnitude = (((code & 0x0F).astype(np.int32) << 3) + 0x84 << (code >> 4 & 7)) - 0x84
    samples: Samples = np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)
    return samples


def _alaw() -> Samples:
    """G.711 A-law, all 256 codes: every other bit inverted, and no exponent's worth of steps below the second."""
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent = code >> 4 & 7
    mantissa = ((code & 0x0F).astype(np.int32) << 4) + 8 + np.where(exponent > 0, 0x100, 0)
    magnitude = mantissa << np.maximum(exponent, 1) - 1
    samples: Samples = np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)
    return samples


MULAW, ALAW = _mulaw(), _alaw()


def _float(read: NDArray[np.floating]) -> Samples:
    """Full scale is 1.0; what is beyond is clipped, and NaN is silence."""
    scaled = np.clip(np.where(np.isnan(read), np.float32(0), read), -1, 1) * 32768
    samples: Samples = np.minimum(np.rint(scaled), 32767).astype(np.int16)
    return samples


DECODERS: dict[Encoding, Callable[[bytes], Samples]] = {
    "pcm_s16le": lambda payload: np.frombuffer(payload, "<i2"),
    "pcm_s32le": lambda payload: np.frombuffer(payload, "<i2")[1::2],  # the upper halves
    "pcm_f16le": lambda payload: _float(np.frombuffer(payload, "<f2").astype(np.float32)),
    "pcm_f32le": lambda payload: _float(np.frombuffer(payload, "<f4")),
    "mulaw": lambda payload: MULAW[np.frombuffer(payload, np.uint8)],
    "alaw": lambda payload: ALAW[np.frombuffer(payload, np.uint8)],
}
