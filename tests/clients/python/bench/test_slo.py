import pytest

from steno.bench.slo import search


def tried(first, most, capacity):
    """All numbers of sessions that are tried where so many are kept, and the outcome."""
    trials, numbers = search(first, most), []
    try:
        numbers.append(next(trials))
        while True:
            numbers.append(trials.send(numbers[-1] <= capacity))
    except StopIteration as found:
        return numbers, found.value


@pytest.mark.parametrize(
    ("first", "most", "capacity", "numbers", "found"),
    [
        (1, 64, 5, [1, 2, 4, 8, 6, 5], 5),
        (1, 64, 8, [1, 2, 4, 8, 16, 12, 10, 9], 8),
        (4, 64, 2, [4, 2, 3], 2),
        (1, 64, 0, [1], 0),
        (3, 64, 0, [3, 1], 0),
        (1, 6, 99, [1, 2, 4, 6], 6),
        (1, 6, 5, [1, 2, 4, 6, 5], 5),
        (8, 4, 99, [4], 4),
        (1, 1, 1, [1], 1),
        (100, 1000, 150, [100, 200, 150, 175, 162, 156], 150),
    ],
)
def test_doubles_and_bisects(first, most, capacity, numbers, found):
    assert tried(first, most, capacity) == (numbers, found)


def test_nothing_is_tried_twice_and_what_is_found_was_kept():
    for capacity in range(70):
        numbers, found = tried(1, 64, capacity)
        assert len(numbers) == len(set(numbers))
        assert found <= capacity
        assert found == 0 or found in numbers
        assert min(capacity, 64) - found <= found / 16
