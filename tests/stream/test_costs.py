"""stream/costs.py"""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.costs import KEYS, Costs


def test_what_is_unknown_costs_nothing_then_as_much_as_the_average_step():
    costs = Costs()
    assert costs.seconds("k", 3) == 0
    costs.observe("other", 2, 0.4)
    assert costs.seconds("k", 2) == pytest.approx(0.4)


def test_a_line_is_found_for_each_key():
    costs = Costs()
    for _ in range(20):
        for rows in (1, 2, 5):
            costs.observe("short", rows, 0.10 + 0.02 * rows)
            costs.observe("long", rows, 0.30 + 0.30 * rows)
    assert costs.seconds("short", 8) == pytest.approx(0.26, abs=0.01)
    assert costs.seconds("long", 8) == pytest.approx(2.7, abs=0.05)


def test_with_one_size_seen_half_of_a_step_is_shared():
    costs = Costs()
    for _ in range(5):
        costs.observe("k", 1, 0.2)
    assert costs.seconds("k", 3) == pytest.approx(0.4)


def test_it_follows_a_machine_that_gets_slower():
    costs = Costs()
    for seconds in [0.1] * 100 + [0.3] * 100:
        costs.observe("k", 1, seconds)
    assert costs.seconds("k", 1) == pytest.approx(0.3, abs=0.01)


@given(st.lists(st.tuples(st.integers(1, 16), st.floats(0.001, 5)), min_size=1), st.floats(0.001, 10))
def test_more_rows_never_cost_less(seen: list[tuple[int, float]], within: float):
    costs = Costs()
    for rows, seconds in seen:
        costs.observe("k", rows, seconds)
    line = [costs.seconds("k", rows) for rows in range(1, 17)]
    assert all(after >= before - 1e-9 for before, after in pairwise(line))
    rows = costs.rows("k", 16, within)
    assert rows == 1 or line[rows - 1] <= within
    assert rows == 16 or line[rows] > within


def test_keys_are_not_kept_for_ever():
    costs = Costs()
    for key in range(2 * KEYS):
        costs.observe(key, 1, float(key))
    assert costs.seconds(2 * KEYS - 1, 1) == 2 * KEYS - 1
    assert costs.seconds(0, 1) != 0
