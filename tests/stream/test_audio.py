from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from models.base import Samples
from stream.audio import AudioFormat, Converter, Encoding, design, from_16k, to_16k

RATES = [8_000, 8_001, 11_025, 12_000, 15_999, 16_001, 22_050, 24_000, 32_000, 44_100, 47_999, 48_000]
HELD_S = 0.01


def tones(sample_rate: int, seconds: float, highest: float) -> Samples:
    """Tones spread up to a share of the band that both the rate and 16 kHz have."""
    time = np.arange(round(sample_rate * seconds)) / sample_rate
    band = min(sample_rate, 16_000) / 2
    sound = sum(np.sin(2 * np.pi * hertz * time + hertz) for hertz in np.linspace(60, highest * band, 20))
    return np.rint(sound * 1_500).astype("<i2")


def convert(format: AudioFormat, payload: bytes) -> list[Samples]:
    converter = Converter(format)
    pieces = zip(converter.push(payload), converter.flush(), strict=True)
    return [np.concatenate(piece) for piece in pieces]


def in_pieces(format: AudioFormat, payload: bytes, sizes: list[int]) -> list[Samples]:
    """As `convert`, in payloads of so many samples, over and over."""
    converter = Converter(format)
    pieces = []
    start = number = 0
    while start < len(payload):
        end = start + sizes[number % len(sizes)] * format.sample_bytes
        pieces.append(converter.push(payload[start:end]))
        start, number = end, number + 1
    pieces.append(converter.flush())
    return [np.concatenate(piece) for piece in zip(*pieces, strict=True)]


def decibels(error: Samples, of: Samples) -> float:
    ratio: float = 10 * np.log10(np.mean(np.square(error, dtype=float)) / np.mean(np.square(of, dtype=float)))
    return ratio


# -- formats ------------------------------------------------------------------------------------------------------


def test_sample_bytes_are_of_all_channels() -> None:
    assert AudioFormat().sample_bytes == 2
    assert AudioFormat("pcm_f32le", 48_000, 2).sample_bytes == 8
    assert AudioFormat("mulaw", 8_000, 8).sample_bytes == 8


@pytest.mark.parametrize(
    ("field", "format"),
    [
        ("encoding", ("opus", 16_000, 1)),
        ("sample_rate", ("mulaw", 7_999, 1)),
        ("sample_rate", ("mulaw", 48_001, 1)),
        ("channels", ("mulaw", 8_000, 0)),
        ("channels", ("mulaw", 8_000, 9)),
    ],
)
def test_unreadable_format_is_named(field: str, format: tuple[Encoding, int, int]) -> None:
    with pytest.raises(ValueError, match=field):
        AudioFormat(*format)


def test_mono_s16_at_16k_is_not_copied() -> None:
    payload = np.arange(-800, 800, dtype="<i2").tobytes()
    (samples,) = Converter(AudioFormat()).push(payload)
    assert np.shares_memory(samples, np.frombuffer(payload, np.int16))
    assert samples.tobytes() == payload


def test_channels_are_taken_apart() -> None:
    converter = Converter(AudioFormat(channels=3))
    channels = converter.push(np.arange(12, dtype="<i2").tobytes())
    assert [channel.tolist() for channel in channels] == [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8, 11]]
    assert all(channel.flags.c_contiguous for channel in channels)
    assert converter.received == 4
    assert [len(channel) for channel in converter.flush()] == [0, 0, 0]


def test_floats_are_made_harmless() -> None:
    floats = [0.0, 0.5, -0.5, 1.0, -1.0, 3e38, -3e38, np.inf, -np.inf, np.nan, 1e-40]
    signalling_nan = bytes.fromhex("0100a07f")
    (samples,) = Converter(AudioFormat("pcm_f32le")).push(np.array(floats, "<f4").tobytes() + signalling_nan)
    top, bottom = 32_767, -32_768
    assert samples.tolist() == [0, 16_384, -16_384, top, bottom, top, bottom, top, bottom, 0, 0, 0]


