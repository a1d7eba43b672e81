"""Which live sessions are listed, and which may be watched by which name; `tests/e2e/test_viewers.py` has real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stream.access import Access, AccessOptions
from tests.stream.rest.served import KEY, OTHER, served
from tests.stream.test_access import ask
from tests.stream.test_watch import session

OWN = ("host", "localhost:8765")


def key_id(key: str) -> str:
    return Access(AccessOptions(), "127.0.0.1", [key]).key_ids[0]


def headers(key: str) -> tuple[str, str]:
    return ("authorization", f"Bearer {key}")


async def test_calls_are_found_by_what_they_are_called(tmp_path: Path):
    async with served(tmp_path, KEY, OTHER) as here, here.client(KEY) as client, here.client(OTHER) as stranger:
        labels = {"callSid": "CA1", "track": "inbound"}
        with here.service.hub.broadcasting(session("a"), key_id(KEY), lambda: labels):
            [card] = (await client.get("/v1/sessions", params={"label": "callSid:CA1"})).json()["data"]
            assert (card["id"], card["labels"], card["model"], card["seq"]) == ("a", labels, None, 0)
            for found, asked in (
                (1, ["callSid:CA1", "track:inbound"]),
                (0, ["callSid:CA1", "track:outbound"]),
                (0, ["callSid:CA2"]),
                (0, ["track:CA1"]),
            ):
                assert len((await client.get("/v1/sessions", params={"label": asked})).json()["data"]) == found
            assert (await stranger.get("/v1/sessions")).json() == {"object": "list", "data": []}
            for name in ("a", "CA1"):
                path = f"/v1/sessions/{name}/watch"
                assert (await ask(here.app, path, OWN, headers(KEY), websocket=True))[0] == 101
                assert (await ask(here.app, path, OWN, headers(OTHER), websocket=True))[0] == 404
            assert (await ask(here.app, "/v1/sessions/CA2/watch", OWN, headers(KEY), websocket=True))[0] == 404
        assert (await ask(here.app, "/v1/sessions/a/watch", OWN, headers(KEY), websocket=True))[0] == 404


@pytest.mark.parametrize("named", ["a", "CA1"])
async def test_a_token_may_name_a_session_in_either_way(tmp_path: Path, named: str):
    async with served(tmp_path, KEY) as here, here.client(KEY) as client:
        token = (await client.post("/v1/tokens", json={"scope": "watch", "session": named})).json()["token"]
        hub = here.service.hub
        with (
            hub.broadcasting(session("a"), key_id(KEY), lambda: {"callSid": "CA1"}),
            hub.broadcasting(session("b"), key_id(KEY), lambda: {"callSid": "CA2"}),
        ):
            for name, status in (("a", 101), ("CA1", 101), ("b", 404), ("CA2", 404)):
                path = f"/v1/sessions/{name}/watch"
                assert (await ask(here.app, path, OWN, headers(token), websocket=True))[0] == status
            async with here.client(token) as viewer:
                assert [each["id"] for each in (await viewer.get("/v1/sessions")).json()["data"]] == ["a"]


async def test_a_label_has_a_name_and_a_value(tmp_path: Path):
    async with served(tmp_path) as here, here.client() as client:
        answer = await client.get("/v1/sessions", params={"label": "CA1"})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "label")


async def test_without_keys_everyone_sees_everything(tmp_path: Path):
    async with served(tmp_path) as here, here.client() as client:
        with here.service.hub.broadcasting(session("a"), None, dict):
            listed: list[dict[str, Any]] = (await client.get("/v1/sessions")).json()["data"]
            assert [each["id"] for each in listed] == ["a"]
            offered = ("sec-websocket-protocol", "steno.v1")
            answer = await ask(here.app, "/v1/sessions/a/watch", OWN, offered, websocket=True)
            assert answer == (101, "steno.v1")
