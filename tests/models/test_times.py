from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.base import Word
from models.times import CLOSURE, fit, spoken_in, spread

spans = st.lists(st.tuples(st.integers(-100, 500), st.integers(-100, 500)), max_size=8)


@given(spans, st.integers(0, 100), st.integers(108, 400))
def test_fitted_words_lie_in_order_inside(times: list[tuple[int, int]], start: int, end: int) -> None:
    fitted = fit([Word("a", *span) for span in times], start, end)
    assert len(fitted) == len(times)
    edges = [start, *itertools.chain.from_iterable((word.start, word.end) for word in fitted), end]
    assert edges == sorted(edges)
    assert all(word.start < word.end for word in fitted)


@given(st.lists(st.integers(1, 50), max_size=8))
def test_words_that_fit_are_left_alone(lengths: list[int]) -> None:
    ends = list(itertools.accumulate(lengths))
    heard = tuple(Word("a", end - length, end) for length, end in zip(lengths, ends, strict=True))
    assert fit(heard, 0, 1_000) == heard


FAR = 2 * CLOSURE


@pytest.mark.parametrize(
    ("heard", "speech", "told"),
    [
        ((0, 5_000), [(3_000, 9_000)], (3_000, 5_000)),  # the silence before is not part of it
        ((4_000, 12_000), [(3_000, 9_000)], (4_000, 9_000)),  # nor what comes after
        ((8_900, 16_000), [(3_000, 9_000), (9_000 + FAR, 20_000)], (9_000 + FAR, 16_000)),  # most of it is the second
        ((4_000, 16_000), [(3_000, 9_000), (9_000 + CLOSURE, 20_000)], (4_000, 16_000)),  # a plosive inside
        ((100, 900), [(3_000, 9_000)], (100, 900)),  # nobody was heard to say it
        ((100, 900), [], (100, 900)),
    ],
)
def test_a_word_lies_where_somebody_speaks(
    heard: tuple[int, int], speech: list[tuple[int, int]], told: tuple[int, int]
) -> None:
    [word] = spoken_in([Word("a", *heard)], speech)
    assert (word.start, word.end) == told


@pytest.mark.parametrize(
    ("lengths", "speech", "told"),
    [
        ([1, 3], [], [(0, 2_000), (2_000, 8_000)]),
        ([1, 3], [(1_000, 5_000)], [(1_000, 2_000), (2_000, 5_000)]),
        ([1, 1], [(0, 1_000), (9_000, 10_000)], [(0, 1_000), (9_000, 10_000)]),
        ([1, 2, 1], [(0, 1_000), (9_000, 10_000)], [(0, 500), (500, 9_500), (9_500, 10_000)]),
        ([1, 1], [(0, 1_000), (1_000 + CLOSURE, 2_000 + CLOSURE)], [(0, 2_200), (2_200, 4_400)]),  # a plosive
        ([0, 0], [(0, 1_000)], [(0, 0), (0, 0)]),
        ([], [(0, 1_000)], []),
    ],
)
def test_words_without_times_share_the_speech(
    lengths: list[int], speech: list[tuple[int, int]], told: list[tuple[int, int]]
) -> None:
    assert spread(lengths, speech, 8_000) == told


@given(st.lists(st.integers(1, 20), min_size=1, max_size=8), st.lists(st.integers(CLOSURE + 1, 9_000), max_size=9))
def test_shares_lie_in_order_in_speech(lengths: list[int], edges: list[int]) -> None:
    ends = list(itertools.accumulate(edges))
    speech = list(zip(ends[::2], ends[1::2], strict=False))
    spans = spread(lengths, speech, 50_000)
    times = list(itertools.chain.from_iterable(spans))
    assert times == sorted(times)
    assert (times[0], times[-1]) == ((speech[0][0], speech[-1][1]) if speech else (0, 50_000))
