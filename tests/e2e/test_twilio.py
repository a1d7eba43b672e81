"""A call as Twilio streams it, over a real socket. What is heard of it is in the log; words are in `test_calls.py`."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from stream.twilio_signature import signature
from tests.e2e.conftest import Server, say
from tests.stream import calls

TALK = list(calls.streamed(calls.side(3.0, (0.2, 1.0)), calls.side(3.0, (1.6, 0.8))))
KEY, TOKEN, OLD_TOKEN = "called-5f3a91", "6b1c0e5d", "9f20ab31"


def dial(server: Server, **headers: str) -> ClientConnection:
    address = server.http.replace("http", "ws", 1) + "/twilio"
    return connect(address, compression=None, additional_headers=headers)


def closed(socket: ClientConnection) -> tuple[int, str]:
    """How the server ends the call, which it does without a word."""
    with pytest.raises(ConnectionClosed) as caught:
        socket.recv(timeout=20)
    assert caught.value.rcvd
    return caught.value.rcvd.code, caught.value.rcvd.reason


def logged(server: Server, pattern: str, since: int = 0) -> re.Match[str]:
    """The line of the log that says so, once it is there, behind so many characters."""
    until = time.monotonic() + 20
    while not (found := re.search(pattern, server.log.read_text()[since:])):
        assert time.monotonic() < until, server.log.read_text()[since:]
        time.sleep(0.01)
    return found


@pytest.fixture(scope="module")
def keyed(start_server: Callable[..., Server]) -> Server:
    arguments = ("--model", "scripted", "--drain-s", "0", "--public-url", "https://captions.example")
    return start_server(*arguments, STENO_API_KEYS=KEY, STENO_TWILIO_AUTH_TOKEN=f"{TOKEN},{OLD_TOKEN}")


@pytest.mark.parametrize("lost", [(), (31, 32, 33, 90)])
def test_a_call_from_connected_to_stop(server: Server, lost: tuple[int, ...]):
    since = len(server.log.read_text())
    frames = [frame for number, frame in enumerate(TALK) if number not in lost]
    frames[40], frames[42] = frames[42], frames[40]
    with dial(server) as socket:
        for message in (calls.CONNECTED, calls.start(language="en", customer="7"), *frames[:100]):
            say(socket, **message)
        for message in (calls.DTMF, calls.MARK, *frames[100:], calls.STOP):
            say(socket, **message)
        assert closed(socket) == (1000, "done")
    assert logged(server, r"ended: (\w+), (\d+) samples", since).groups() == ("done", "24000")
    assert logged(server, "call 'CA1': .*ignored: (.*)'", since)[1] == "customer"


@pytest.mark.parametrize("last", [[calls.STOP], []])
def test_a_call_is_heard_to_its_end_though_its_line_is_gone(server: Server, last: list[dict[str, Any]]):
    since = len(server.log.read_text())
    with dial(server) as socket:
        for message in (calls.CONNECTED, calls.start(prompt="slow=0.2"), *TALK, *last):
            say(socket, **message)
    assert logged(server, r"ended: (\w+), (\d+) samples", since).groups() == ("done", "24000")


def test_what_is_wrong_with_a_call_is_said_as_it_is_hung_up_and_in_the_log(server: Server):
    for parameters, code, reason in (
        ({"model": "nobody"}, 4404, "nobody"),
        ({"silence_ms": "1"}, 4400, "silence_ms"),
        ({"language": "tlh"}, 4400, "tlh"),
    ):
        with dial(server) as socket:
            say(socket, **calls.CONNECTED)
            say(socket, **calls.start(**parameters))
            told = closed(socket)
        assert told[0] == code
        assert reason in told[1]
        logged(server, f"call 'CA1': .*{reason}")


def test_broken_messages_cost_a_call_nothing_but_themselves(server: Server):
    with dial(server) as socket:
        for message in (calls.CONNECTED, calls.start()):
            say(socket, **message)
        for text in ("hello", "[" * 9000, '{"event": "media", "media": {"track": "inbound", "payload": "!"}}'):
            socket.send(text)
        socket.send(b"\0" * 160)
        for message in (*TALK[:60], calls.STOP):
            say(socket, **message)
        assert closed(socket)[0] == 1000


# -- who may call -----------------------------------------------------------------------------------------------------


def refused(server: Server, **headers: str) -> int:
    with pytest.raises(InvalidStatus) as caught, dial(server, **headers):
        pass
    return caught.value.response.status_code


@pytest.mark.parametrize("token", [TOKEN, OLD_TOKEN])
def test_twilios_signature_opens_the_door(keyed: Server, token: str):
    with dial(keyed, **{"X-Twilio-Signature": signature(token, "wss://captions.example/twilio")}) as socket:
        for message in (calls.CONNECTED, calls.start(), *TALK[:20], calls.STOP):
            say(socket, **message)
        assert closed(socket)[0] == 1000


def test_and_so_does_a_key(keyed: Server):
    with dial(keyed, Authorization=f"Bearer {KEY}") as socket:
        say(socket, **calls.CONNECTED)


def test_any_other_signature_does_not(keyed: Server):
    assert refused(keyed) == 401
    for token, url in (
        ("wrong", "wss://captions.example/twilio"),
        (TOKEN, "https://captions.example/twilio"),
        (TOKEN, "wss://captions.example/"),
        (TOKEN, "wss://evil.example/twilio"),
    ):
        assert refused(keyed, **{"X-Twilio-Signature": signature(token, url)}) == 401


def test_no_token_reaches_the_log(keyed: Server):
    log = keyed.log.read_text()
    assert not [token for token in (TOKEN, OLD_TOKEN, KEY) if token in log]
