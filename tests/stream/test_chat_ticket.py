"""stream/chat_ticket.py"""

import numpy as np
import pytest

from models.chat import Conversation, Delta, Turn
from stream.chat_ticket import DEATHS, ChatTicket
from stream.errors import BadRequest, EngineFailed
from stream.messages import BeginChat, Cancel, ChatAudio

ASKED = Conversation(turns=(Turn("user", ("Hi",)),))
AUDIO = np.arange(100, dtype=np.int16)


@pytest.fixture
def updates():
    return []


@pytest.fixture
def orders():
    return []


@pytest.fixture
def ticket(updates, orders):
    return ChatTicket(7, updates.append, orders.append)


def begun(solo=False):
    return [ChatAudio(7, AUDIO.tobytes()), BeginChat(7, solo, ASKED, ("stop",))]


def ask(ticket):
    ticket.push(AUDIO)
    ticket.begin(ASKED, ("stop",))


def test_all_that_was_ordered_is_kept_for_a_replay(ticket, orders):
    ticket.push(AUDIO)
    ticket.fail("it died", blamed=False)
    ticket.replay()
    ticket.begin(ASKED, ("stop",))
    assert orders == [*begun()[:1], *begun()]
    ticket.fail("it died", blamed=True)
    ticket.replay()
    assert orders[3:] == begun(solo=True)


def test_deltas_are_delivered_up_to_the_last(ticket, updates, orders):
    ask(ticket)
    for delta in (Delta(), Delta(text="Yes", completion_tokens=1), Delta(finish="stop")):
        ticket.hear(delta)
    assert [delta.finish for delta in updates] == [None, None, "stop"]
    ticket.cancel()
    ticket.push(AUDIO)
    ticket.begin(ASKED)
    ticket.fail("it died", blamed=True)
    assert (len(updates), orders[2:]) == (3, [])


def test_before_it_has_said_anything_it_survives_some_failures(ticket, updates, orders):
    ask(ticket)
    ticket.hear(Delta())
    for _ in range(DEATHS - 1):
        ticket.fail("it died", blamed=True)
    assert updates == [Delta()]
    ticket.fail("it died", blamed=True)
    assert isinstance(updates[-1], EngineFailed)
    assert "it died" in updates[-1].message
    assert orders[-1] == Cancel(7)
    ticket.fail("it died", blamed=True)
    assert len(updates) == 2


def test_what_was_said_is_not_said_again(ticket, updates, orders):
    ask(ticket)
    ticket.hear(Delta(text="Yes"))
    assert ticket._audio == [], "its audio takes memory for nothing"
    ticket.fail("it died", blamed=False)
    assert isinstance(updates[-1], EngineFailed)
    assert orders[-1] == Cancel(7)


def test_a_refusal_is_the_clients_fault(ticket, updates, orders):
    ask(ticket)
    ticket.refuse("it is too long")
    assert isinstance(updates[-1], BadRequest)
    assert (updates[-1].message, updates[-1].param) == ("it is too long", "messages")
    assert orders[-1] == Cancel(7)


def test_a_request_that_fails_is_dropped(orders):
    def deliver(update):
        raise RuntimeError("a bug")

    ticket = ChatTicket(7, deliver, orders.append)
    ask(ticket)
    ticket.hear(Delta(text="Yes"))
    assert orders[-1] == Cancel(7)
