"""Viewers of real sessions on real sockets: whose they may watch, how late they may come, how slow they may be."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from models.scripted import ledger_audio
from tests.e2e.conftest import Server, hear, say
from tests.stream import calls

KEY, OTHER, ALL = "viewers-5f3a91", "viewers-77c0de", "viewers-e4b2aa"
SPEECH, SILENCE = ledger_audio(0, 20).tobytes(), np.zeros(16_000, np.int16).tobytes()


@pytest.fixture(scope="module")
def keyed(start_server: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Server:
    folder = tmp_path_factory.mktemp("data")
    (folder / "watching").write_text(ALL)
    data = ("--data-dir", str(folder / "data"))
    watching = ("--watch-all-key-file", str(folder / "watching"))
    return start_server("--model", "scripted", "--drain-s", "0", *data, *watching, STENO_API_KEYS=f"{KEY},{OTHER}")


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@contextmanager
def live(server: Server, key: str = KEY) -> Iterator[tuple[ClientConnection, str]]:
    """A session that has begun, and its id."""
    with server.connect(additional_headers=bearer(key)) as socket:
        say(socket, type="start")
        yield socket, hear(socket, "ready")[-1]["session"]


def speak(socket: ClientConnection) -> list[dict[str, Any]]:
    """An utterance; what there is to hear until its final."""
    for start in range(0, len(SPEECH + SILENCE), 32_000):
        socket.send((SPEECH + SILENCE)[start : start + 32_000])
    return hear(socket, "final")


def viewer(server: Server, name: str, key: str = KEY, query: str = "", **options: Any) -> ClientConnection:
    address = server.http.replace("http", "ws", 1) + f"/v1/sessions/{name}/watch{query}"
    return connect(address, additional_headers=bearer(key), compression=None, **options)


def refused(server: Server, name: str, key: str = KEY, query: str = "") -> int:
    with pytest.raises(InvalidStatus) as caught, viewer(server, name, key, query):
        pass
    return caught.value.response.status_code


def listed(server: Server, key: str = KEY, query: str = "") -> list[dict[str, Any]]:
    answer = httpx.get(server.http + "/v1/sessions" + query, headers=bearer(key))
    found: list[dict[str, Any]] = answer.raise_for_status().json()["data"]
    return found


def numbered(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without how long it took, which is told when it is sent."""
    return [{name: value for name, value in each.items() if name != "latency"} for each in messages if "seq" in each]


def test_a_viewer_follows_a_session_to_its_end(keyed: Server):
    with live(keyed) as (socket, name), viewer(keyed, name) as watching:
        [card] = listed(keyed)
        assert (card["id"], card["model"], card["viewers"], card["labels"]) == (name, "scripted", 1, {})
        socket.send(SPEECH)
        seen = hear(watching, "partial")
        assert seen[0]["session"] == name
        socket.send(SILENCE)
        say(socket, type="stop")
        told = hear(socket, "done")
        seen += hear(watching, "done")
        assert numbered(seen) == numbered(told)
        with pytest.raises(ConnectionClosed):
            watching.recv(timeout=10)
        assert (watching.close_code, watching.close_reason) == (1000, "done")
    assert refused(keyed, name) == 404
    assert listed(keyed) == []


def test_who_comes_late_reads_up(keyed: Server):
    with live(keyed) as (socket, name):
        told = numbered(speak(socket))
        with viewer(keyed, name) as watching:
            assert numbered(hear(watching, "final")) == told
        with viewer(keyed, name, query=f"?seq={told[-1]['seq']}") as watching:
            assert numbered(hear(watching, "final")) == told[-1:]
        with viewer(keyed, name, query=f"?seq={told[-1]['seq'] + 1}") as watching:
            following = numbered(speak(socket))
            assert numbered(hear(watching, "final")) == following


def test_whose_sessions_a_key_sees(keyed: Server):
    with live(keyed, KEY) as (_, mine), live(keyed, OTHER) as (_, theirs):
        assert [each["id"] for each in listed(keyed, KEY)] == [mine]
        assert [each["id"] for each in listed(keyed, OTHER)] == [theirs]
        assert [each["id"] for each in listed(keyed, ALL)] == [theirs, mine]
        assert refused(keyed, theirs, KEY) == refused(keyed, mine, OTHER) == 404
        assert refused(keyed, "nobody", KEY) == refused(keyed, "nobody", ALL) == 404
        assert refused(keyed, mine, "wrong") == 401
        with viewer(keyed, mine, ALL), viewer(keyed, theirs, ALL), viewer(keyed, mine, KEY):
            pass


