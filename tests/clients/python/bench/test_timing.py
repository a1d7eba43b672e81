import pytest

from steno.bench.play import Play
from steno.bench.reference import Reference, Span
from steno.bench.timing import FinalLag, FirstLag, TimeError, WordLag, final_lags, first_lags, time_errors, word_lags
from tests.clients.python.bench.heard import segment, words

SAID = (Span("Good", 1.0, 1.4), Span("morning,", 1.4, 2.0), Span("twenty-four!", 2.2, 3.0))
REFERENCE = Reference("a.flac", "Good morning, twenty-four!", words=SAID)


def near(told):
    """Dataclasses of floats, compared as such."""
    return [pytest.approx([getattr(each, name) for name in each.__slots__]) for each in told]


def values(told):
    return [[getattr(each, name) for name in each.__slots__] for each in told]


def test_words_are_shown_when_they_stay_and_stable_once_promised():
    heard = segment(
        (1.9, "Good"),
        (2.5, "could morning"),
        (3.1, "Good morning", 4),
        start=1.0,
        end=3.0,
        final="Good morning, twenty-four.",
        final_at=3.6,
    )
    # "twenty" ends at 2.6: what is several words shares its time among them.
    assert values(word_lags(Play(REFERENCE, (heard,), began=10))) == near(
        [
            WordLag(11.4, shown=1.7, stable=1.7),
            WordLag(12.0, shown=0.5, stable=1.6),
            WordLag(12.6, shown=1.0, stable=1.0),
            WordLag(13.0, shown=0.6, stable=0.6),
        ]
    )


def test_a_promise_that_is_dropped_does_not_count():
    heard = segment((2, "good", 4), (3, "good", 0), start=1.0, end=2.0, final="good", final_at=4)
    [lag] = word_lags(Play(REFERENCE, (heard,)))
    assert (lag.shown, lag.stable) == (pytest.approx(0.6), pytest.approx(2.6))


def test_words_that_are_wrong_or_elsewhere_tell_nothing():
    wrong = segment(number=0, start=1.0, end=3.0, final="Good evening")
    far = segment(number=1, start=5.0, end=6.0, final="twenty four")
    assert [lag.at for lag in word_lags(Play(REFERENCE, (wrong, far)))] == [pytest.approx(1.4)]
    assert word_lags(Play(REFERENCE, (segment(suppressed=True),))) == []


def test_times_of_words_are_compared_with_those_of_the_same_words():
    timed = words(("Good", 1.1, 1.4), ("evening", 1.5, 2.0), ("twenty-four", 2.0, 3.2))
    heard = segment(final="Good evening twenty-four", words=timed)
    assert values(time_errors(Play(REFERENCE, (heard, segment(final="no words"))))) == near(
        [TimeError(0.1, 0.0), TimeError(0.2, 0.0), TimeError(0.0, 0.2)]
    )


def test_a_first_text_is_a_partial_or_else_the_final():
    heard = (
        segment((2.1, "good"), number=0, start=1.1, end=2.1, started_at=1.3, final="good morning", final_at=2.9),
        segment(number=1, start=2.4, end=3.0, started_at=2.5, final="twenty-four", final_at=3.6),
        segment(number=2, start=7.0, end=8.0, started_at=7.1, final="cough", final_at=8.6),
        segment(number=3, start=9.0, end=9.5, suppressed=True),
    )
    # The third is of no word that is near, the fourth never showed any.
    assert values(first_lags(Play(REFERENCE, heard, began=10))) == [
        *near([FirstLag(11.1, onset=1.1, started=0.8), FirstLag(12.4, onset=1.4, started=1.1)]),
        [17.0, None, pytest.approx(1.5)],
    ]


def test_finals_are_timed_where_a_pause_ended_speech():
    heard = (
        segment(number=0, start=1.1, end=2.1, ended_at=2.6, final="good morning", final_at=2.9),
        segment(number=1, start=2.4, end=3.0, final="twenty-four", final_at=3.6, reason="stop"),
        segment(number=2, start=7.0, end=8.0, ended_at=8.5, final="cough", final_at=8.6),
    )
    assert values(final_lags(Play(REFERENCE, heard, began=10))) == [
        *near([FinalLag(12.1, speech=0.9, endpoint=0.3, told=0.1)]),
        [18.0, None, pytest.approx(0.1), pytest.approx(0.1)],
    ]


def test_utterances_do_where_words_are_not_known():
    reference = Reference("a.flac", "Good morning", utterances=(Span("Good morning", 1.0, 2.0),))
    play = Play(reference, (segment(start=1.1, end=2.1, started_at=1.3, final="morning", final_at=2.9),))
    assert [lag.onset for lag in first_lags(play)] == [pytest.approx(1.9)]
    assert [lag.speech for lag in final_lags(play)] == [pytest.approx(0.9)]
    assert word_lags(play) == []
