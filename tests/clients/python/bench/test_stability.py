import pytest

from steno.bench.stability import revisions, stability
from tests.clients.python.bench.heard import segment


def test_what_was_taken_back_is_counted_from_the_first_change_on_and_word_by_word():
    shown = segment((1, "A b c"), (2, "A x c"), (3, "a x, c d"), final="A x d")
    found = stability([shown])
    # "b c" is erased for "x c", then "c d" for "d"; "b" and "c" are the words that did not stay.
    assert found.erasure == pytest.approx(4 / 3)
    assert found.unstable_words == pytest.approx(2 / 3)
    assert found.unstable_segments == 1


def test_segments_are_pooled_by_their_words():
    steady = segment((1, "one two"), (2, "one two three"), final="One, two, three.")
    flickering = segment((1, "for"), final="four")
    found = stability([steady, flickering])
    assert (found.erasure, found.unstable_words, found.unstable_segments) == (1 / 4, 1 / 4, 1 / 2)


def test_all_of_what_is_suppressed_was_shown_in_vain():
    found = stability([segment((1, "thank you"), suppressed=True), segment(final="yes")])
    assert (found.erasure, found.unstable_words) == (2, 2)


def test_nothing_is_known_without_finals():
    found = stability([segment((1, "lost"))])
    assert (found.erasure, found.unstable_words, found.unstable_segments, found.revised) == (None, None, None, 0)


@pytest.mark.parametrize(
    ("partials", "final", "broken"),
    [
        ([(1, "good", 0), (2, "could be", 5)], "could be", 0),
        ([(1, "good morning", 4)], "Good morning", 1),
        ([(1, "good", 4), (2, "goodness me", 0)], "good", 0),
        ([(1, "good", 4), (2, "good day", 0)], "bad day", 1),
        ([(1, "good", 4), (2, "bad day", 3)], "a day", 2),
    ],
    ids=["kept", "another letter", "begun alike", "promised long ago", "time and again"],
)
def test_promises_hold_to_the_letter_and_for_good(partials, final, broken):
    assert revisions(segment(*partials, final=final)) == broken
    assert stability([segment(*partials, final=final)]).revised == broken


def test_a_promise_of_what_is_suppressed_is_broken():
    assert revisions(segment((1, "good", 4), suppressed=True)) == 1
