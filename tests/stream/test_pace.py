"""stream/pace.py"""

import pytest

from stream.pace import GIVEN_UP_S, MOST_S, ROOM, TAKEN_UP_S, THINNED_S, UNTHINNED_S, Pace, Rung


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


def test_each_rung_holds_until_it_is_clearly_over():
    pace = paced(0.1)
    rungs = {}
    for talking in (*range(1, 40), *range(40, 0, -1)):
        pace.update(talking)
        assert pace.every_s <= MOST_S
        rungs.setdefault(pace.rung, []).append(talking * 0.1 * ROOM)
    assert pace.rung is Rung.KEEPING_UP
    assert min(rungs[Rung.FINALS_ONLY]) > TAKEN_UP_S
    assert max(rungs[Rung.THINNED]) <= GIVEN_UP_S
    assert min(rungs[Rung.THINNED]) > UNTHINNED_S
    assert max(rungs[Rung.KEEPING_UP]) <= THINNED_S


def test_who_is_alone_keeps_partials_however_slow_the_model_is():
    pace = paced(10.0)
    pace.update(1)
    assert pace.rung is Rung.THINNED
    pace.update(2)
    assert pace.rung is Rung.FINALS_ONLY


def test_a_slower_machine_is_noticed():
    pace = paced(0.01)
    for _ in range(100):
        pace.observe(1, 0.5)
    pace.update(4)
    assert pace.rung is Rung.THINNED
