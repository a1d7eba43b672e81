"""stream/load.py"""

from stream.load import BUSY, FINALS, LATE_S, SPAN_S, Load


def test_idle_workers_have_room():
    assert Load(1).overload(100.0) is None


def test_a_worker_that_is_always_busy_has_none_until_the_span_is_over():
    load = Load(1)
    for second in range(20):
        load.stepped(second, second + 0.9)
    assert "90 %" in load.overload(20.0)
    assert load.overload(20.0 + SPAN_S) is None


def test_only_the_span_counts():
    load = Load(1)
    load.stepped(0.0, SPAN_S * BUSY - 0.1)
    assert load.overload(SPAN_S) is None
    load.stepped(SPAN_S - 0.3, SPAN_S)
    assert load.overload(SPAN_S) is not None
    assert load.overload(SPAN_S + 2) is None


def test_those_who_have_yet_to_show_what_they_take_count_half():
    load = Load(1)
    for second in range(10):
        load.stepped(second, second + 0.6)
    assert load.overload(10.0, unmeasured=0.8) is None
    assert "87 %" in load.overload(10.0, unmeasured=0.9)


def test_all_workers_count():
    load = Load(2)
    for second in range(10):
        load.stepped(second, second + 1)
    assert load.overload(10.0) is None


def test_late_finals_leave_no_room():
    load = Load(4)
    for _ in range(FINALS - 1):
        load.final(1.0, 1.1 + LATE_S)
    assert load.overload(3.0) is None
    load.final(1.0, 1.1)
    assert "4 of the last 5 finals" in load.overload(3.0)
    assert load.overload(1.2 + LATE_S + SPAN_S) is None


def test_one_late_final_in_twenty_is_forgiven():
    load = Load(4)
    for _ in range(19):
        load.final(1.0, 1.1)
    load.final(1.0, 1.1 + LATE_S)
    assert load.overload(2.0) is None