def test_half_floats_are_made_harmless_too() -> None:
    floats = [0.0, 0.5, -0.5, 1.0, -1.0, 6e4, np.inf, -np.inf, np.nan, 6e-8]
    signalling_nan = bytes.fromhex("017c")
    (samples,) = Converter(AudioFormat("pcm_f16le")).push(np.array(floats, "<f2").tobytes() + signalling_nan)
    top, bottom = 32_767, -32_768
    assert samples.tolist() == [0, 16_384, -16_384, top, bottom, top, top, bottom, 0, 0, 0]


def test_of_wide_integers_the_upper_half_is_taken() -> None:
    wide = np.array([0, 0x12345678, -0x12345678, 2**31 - 1, -(2**31), 1, -1], "<i4")
    first, second = Converter(AudioFormat("pcm_s32le", channels=2)).push(np.stack([wide, -wide], axis=1).tobytes())
    assert first.tolist() == [0, 0x1234, -0x1235, 32_767, -32_768, 0, -1]
    assert second.tolist() == [0, -0x1235, 0x1234, -32_768, -32_768, -1, 0]


def test_mulaw_decodes_as_g711_has_it() -> None:
    codes = {0x00: -32_124, 0x80: 32_124, 0x7F: 0, 0xFF: 0, 0x7E: -8, 0xFE: 8, 0x0F: -16_764, 0xF0: 120, 0xEF: 132}
    (samples,) = Converter(AudioFormat("mulaw")).push(bytes(codes))
    assert samples.tolist() == list(codes.values())


def test_alaw_decodes_as_g711_has_it() -> None:
    codes = {0x2A: -32_256, 0xAA: 32_256, 0x55: -8, 0xD5: 8, 0x54: -24, 0xD4: 24, 0xC5: 264, 0xDA: 248, 0xF5: 528}
    (samples,) = Converter(AudioFormat("alaw")).push(bytes(codes))
    assert samples.tolist() == list(codes.values())


@pytest.mark.parametrize("encoding", ["mulaw", "alaw"])
def test_companded_codes_come_in_pairs_of_either_sign(encoding: Encoding) -> None:
    (samples,) = Converter(AudioFormat(encoding)).push(bytes(range(256)))
    assert np.array_equal(samples[:128], -samples[128:])
    assert len(set(samples.tolist())) == (255 if encoding == "mulaw" else 256)


# -- positions ----------------------------------------------------------------------------------------------------


@given(st.integers(0, 10**10), st.integers(8_000, 48_000))
def test_positions_are_floors_and_never_run_ahead(samples: int, sample_rate: int) -> None:
    position = to_16k(samples, sample_rate)
    assert position == Fraction(samples * 16_000, sample_rate) // 1
    assert samples - sample_rate / 16_000 - 1 <= from_16k(position, sample_rate) <= samples


# -- resampling ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample_rate", RATES)
def test_agrees_with_soxr_to_60_db(sample_rate: int) -> None:
    heard = tones(sample_rate, 1.5, highest=0.88)
    (ours,) = convert(AudioFormat(sample_rate=sample_rate), heard.tobytes())
    theirs = soxr.resample(heard.astype(np.float64), sample_rate, 16_000, quality="VHQ")
    inside = slice(1_000, min(len(ours), len(theirs)) - 1_000)
    assert decibels(ours[inside] - theirs[inside], of=theirs[inside]) < -60


