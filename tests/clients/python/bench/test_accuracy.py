import pytest

from steno.bench.accuracy import accuracy, tax
from steno.bench.play import Play
from steno.bench.reference import Reference
from tests.clients.python.bench.heard import segment


def play(file, said, *finals):
    return Play(Reference(file, said), tuple(segment(number=n, final=each) for n, each in enumerate(finals)))


PLAYS = [
    play("a", "One two three four.", "one two", "Tree four"),
    play("b", "five six", "five six seven"),
    play("a", "One two three four.", "one two three for"),
    play("c", "", "hello"),
]


def test_errors_are_pooled_over_all_that_was_played():
    found = accuracy(PLAYS)
    assert (found.files, found.words, found.errors, found.wer) == (3, 10, 4, 40.0)


def test_nothing_said_is_no_rate():
    assert accuracy(PLAYS[3:]).wer is None
    assert tax(PLAYS[3:], {"c": ""}) is None


def test_streaming_costs_what_offline_texts_have_right():
    found = tax(PLAYS, {"a": "one two three four", "b": "six", "c": ""})
    # 4 errors of 10 words streamed, 1 offline.
    assert (found.offline_wer, found.points) == (pytest.approx(10), pytest.approx(30))
    # Of one file alone: "a" costs 2 errors of 8 words, "b" none, "c" an error without a word.
    assert found.low == pytest.approx(0)
    assert found.high >= 30


def test_nothing_is_lost_where_both_hear_alike():
    found = tax(PLAYS, {"a": "one two three for", "b": "five six seven", "c": "hello"})
    assert (found.points, found.low, found.high) == (0, 0, 0)
