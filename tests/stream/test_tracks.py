"""Frames in any order, late, lost and doubled: each sample lies where its time says, or nowhere."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from stream.tracks import Tracks

FRAME = 160
PATIENCE, SLACK = 8000, 800
NOTHING = b"\xff"


def tracks(count: int = 2) -> Tracks:
    return Tracks(count, silence=0xFF, patience=PATIENCE, slack=SLACK)


def frame(number: int) -> bytes:
    """Sound that tells which frame it is."""
    return bytes([1 + number % 200]) * FRAME


def place(laid: Tracks, track: int, *numbers: int) -> int:
    """How many samples are lost."""
    return sum(laid.place(track, number * FRAME, frame(number)) for number in numbers)


def interleaved(*each: bytes) -> bytes:
    return bytes(sample for samples in zip(*each, strict=True) for sample in samples)


def test_one_track_is_told_as_it_comes():
    laid = tracks(1)
    for number in range(3):
        place(laid, 0, number)
        assert laid.take() == frame(number)
    assert laid.take() == laid.drain() == b""


def test_two_tracks_are_told_once_both_have_come():
    laid = tracks()
    place(laid, 0, 0)
    assert laid.take() == b""
    place(laid, 1, 0)
    assert laid.take() == interleaved(frame(0), frame(0))
    place(laid, 1, 1, 2)
    place(laid, 0, 1)
    assert laid.take() == interleaved(frame(1), frame(1))


def test_tracks_need_not_begin_their_frames_together():
    laid = tracks()
    place(laid, 0, 0, 1)
    laid.place(1, 100, frame(7))
    assert laid.take() == interleaved(frame(0) + frame(1)[:100], NOTHING * 100 + frame(7))


def test_what_never_came_is_silence_and_shifts_nothing():
    laid = tracks(1)
    place(laid, 0, 0, 3)
    assert laid.take() == frame(0) + NOTHING * 2 * FRAME + frame(3)


def test_a_late_frame_finds_its_place_while_that_is_open():
    laid = tracks()
    place(laid, 0, 0, 2, 1)
    place(laid, 1, 0, 1, 2)
    assert laid.take() == interleaved(frame(0) + frame(1) + frame(2), frame(0) + frame(1) + frame(2))


def test_what_comes_too_late_or_twice_is_lost_and_counted():
    laid = tracks(1)
    place(laid, 0, 0, 2)
    laid.take()
    assert place(laid, 0, 1, 2) == 2 * FRAME
    assert laid.place(0, 2 * FRAME + 80, frame(3)) == 80
    assert laid.take() == frame(3)[80:]


def test_a_quiet_track_holds_up_the_other_for_a_second_at_most():
    laid = tracks()
    told = b""
    for number in range(100):
        place(laid, 0, number)
        told += laid.take()
        behind = (number + 1) * FRAME - len(told) // 2
        assert behind <= PATIENCE
    assert behind == SLACK
    # What it says next is there from its first sample on, and both go on in step.
    place(laid, 1, 97)
    told += laid.take()
    place(laid, 1, 98, 99)
    told += laid.take()
    assert len(told) == 2 * 100 * FRAME
    assert told[::2] == b"".join(frame(number) for number in range(100))
    assert told[1::2] == NOTHING * 97 * FRAME + frame(97) + frame(98) + frame(99)


def test_a_clock_that_is_uneven_by_less_than_half_a_frame_leaves_no_seams():
    laid = tracks(1)
    for number, uneven in enumerate((0, 79, -79, 8, -8, 0)):
        laid.place(0, number * FRAME + uneven, frame(number))
    assert laid.drain() == b"".join(map(frame, range(6)))


def test_a_clock_that_is_off_by_more_is_followed():
    laid = tracks(1)
    laid.place(0, 80, frame(0))
    laid.place(0, 80 + FRAME - 80, frame(1))
    assert laid.drain() == NOTHING * 80 + frame(0)[:80] + frame(1)


def test_an_empty_frame_is_nothing():
    laid = tracks(1)
    assert laid.place(0, 10**9, b"") == 0
    assert laid.end == 0
    assert laid.drain() == b""


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 3), st.lists(st.tuples(st.integers(0, 2), st.integers(0, 120)), max_size=80))
def test_in_any_order_every_sample_lies_at_its_time_or_is_counted_as_lost(count: int, frames: list[tuple[int, int]]):
    laid = tracks(count)
    expected = [bytearray(NOTHING * 121 * FRAME) for _ in range(count)]
    told = b""
    for track, number in frames:
        late = place(laid, track % count, number)
        at = number * FRAME
        assert late == min(FRAME, max(0, len(told) // count - at))
        expected[track % count][at + late : at + FRAME] = frame(number)[late:]
        told += laid.take()
        assert laid.end - len(told) // count <= PATIENCE
    told += laid.drain()
    assert len(told) == laid.end * count
    for track in range(count):
        assert told[track::count] == expected[track][: laid.end]