@pytest.mark.parametrize("sample_rate", [24_000, 44_100, 47_999, 48_000])
def test_what_16k_cannot_hold_is_gone(sample_rate: int) -> None:
    time = np.arange(sample_rate // 2) / sample_rate
    sound = sum(np.sin(2 * np.pi * hertz * time + hertz) for hertz in np.arange(8_050, sample_rate / 2, 490))
    (ours,) = convert(AudioFormat(sample_rate=sample_rate), np.rint(sound * 500).astype("<i2").tobytes())
    assert np.abs(ours[500:-500]).max() <= 2


@pytest.mark.parametrize("sample_rate", [8_000, 11_025, 48_000])
def test_passband_is_flat(sample_rate: int) -> None:
    bank = design(sample_rate).bank
    response = np.abs(np.fft.rfft(bank, 4_096, axis=1)) / 2**20
    passband = response[:, : int(4_096 * 0.88 * min(sample_rate, 16_000) / 2 / sample_rate)]
    assert np.abs(20 * np.log10(passband)).max() < 0.01


@pytest.mark.parametrize("sample_rate", RATES)
def test_sums_are_exact(sample_rate: int) -> None:
    bank = design(sample_rate).bank
    assert np.array_equal(bank, np.rint(bank))
    assert np.abs(bank).sum(axis=1).max() * 32_768 < 2**53


@pytest.mark.parametrize("sample_rate", RATES)
def test_little_is_held_back(sample_rate: int) -> None:
    converter = Converter(AudioFormat(sample_rate=sample_rate))
    come = 0
    for chunk in range(1, 60):
        come += len(converter.push(bytes(2 * chunk))[0])
        assert converter.received / sample_rate - come / 16_000 <= HELD_S


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(RATES) | st.integers(8_000, 48_000),
    st.integers(1, 3),
    st.lists(st.integers(1, 3_000), min_size=1, max_size=5),
)
def test_chunks_make_no_difference(sample_rate: int, channels: int, sizes: list[int]) -> None:
    heard = np.random.default_rng(0).integers(-32_768, 32_768, (sample_rate // 10, channels)).astype("<i2")
    format = AudioFormat(sample_rate=sample_rate, channels=channels)
    whole = convert(format, heard.tobytes())
    assert all(len(channel) == to_16k(len(heard), sample_rate) for channel in whole)
    for one, other in zip(whole, in_pieces(format, heard.tobytes(), sizes), strict=True):
        assert np.array_equal(one, other)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(RATES), st.lists(st.integers(0, 900), min_size=1, max_size=12))
def test_flush_gives_every_sample_and_the_signal_goes_on(sample_rate: int, sizes: list[int]) -> None:
    heard = tones(sample_rate, sum(sizes) / sample_rate, highest=0.5)
    format = AudioFormat(sample_rate=sample_rate)
    (whole,) = convert(format, heard.tobytes())
    converter = Converter(format)
    come = np.empty(0, np.int16)
    tails = np.zeros(len(whole), bool)
    for size in sizes:
        payload = heard[converter.received : converter.received + size].tobytes()
        come = np.concatenate((come, *converter.push(payload)))
        held = len(come)
        come = np.concatenate((come, *converter.flush()))
        assert len(come) == to_16k(converter.received, sample_rate)
        tails[held : len(come)] = True
    assert np.array_equal(come[~tails], whole[~tails])


def test_flush_makes_no_click() -> None:
    heard = np.rint(10_000 * np.sin(2 * np.pi * 300 * np.arange(16_000) / 8_000)).astype("<i2")
    (whole,) = convert(AudioFormat(sample_rate=8_000), heard.tobytes())
    converter = Converter(AudioFormat(sample_rate=8_000))
    pieces = [converter.push(heard[:5_003].tobytes()), converter.flush(), converter.push(heard[5_003:].tobytes())]
    cut = np.concatenate([*(piece[0] for piece in pieces), converter.flush()[0]])
    steps = np.abs(np.diff(whole.astype(int)))
    assert np.abs(np.diff(cut.astype(int))).max() < 1.5 * steps.max()


def test_full_scale_is_clipped_and_does_not_wrap() -> None:
    heard = np.where(np.arange(4_000) // 20 % 2, 32_767, -32_768).astype("<i2")
    (samples,) = convert(AudioFormat(sample_rate=8_000), heard.tobytes())
    expected = np.where(np.arange(8_000) // 40 % 2, 1, -1)
    inner = np.arange(8_000) % 40 // 8 == 2
    assert np.array_equal(np.sign(samples[inner]), expected[inner])
