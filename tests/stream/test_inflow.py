"""Reading a file that is still being written; more of it is seen in test_unpack.py."""

from __future__ import annotations

import io

import pytest

from stream.inflow import Inflow, bare
from tests.stream.recordings import wav

SAMPLES = bytes(range(200))


def test_the_start_is_read_again_and_each_wait_is_told():
    waits: list[int] = []
    flow = Inflow(io.BytesIO(b"abcdef"), lambda taken: not waits.append(taken))
    assert (flow.start(2), flow.start(4), flow.start(1)) == (b"ab", b"abcd", b"abcd")
    assert (flow.read(3), flow.read(3), flow.read(3)) == (b"abc", b"d", b"ef")
    assert not flow.ended
    assert (flow.read(3), flow.ended) == (b"", True)
    assert waits == [0, 2, 4, 6]


def test_it_ends_where_no_more_is_wanted_though_the_file_goes_on():
    flow = Inflow(io.BytesIO(SAMPLES), lambda taken: taken < 100)
    assert len(flow.read(100)) == 100
    assert (flow.read(100), flow.ended) == (b"", False)


def test_a_wavs_samples_are_all_that_is_left_of_it():
    flow = Inflow(io.BytesIO(wav(SAMPLES, rate=8000, channels=2) + b"LIST"), lambda taken: True)
    options = {"format_whitelist": "s16le", "sample_rate": "8000", "ch_layout": "stereo"}
    assert bare(flow) == ("s16le", options)
    assert b"".join(iter(lambda: flow.read(64), b"")) == SAMPLES


@pytest.mark.parametrize("says", [0, 0xFFFF_FFFF])
def test_of_a_wav_that_does_not_know_its_length_all_that_comes_counts(says: int):
    flow = Inflow(io.BytesIO(wav(SAMPLES, says=says)), lambda taken: True)
    assert bare(flow)
    assert b"".join(iter(lambda: flow.read(64), b"")) == SAMPLES


@pytest.mark.parametrize(
    "content",
    [
        wav(SAMPLES, kind=7, bits=8),
        wav(SAMPLES, bits=12),
        wav(SAMPLES)[:30],
        b"RIFF\0\0\0\0WAVE" + b"LIST\0\1\0\0" * 90,
    ],
    ids=["mu-law", "12 bits", "cut", "no samples"],
)
def test_what_is_no_pcm_is_left_as_it_came(content: bytes):
    flow = Inflow(io.BytesIO(content), lambda taken: True)
    assert bare(flow) is None
    assert b"".join(iter(lambda: flow.read(64), b"")) == content
