from __future__ import annotations

import tracemalloc
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from models.base import Samples
from stream.channel import Channel, Endpoint, Happening, Onset, Speech
from tests.vad.voice import silence, voice
from vad import registry
from vad.detector import Detector
from vad.endpointer import EndpointOptions, EndReason

OPTIONS = EndpointOptions()
CLIP = Path(__file__).parents[1] / "fixtures/clips/000000.flac"


class Loudness:
    """What is louder than -40 dB is speech."""

    def __init__(self, frame: int = 320) -> None:
        self.frame = frame

    def open(self) -> None:
        return None

    def score(self, frames: Samples, levels: Sequence[float], state: None) -> list[float]:
        return [float(level > -40) for level in levels]


def loudness(name: str) -> Detector[Any]:
    return Loudness()


def signal(*runs: tuple[float, int]) -> Samples:
    """Noise of runs (peak 0..1, samples), no two stretches of it alike."""
    rng = np.random.default_rng(0)
    return np.concatenate([rng.integers(-32767, 32768, length) * peak for peak, length in runs]).astype(np.int16)


def play(channel: Channel, samples: Samples, size: int) -> list[Happening]:
    told = []
    for start in range(0, len(samples), size):
        told += channel.push(samples[start : start + size])
    return told


def joined(told: Iterable[Happening]) -> list[Happening | tuple[bytes, bool]]:
    """Happenings with neighbouring Speech of one verdict put together, as values that compare."""
    values: list[Any] = []
    for happening in told:
        if not isinstance(happening, Speech):
            values.append(happening)
        elif values and isinstance(values[-1], tuple) and values[-1][1] == happening.speech:
            values[-1] = (values[-1][0] + happening.samples.tobytes(), happening.speech)
        else:
            values.append((happening.samples.tobytes(), happening.speech))
    return values


def utterances(told: Iterable[Happening]) -> list[tuple[Onset, Samples, Endpoint]]:
    """Each with all the audio that it was given; an open one at the end is an error."""
    ended = []
    onset, audio = None, []
    for happening in told:
        match happening:
            case Onset():
                assert onset is None
                onset, audio = happening, [np.empty(0, np.int16)]
            case Speech(samples):
                assert onset is not None
                assert len(samples)
                audio.append(samples)
            case Endpoint():
                assert onset is not None
                ended.append((onset, np.concatenate(audio), happening))
                onset = None
    assert onset is None
    return ended


def test_an_utterance_and_its_audio() -> None:
    heard = np.concatenate((silence(1), voice(1.5), silence(1)))
    channel = Channel(OPTIONS)
    told = channel.push(heard)
    ((onset, audio, endpoint),) = utterances(told)
    assert onset.at == pytest.approx(16_000, abs=800)
    assert onset.start == onset.at - 4_800
    assert endpoint.end == pytest.approx(40_000, abs=1_600)
    assert np.array_equal(audio, heard[onset.start : endpoint.decided])
    assert [happening.speech for happening in told if isinstance(happening, Speech)] == [False, True, False]
    assert channel.speech == endpoint.end - onset.at
    assert channel.position == len(heard)


@pytest.mark.parametrize("size", [160, 512, 1_600, 8_000])
def test_an_utterance_in_frames_of_32_ms(size: int) -> None:
    """The clip's first word begins at 0.503 s, its last ends at 3.676 s."""
    heard = np.concatenate((soundfile.read(CLIP, dtype="int16")[0], silence(1)))
    options = replace(OPTIONS, vad="silero")
    whole, channel = Channel(options), Channel(options)
    told = play(channel, heard, size)
    assert joined(told) == joined(whole.push(heard))
    ((onset, audio, endpoint),) = utterances(told)
    assert onset.at % 512 == endpoint.end % 512 == 0
    assert onset.at == pytest.approx(0.503 * 16_000, abs=2_400)
    assert onset.start == onset.at - 4_800
    assert endpoint.end == pytest.approx(3.676 * 16_000, abs=4_800)
    assert endpoint.decided == endpoint.end + 16 * 512
    assert np.array_equal(audio, heard[onset.start : endpoint.decided])


def test_audio_is_handed_out_as_it_comes() -> None:
    channel = Channel(OPTIONS, loudness)
    channel.push(signal((0.5, 3_200)))
    (piece,) = channel.push(signal((0.5, 640)))
    assert isinstance(piece, Speech)
    assert len(piece.samples) == 640


def test_audio_outlives_the_pushed_buffer() -> None:
    channel = Channel(OPTIONS, loudness)
    heard = signal((0.5, 3_200))
    pushed = heard.copy()
    (_, piece) = channel.push(pushed)
    pushed[:] = 0
    channel.push(silence(1))
    assert isinstance(piece, Speech)
    assert np.array_equal(piece.samples, heard)


@pytest.mark.parametrize("reason", ["finalize", "stop"])
def test_cut_is_exact_to_the_sample(reason: EndReason) -> None:
    channel = Channel(OPTIONS, loudness)
    heard = signal((0.5, 10_001))
    ((_, audio, endpoint),) = utterances(channel.push(heard) + channel.cut(reason))
    assert np.array_equal(audio, heard)
    assert endpoint == Endpoint(end=10_001, last=10_001, decided=10_001, reason=reason)
    assert channel.settled == 10_001


def test_speech_goes_on_behind_a_cut() -> None:
    channel = Channel(OPTIONS, loudness)
    heard = signal((0.5, 20_000))
    told = channel.push(heard[:10_001]) + channel.cut("finalize") + channel.push(heard[10_001:]) + channel.cut("stop")
    (_, (onset, audio, _)) = utterances(told)
    assert onset == Onset(at=10_001, start=10_001)
    assert np.array_equal(audio, heard[10_001:])


