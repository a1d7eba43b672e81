from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from steno.bench.reference import Span
from steno.bench.timing import tokens
from steno.bench.wer import errors
from tests.benchmarks.verdicts import judge, places, repeated


def spoken(text: str, start: float = 0.0) -> list[Span]:
    """A word a second."""
    return [Span(word, start + i, start + i + 1) for i, word in enumerate(text.split())]


def test_what_is_said_heard_lost_and_added() -> None:
    verdicts = judge(spoken("a b c d"), spoken("a x d"))
    pairs = [(verdict.said, verdict.heard) for verdict in verdicts if verdict.same]
    assert pairs == [(0, 0), (3, 2)]
    assert places(verdicts) == [1, 2]
    assert places(judge(spoken("a b"), spoken("a c b"))) == [0]


def test_of_several_ways_that_is_taken_where_times_fit() -> None:
    said = spoken("no no")
    assert [verdict.heard for verdict in judge(said, spoken("no"))] == [0, None]
    assert [verdict.heard for verdict in judge(said, spoken("no", 1.0))] == [None, 0]


def test_a_word_that_was_added_before_all_others_befell_the_first() -> None:
    assert places(judge(spoken("a b"), spoken("x a b"))) == [0]
    assert places(judge([], spoken("x"))) == [0]


@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), max_size=12))
def test_no_way_has_fewer_errors(said: list[str], heard: list[str]) -> None:
    verdicts = judge(spoken(" ".join(said)), spoken(" ".join(heard)))
    assert len(places(verdicts)) == errors(said, heard)
    assert [verdict.said for verdict in verdicts if verdict.said is not None] == list(range(len(said)))
    assert [verdict.heard for verdict in verdicts if verdict.heard is not None] == list(range(len(heard)))


def test_a_word_of_several_shares_its_time() -> None:
    assert tokens([Span("Twenty-one.", 1.0, 2.0)]) == [Span("twenty", 1.0, 1.5), Span("one", 1.5, 2.0)]


def test_only_what_was_not_said_twice_is_repeated() -> None:
    finals = [
        [Span(text, first + number, first + number + 1) for number, text in enumerate(texts)]
        for first, texts in ((0, "abc"), (3.1, "bcd"), (6.2, "d"))
    ]
    assert repeated(finals, [[False] * 3, [False] * 3, [False]]) == 0
    assert repeated(finals, [[False] * 3, [True, True, False], [False]]) == 2
    assert repeated(finals, [[False] * 3, [False] * 3, [True]]) == 1


def test_what_is_heard_again_behind_a_pause_is_another_word() -> None:
    finals = [[Span("a", 0, 1)], [Span("a", 1.5, 2)], []]
    assert repeated(finals, [[False], [True], []]) == 0