def test_a_call_is_followed_by_its_call_sid(keyed: Server):
    """Twilio takes no transcript back: this is where to read it."""
    address = keyed.http.replace("http", "ws", 1) + "/twilio"
    talk = list(calls.streamed(calls.side(3.0, (0.2, 1.0)), calls.side(3.0, (1.6, 0.8))))
    with connect(address, additional_headers=bearer(KEY), compression=None) as call:
        assert refused(keyed, "CA1") == 404
        for message in (calls.CONNECTED, calls.start()):
            say(call, **message)
        while not (found := listed(keyed, query="?label=callSid:CA1")):
            pass
        assert found[0]["labels"]["callSid"] == "CA1"
        with viewer(keyed, "CA1") as watching:
            for message in (*talk, calls.STOP):
                say(call, **message)
            seen = hear(watching, "done")
    assert {each["channel"] for each in seen if each["type"] == "final"} == {0, 1}


def issued(server: Server, key: str = KEY, **asked: object) -> str:
    answer = httpx.post(server.http + "/v1/tokens", json={"scope": "watch", **asked}, headers=bearer(key))
    token: str = answer.raise_for_status().json()["token"]
    return token


def test_a_page_watches_what_its_token_is_for(keyed: Server):
    with live(keyed) as (_, first), live(keyed) as (_, second), live(keyed, OTHER) as (_, foreign):
        only = issued(keyed, session=first)
        assert [each["id"] for each in listed(keyed, only)] == [first]
        assert refused(keyed, second, only) == refused(keyed, foreign, only) == 404
        assert refused(keyed, foreign, issued(keyed, session=foreign)) == 404
        offered = [Subprotocol("steno.v1"), Subprotocol(f"steno.key.{only}")]
        for _ in range(2):
            address = keyed.http.replace("http", "ws", 1) + f"/v1/sessions/{first}/watch"
            with connect(address, subprotocols=offered, origin=Origin(keyed.http)) as watching:
                assert watching.subprotocol == "steno.v1"
                assert json.loads(watching.recv(timeout=10))["session"] == first
        with pytest.raises(InvalidStatus) as caught, keyed.connect(additional_headers=bearer(only)):
            pass
        assert caught.value.response.status_code == 403
        every = issued(keyed)
        assert [each["id"] for each in listed(keyed, every)] == [second, first]
        assert refused(keyed, foreign, every) == 404
        with viewer(keyed, foreign, issued(keyed, ALL, session=foreign)):
            pass


def test_a_token_for_a_session_of_ones_own_is_none_for_watching(keyed: Server):
    with live(keyed) as (_, name):
        assert refused(keyed, name, issued(keyed, scope="transcribe")) == 403


@pytest.mark.parametrize("query", ["?seq=x", "?seq=-1", "?seq=1&seq=2", "?words=true", "?seq=" + 20 * "9"])
def test_a_query_that_is_none_is_refused(keyed: Server, query: str):
    with live(keyed) as (_, name):
        assert refused(keyed, name, query=query) == 400


def test_a_viewer_that_speaks_is_sent_away(keyed: Server):
    with live(keyed) as (socket, name), viewer(keyed, name) as watching:
        watching.send("{}")
        with pytest.raises(ConnectionClosed):
            for _ in watching:
                pass
        assert watching.close_code == 4400
        speak(socket)


def test_a_viewer_that_never_reads_costs_nobody_anything(keyed: Server):
    """Each final has all its words, so that some minutes fill what the kernel and the transport keep for a viewer."""
    with (
        keyed.connect("?words=true&channels=8&mode=file", additional_headers=bearer(KEY)) as socket,
        viewer(keyed, (ready := hear(socket, "ready")[-1])["session"]) as watching,
        viewer(keyed, ready["session"], max_queue=1, close_timeout=0.1) as stuck,
    ):
        one = np.frombuffer(SPEECH + SILENCE, np.int16)
        frames = np.repeat(one, 8).tobytes()
        for _ in range(3):
            for start in range(0, len(frames), 64_000):
                socket.send(frames[start : start + 64_000])
        say(socket, type="stop")
        told = hear(socket, "done")
        assert numbered(hear(watching, "done")) == numbered(told)
        assert len([each for each in told if each["type"] == "final"]) == 24
        assert stuck.close_code is None
    with live(keyed) as (socket, _):
        speak(socket)
