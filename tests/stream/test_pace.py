"""stream/pace.py"""

import pytest

from stream.pace import LATE_S, MOST_S, ROOM, SELDOM_S, THINNED_S, UNTHINNED_S, Pace, Rung


def paced(row_s: float) -> Pace:
    pace = Pace()
    pace.observe(4, 4 * row_s)
    return pace


def test_alone_there_is_no_need_to_wait():
    pace = paced(0.05)
    pace.update(1)
    assert pace.every_s == pytest.approx(0.05 * ROOM)
    assert pace.rung is Rung.KEEPING_UP


def test_partials_come_as_often_as_all_can_be_served():
    pace = paced(0.05)
    for talking in range(1, 20):
        pace.update(talking)
        assert talking * 0.05 / pace.every_s <= 1 / ROOM + 1e-9


def test_thinned_holds_until_it_is_clearly_over():
    pace = paced(0.1)
    wanted = {}
    for talking in (*range(1, 40), *range(40, 0, -1)):
        pace.update(talking)
        assert pace.every_s <= MOST_S
        wanted.setdefault(pace.rung, []).append(talking * 0.1 * ROOM)
    assert pace.rung is Rung.KEEPING_UP
    assert min(wanted[Rung.THINNED]) > UNTHINNED_S
    assert max(wanted[Rung.KEEPING_UP]) <= THINNED_S
    assert wanted.keys() == {Rung.KEEPING_UP, Rung.THINNED}


def finals(pace: Pace, seconds: float) -> int:
    """Finals that come so late until the rung changes."""
    before = pace.rung
    for count in range(1, 100):
        pace.final(seconds)
        pace.update(4)
        if pace.rung is not before:
            return count
    raise AssertionError(f"still {before.name}")


def test_partials_are_given_up_when_finals_are_late_and_only_then():
    pace = paced(0.01)
    assert 2 <= finals(pace, LATE_S + 0.1) <= 6
    assert (pace.rung, pace.every_s) == (Rung.SELDOM, SELDOM_S)
    assert 10 <= finals(pace, LATE_S) <= 40
    assert pace.rung is Rung.KEEPING_UP


def test_who_is_alone_keeps_partials_however_slow_the_model_is():
    pace = paced(10.0)
    for _ in range(20):
        pace.final(10.0)
    pace.update(1)
    assert pace.rung is Rung.THINNED
    pace.update(2)
    assert pace.rung is Rung.SELDOM


def test_a_slower_machine_is_noticed():
    pace = paced(0.01)
    for _ in range(100):
        pace.observe(1, 0.5)
    pace.update(4)
    assert pace.rung is Rung.THINNED
