"""How tokens are asked for, and that none gets further than it should; all of the application, without a server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from stream.admission import Admission
from tests.stream.rest.served import KEY, OTHER, Served, served
from tests.stream.test_access import ask

OWN = ("host", "localhost:8765")
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """One for all: no token says anything of another."""
    async with served(tmp_path_factory.mktemp("served"), KEY, OTHER) as server:
        yield server


@pytest.fixture
def here(server: Served) -> Iterator[Served]:
    yield server
    server.assert_idle()


async def opened(app: Any, token: str, path: str = "/v1/stream") -> int:
    return (await ask(app, path, OWN, ("authorization", f"Bearer {token}"), websocket=True))[0]


async def test_a_token_opens_one_live_session_and_nothing_else(here: Served):
    async with here.client(KEY) as client:
        answer = await client.post("/v1/tokens", json={"scope": "transcribe", "ttl_s": 600})
        assert answer.status_code == 200
        told = answer.json()
        assert (told["scope"], told["session"]) == ("transcribe", None)
        assert 595 < told["expires_at"] - here.store.now() <= 600
        async with here.client(told["token"]) as stranger:
            for path in ("/v1/models", "/v1/files", "/v1/sessions", "/metrics"):
                assert (await stranger.get(path)).status_code == 403
            for path in ("/v1/tokens", "/v1/realtime/client_secrets", "/v1/client/sessions"):
                assert (await stranger.post(path, json={"scope": "transcribe"})).status_code == 403
        assert await opened(here.app, told["token"]) == 101
        assert await opened(here.app, told["token"]) == 401


async def test_of_many_who_use_it_at_once_one_gets_in(here: Served):
    async with here.client(KEY) as client:
        token = (await client.post("/v1/tokens", json={"scope": "transcribe"})).json()["token"]
        statuses = await asyncio.gather(*(opened(here.app, token) for _ in range(50)))
        assert sorted(statuses) == [101] + [401] * 49


async def test_it_is_taken_wherever_a_key_is(here: Served):
    async with here.client(KEY) as client:
        for name, value in (
            ("authorization", "Bearer {}"),
            ("authorization", "Token {}"),
            ("authorization", "{}"),
            ("x-api-key", "{}"),
            ("sec-websocket-protocol", "steno.v1, steno.key.{}"),
            ("sec-websocket-protocol", "realtime, openai-insecure-api-key.{}"),
            ("sec-websocket-protocol", "token, {}"),
            ("sec-websocket-protocol", "bearer, {}"),
        ):
            token = (await client.post("/v1/tokens", json={"scope": "transcribe"})).json()["token"]
            header = (name, value.format(token))
            assert (await ask(here.app, "/v1/stream", OWN, header, websocket=True))[0] == 101
        token = (await client.post("/v1/client/sessions", json={"model": "m"})).json()["client_secret"]["value"]
        offered = ("sec-websocket-protocol", f"realtime, {token}")
        assert (await ask(here.app, "/v1/stream", OWN, offered, websocket=True))[0] == 101
        query = f"token={token}"
        assert (await ask(here.app, "/v1/stream", OWN, websocket=True, query=query))[0] == 401


async def test_quotas_count_the_key_that_made_it(here: Served, monkeypatch: pytest.MonkeyPatch):
    async with here.client(KEY) as client:
        seats, seat = [], Admission.seat

        def counted(admission: Admission, key: str | None) -> Any:
            seats.append(key)
            return seat(admission, key)

        monkeypatch.setattr(Admission, "seat", counted)
        token = (await client.post("/v1/tokens", json={"scope": "transcribe"})).json()["token"]
        assert await opened(here.app, token) == 101
        assert await opened(here.app, KEY) == 101
        assert await opened(here.app, OTHER) == 101
        assert seats[0] == seats[1] != seats[2]


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({}, "scope"),
        ({"scope": "watch:all"}, "scope"),
        ({"scope": "transcribe", "ttl_s": 0}, "ttl_s"),
        ({"scope": "transcribe", "ttl_s": 601}, "ttl_s"),
        ({"scope": "transcribe", "session": "CA1"}, "session"),
        ({"scope": "watch", "session": ""}, "session"),
        ({"scope": "watch", "session": "a.b"}, "session"),
        ({"scope": "watch", "session": "CA1\n"}, "session"),
        ({"scope": "watch", "session": "x" * 129}, "session"),
        ({"scope": "watch", "key": "x"}, "key"),
    ],
)
async def test_what_is_refused_is_named(here: Served, asked: dict[str, Any], param: str):
    async with here.client(KEY) as client:
        answer = await client.post("/v1/tokens", json=asked)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


async def test_a_key_is_needed(here: Served):
    async with here.client() as client:
        for path in ("/v1/tokens", "/v1/realtime/client_secrets", "/v1/client/sessions"):
            assert (await client.post(path, json={"scope": "transcribe", "model": "m"})).status_code == 401


async def test_without_keys_whoever_asks_gets_one(tmp_path: Path):
    async with served(tmp_path) as here, here.client() as client:
        token = (await client.post("/v1/tokens", json={"scope": "transcribe"})).json()["token"]
        assert await opened(here.app, token) == 101


async def test_openais_way(here: Served):
    async with here.client(KEY) as client:
        asked = {"expires_after": {"anchor": "created_at", "seconds": 7200}, "session": {"type": "transcription"}}
        told = (await client.post("/openai/v1/realtime/client_secrets", json=asked)).json()
        assert told["value"].startswith("ek_")
        assert told["session"].keys() == {"id", "object", "type"}
        assert 595 < told["expires_at"] - here.store.now() <= 600
        assert await opened(here.app, told["value"]) == 101
        answer = await client.post("/v1/realtime/client_secrets")
        assert answer.status_code == 200
        answer = await client.post("/v1/realtime/client_secrets", json={"session": {"type": "realtime"}})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "session.type")


async def test_mistrals_way(here: Served):
    async with here.client(KEY) as client:
        answer = await client.post("/v1/client/sessions", json={"purpose": "realtime", "model": "m"})
        assert answer.status_code == 201
        told = answer.json()
        assert (told["object"], told["purpose"]) == ("client.session", "realtime")
        assert told["expires_at"] == told["client_secret"]["expires_at"]
        assert told["client_secret"]["value"].startswith("rt_")
        assert (await client.post("/v1/client/sessions", json={"purpose": "x", "model": "m"})).status_code == 400
