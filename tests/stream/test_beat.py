"""stream/beat.py"""

import pytest

from stream.beat import Beat


def test_the_first_step_waits_for_nothing():
    assert Beat(0.08).rest_s(0.0) == 0.0


@pytest.mark.parametrize(("step_s", "distance"), [(0.01, 0.02), (0.03, 0.06), (0.06, 0.08), (0.2, 0.08)])
def test_steps_take_half_of_the_time_and_miss_no_tick(step_s, distance):
    beat = Beat(0.08)
    beat.stepped(5.0, 5.0 + step_s)
    assert beat.rest_s(5.0) == pytest.approx(distance)
    assert beat.rest_s(5.0 + distance + 1e-9) == 0.0