def test_cut_of_silence_opens_nothing() -> None:
    channel = Channel(OPTIONS, loudness)
    assert channel.push(signal((0.0, 5_000), (0.5, 900))) + channel.cut("finalize") == []
    assert channel.push(signal((0.5, 100), (0.0, 20_000))) + channel.cut("stop") == []
    assert channel.settled == channel.position == 26_000


def test_too_long_an_utterance_goes_on_in_the_next() -> None:
    channel = Channel(replace(OPTIONS, max_segment_s=12), loudness)
    heard = signal((0.5, 146_000), (0.1, 3_200), (0.5, 200_000))
    (first, second, third) = utterances(play(channel, heard, 1_600) + channel.cut("stop"))
    assert 146_000 <= first[2].last <= 149_200
    assert np.array_equal(second[1], heard[second[0].start : second[2].decided])
    assert second[0].start == second[0].at == first[2].last
    assert third[0].start == second[2].last
    assert channel.speech == len(heard)


def test_configure_waits_for_the_next_utterance() -> None:
    channel = Channel(OPTIONS, loudness)
    told = channel.push(signal((0.5, 6_400)))
    channel.configure(replace(OPTIONS, silence_ms=100))
    pause = signal((0.0, 6_400))
    told += channel.push(pause) + channel.push(signal((0.5, 6_400))) + channel.push(signal((0.0, 8_000)))
    assert len(utterances(told)) == 1
    ((_, _, endpoint),) = utterances(channel.push(signal((0.5, 6_400))) + channel.push(pause))
    assert endpoint.decided == endpoint.end + 1_600


def test_configure_changes_the_detector_between_utterances(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.DETECTORS, "coarse", registry.DETECTORS["webrtc"])
    channel = Channel(OPTIONS, lambda name: Loudness(512 if name == "coarse" else 320))
    speech, pause = signal((0.5, 6_400)), signal((0.0, 8_200))
    told = channel.push(speech)
    channel.configure(replace(OPTIONS, vad="coarse"))
    (first, second) = utterances(told + channel.push(np.concatenate((pause, speech, pause, pause))))
    assert first[2].decided - first[0].at == 45 * 320
    assert (second[2].decided - first[2].decided) % 512 == 0
    assert second[0].at == pytest.approx(14_600, abs=512)


def test_without_endpointing_only_cuts_end_an_utterance() -> None:
    channel = Channel(None, loudness)
    told = channel.push(signal((0.0, 8_000), (0.5, 8_000), (0.0, 160_000)))
    assert not any(isinstance(happening, Endpoint) for happening in told)
    ((_, _, endpoint),) = utterances(told + channel.cut("finalize"))
    assert (endpoint.end, endpoint.last) == (16_000, 19_200)


def test_memory_is_bounded() -> None:
    channel = Channel(OPTIONS, loudness)
    second = signal((0.5, 16_000))
    tracemalloc.start()
    try:
        for number in range(120):
            channel.push(second if number % 50 else second * 0)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 500_000


runs = st.lists(st.tuples(st.sampled_from([0.0, 0.02, 0.5]), st.integers(1, 40_000)), min_size=1, max_size=8)
options = st.none() | st.builds(
    EndpointOptions,
    silence_ms=st.integers(20, 600),
    min_speech_ms=st.integers(0, 200),
    preroll_ms=st.integers(0, 1_000),
    max_segment_s=st.floats(2, 5),
)


@settings(max_examples=60, deadline=None)
@given(
    runs,
    options,
    st.lists(st.integers(0, 200_000), max_size=3),
    st.sampled_from([160, 333, 4_800, 50_000]),
    st.sampled_from([320, 512]),
)
def test_any_signal_is_tiled_whatever_the_chunks(
    runs: list[tuple[float, int]], options: EndpointOptions | None, cuts: list[int], size: int, frame: int
) -> None:
    heard = signal(*runs)
    bounds = sorted({0, len(heard), *(cut for cut in cuts if cut < len(heard))})
    whole, chunked = (Channel(options, lambda name: Loudness(frame)) for _ in range(2))
    told: list[Happening] = []
    other: list[Happening] = []
    settled: list[int] = []
    for start, end in pairwise(bounds):
        told += whole.push(heard[start:end]) + whole.cut("finalize")
        for at in range(start, end, size):
            fresh = chunked.push(heard[at : min(at + size, end)])
            starts = [happening.start for happening in fresh if isinstance(happening, Onset)]
            assert all(start >= settled[-1] for start in starts if settled)
            settled.append(chunked.settled)
            other += fresh
        other += chunked.cut("finalize")
        assert chunked.settled == end
        settled.append(end)
    assert joined(told) == joined(other)
    assert settled == sorted(settled)
    ended = utterances(told)
    for onset, audio, endpoint in ended:
        assert 0 <= onset.start <= onset.at < endpoint.end <= endpoint.last <= endpoint.decided
        assert endpoint.last - onset.start <= (options or OPTIONS).max_segment_s * 16_000
        assert onset.start + len(audio) == endpoint.decided
        assert np.array_equal(audio, heard[onset.start : endpoint.decided])
    for (_, _, before), (after, _, _) in pairwise(ended):
        assert after.start >= before.last
    assert whole.speech == sum(endpoint.end - onset.at for onset, _, endpoint in ended)
