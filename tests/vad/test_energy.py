from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vad.energy import SILENCE_DB, NoiseFloor, levels


def test_levels_are_relative_to_full_scale() -> None:
    square = np.full((1, 320), -32768, np.int16)
    sine = np.rint(32767 * np.sin(2 * np.pi * np.arange(320) / 32)).astype(np.int16)[None]
    assert levels(square) == [pytest.approx(0)]
    assert levels(sine) == [pytest.approx(-3.01, abs=0.01)]
    assert levels(sine // 10) == [pytest.approx(-23.0, abs=0.1)]


def test_silence_has_a_level_below_all_others() -> None:
    frames = np.zeros((2, 320), np.int16)
    frames[1, 7] = 1
    silent, faint = levels(frames)
    assert silent == SILENCE_DB < faint


def test_floor_follows_down_at_once_and_up_after_its_span() -> None:
    floor = NoiseFloor(span=3)
    assert [floor.push(level) for level in (-30, -60, -30, -30, -30, -30)] == [-30, -60, -60, -60, -60, -60]
    assert floor.push(-30) == -30


@given(st.lists(st.floats(-120, 0), min_size=1, max_size=60), st.integers(1, 8))
def test_floor_is_the_least_of_its_span_or_of_twice_that(heard: list[float], span: int) -> None:
    floor = NoiseFloor(span)
    for count, level in enumerate(heard, 1):
        assert (
            min(heard[max(0, count - 2 * span) : count])
            <= floor.push(level)
            <= min(heard[max(0, count - span) : count])
        )
