from collections import Counter

import pytest

from steno.bench.corpus import Entry
from steno.bench.plan import PAUSE_S, RAMP_S, plan
from steno.bench.reference import Reference
from steno.recording import Recording


def entry(name, duration_s=4.0, language="en", rate=16_000):
    return Entry(Recording(name, rate, 1, duration_s), Reference(name, "", language))


def names(seat):
    return [entry.reference.file for session in seat.sessions for entry in session]


CORPUS = [entry(f"{number}", duration_s=1.0 + number) for number in range(6)]


def test_the_same_seed_gives_the_same_plan():
    assert plan(CORPUS, 3, seconds=30, seed=1) == plan(CORPUS, 3, seconds=30, seed=1)
    assert plan(CORPUS, 3, seconds=30, seed=1) != plan(CORPUS, 3, seconds=30, seed=2)


def test_without_a_length_each_recording_is_played_once_and_the_seats_share_them_evenly():
    seats = plan(CORPUS, 2)
    assert Counter(name for seat in seats for name in names(seat)) == Counter("012345")
    assert abs(seats[0].length_s - seats[1].length_s) <= 6 + PAUSE_S


def test_no_seat_is_empty():
    assert [len(names(seat)) for seat in plan(CORPUS, 10)] == [1] * 6


def test_all_seats_talk_from_the_ramps_end_as_long_as_was_asked_for():
    seats = plan(CORPUS, 5, seconds=60)
    assert len({seat.delay_s for seat in seats}) == 5
    for seat in seats:
        assert 0 <= seat.delay_s <= RAMP_S
        assert RAMP_S + 60 <= seat.delay_s + seat.length_s < RAMP_S + 60 + 6 + PAUSE_S


def test_who_comes_is_spread_over_the_ramp():
    seats = plan(CORPUS, 50, seconds=60, ramp_s=100)
    assert min(seat.delay_s for seat in seats) < 20
    assert max(seat.delay_s for seat in seats) > 80
    assert min(seat.delay_s + seat.length_s for seat in seats) >= 160


def test_no_recording_comes_again_before_all_were_played():
    [seat] = plan(CORPUS, 1, seconds=50)
    assert len(set(names(seat)[:6])) == 6
    assert len(names(seat)) > 6


@pytest.mark.parametrize("seconds", [None, 40])
def test_a_session_has_one_language_and_one_sample_rate(seconds):
    corpus = [*CORPUS, entry("de", language="de"), entry("narrow", rate=8000), entry("auch", language="de")]
    for seat in plan(corpus, 2, seconds=seconds):
        kinds = [{entry.kind for entry in session} for session in seat.sessions]
        assert all(len(each) == 1 for each in kinds)
        assert len(kinds) == len({kind for each in kinds for kind in each})


def test_each_recording_may_have_a_session_of_its_own():
    [seat] = plan(CORPUS, 1, separate=True)
    assert [len(session) for session in seat.sessions] == [1] * 6
