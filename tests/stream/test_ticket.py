"""stream/ticket.py"""

import numpy as np
import pytest

from models.base import DecodeOptions, Hypothesis, Word
from stream.messages import Begin, Cancel, Finish, Push
from stream.ticket import DEATHS, Decoded, GaveUp, Progress, Restarted, Ticket

WORD = Word(" so", 0, 90, 0.5)


@pytest.fixture
def updates():
    return []


@pytest.fixture
def orders():
    return []


@pytest.fixture
def ticket(updates, orders):
    return Ticket(7, DecodeOptions(), updates.append, orders.append, carry="c", live=False)


def push(ticket, length=100):
    ticket.push(np.arange(length, dtype=np.int16), True)


def begun(**fields):
    fields = {"live": False, "solo": False, "stable": (), "carry": "c", "so_far": (), **fields}
    return Begin(7, options=DecodeOptions(), **fields)


def test_orders_are_kept_for_a_replay_with_the_stable_words(ticket, orders):
    ticket.replay()
    push(ticket)
    ticket.finish(95)
    ordered = [Push(7, np.arange(100, dtype=np.int16).tobytes(), True), Finish(7, 95)]
    assert orders == [begun(), *ordered]
    ticket.hear(Hypothesis(words=(WORD,), agreed=1, covers=100), 1.0, 2.0)
    ticket.fail("it died", blamed=True)
    ticket.replay()
    assert orders[3:] == [begun(solo=True, stable=(WORD,), so_far=tuple(ordered))]


def test_the_innocent_are_not_left_alone(ticket, orders):
    for _ in range(2 * DEATHS):
        ticket.fail("it died", blamed=False)
    ticket.replay()
    assert orders == [begun(solo=False)]


def test_speech_without_text_is_counted_until_text_grows(ticket):
    push(ticket)
    ticket.push(np.zeros(50, np.int16), False)
    push(ticket)
    assert ticket.unsaid == 200
    ticket.hear(Hypothesis(words=(), covers=200), 1.0, 2.0)
    ticket.hear(Hypothesis(words=(WORD,), covers=200, trusted=False), 1.0, 2.0)
    assert ticket.unsaid == 200
    ticket.hear(Hypothesis(words=(WORD,), covers=200), 1.0, 2.0)
    assert ticket.unsaid == 0
    push(ticket)
    ticket.hear(Hypothesis(words=(WORD,), covers=300), 1.0, 2.0)
    assert ticket.unsaid == 100
    ticket.finish(350)
    assert ticket.unsaid == 0


def test_an_utterance_is_shaken_once(ticket, updates, orders):
    ticket.replay()
    push(ticket)
    ticket.shake("no text")
    assert updates == [Restarted("no text")]
    assert isinstance(orders[-1], Begin)
    assert len(orders[-1].so_far) == 1
    ticket.shake("no text")
    assert len(updates) == 1


def test_pending_is_what_counts_and_was_not_heard(ticket):
    push(ticket)
    push(ticket)
    assert ticket.pending == 200
    ticket.hear(Hypothesis(covers=120), 1.0, 2.0)
    assert ticket.pending == 80
    ticket.advance(150)
    assert ticket.pending == 50
    ticket.finish(180)
    assert ticket.pending == 30
    ticket.replay()
    assert ticket.pending == 180
    ticket.hear(Hypothesis(covers=100, final=True), 1.0, 2.0)
    assert ticket.pending == 0


def test_a_partial_that_was_under_way_tells_only_what_counts(ticket, updates):
    push(ticket, 300)
    ticket.finish(150)
    ticket.hear(Hypothesis(words=(WORD, Word(" it", 160, 250)), agreed=1, covers=300), 1.0, 2.0)
    assert updates[-1].hypothesis == Hypothesis(words=(WORD,), agreed=1, covers=150)


def test_the_final_is_the_last_word(ticket, updates, orders):
    final = Hypothesis(words=(WORD,), agreed=1, covers=100, final=True, carry="d")
    ticket.hear(final, 1.0, 2.0)
    push(ticket)
    ticket.finish(100)
    ticket.cancel()
    ticket.give_up("too late")
    assert updates == [Decoded(final, 1.0, 2.0)]
    assert orders == []


def test_an_untrusted_hypothesis_is_not_published(ticket, updates):
    ticket.hear(Hypothesis(words=(WORD,), agreed=1, covers=100, trusted=False), 1.0, 2.0)
    assert updates == [Progress()]


@pytest.mark.parametrize(("stable", "rejected"), [((WORD,), None), ((), "failed")])
def test_after_too_many_deaths_it_ends_with_its_stable_words(ticket, updates, orders, stable, rejected):
    push(ticket)
    ticket.hear(Hypothesis(words=stable, agreed=len(stable), covers=100), 1.0, 2.0)
    for _ in range(DEATHS):
        ticket.fail("it died", blamed=True)
    assert updates[1:-1] == [Restarted("it died")] * (DEATHS - 1) + [GaveUp("it died")]
    assert updates[-1].hypothesis == Hypothesis(
        words=stable, agreed=len(stable), covers=100, final=True, rejected=rejected
    )
    assert orders[-1] == Cancel(7)


def test_a_session_that_has_gone_hears_nothing_more(ticket, updates, orders):
    ticket.cancel()
    ticket.cancel()
    ticket.give_up("it died")
    assert (updates, orders) == ([], [Cancel(7)])


def test_a_session_that_cancels_when_told_of_a_failure_gets_no_final(orders):
    updates = []

    def deliver(update):
        updates.append(update)
        ticket.cancel()

    ticket = Ticket(7, DecodeOptions(), deliver, orders.append, carry=None, live=True)
    ticket.give_up("it died")
    assert (updates, orders) == ([GaveUp("it died")], [Cancel(7)])


def test_a_session_that_raises_is_dropped(orders, caplog):
    def deliver(update):
        raise ZeroDivisionError

    ticket = Ticket(7, DecodeOptions(), deliver, orders.append, carry=None, live=True)
    ticket.advance(10)
    assert orders == [Cancel(7)]
    assert "its session failed" in caplog.text
