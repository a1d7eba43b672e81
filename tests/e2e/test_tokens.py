"""Tokens in real handshakes, asked for with the vendors' own clients, and used as browsers use them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import openai
import pytest
from mistralai.client import Mistral
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from tests.e2e.conftest import Server, hear, say

KEY, OTHER = "tokens-5f3a91", "tokens-77c0de"


@pytest.fixture(scope="module")
def keyed(start_server: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Server:
    folder = str(tmp_path_factory.mktemp("data"))
    one_each = ("--max-sessions-per-key", "1")
    return start_server(
        "--model", "scripted", "--drain-s", "0", "--data-dir", folder, *one_each, STENO_API_KEYS=f"{KEY},{OTHER}"
    )


def issued(server: Server, key: str = KEY, **asked: object) -> str:
    headers = {"Authorization": f"Bearer {key}"}
    answer = httpx.post(server.http + "/v1/tokens", json={"scope": "transcribe", **asked}, headers=headers)
    token: str = answer.raise_for_status().json()["token"]
    return token


def refused(server: Server, *offered: str) -> int:
    """Status of a handshake that must fail."""
    with (
        pytest.raises(InvalidStatus) as caught,
        server.connect(subprotocols=[Subprotocol(each) for each in offered], origin=Origin(server.http)),
    ):
        pass
    return caught.value.response.status_code


def test_a_page_opens_one_session_with_a_token(keyed: Server):
    token = issued(keyed)
    offered = [Subprotocol("steno.v1"), Subprotocol(f"steno.key.{token}")]
    with keyed.connect(subprotocols=offered, origin=Origin(keyed.http)) as socket:
        assert socket.subprotocol == "steno.v1"
        say(socket, type="start")
        say(socket, type="stop")
        hear(socket, "done")
    assert refused(keyed, *offered) == 401


def test_a_session_that_a_token_opened_counts_for_its_key_and_outlives_the_token(keyed: Server):
    with keyed.connect(subprotocols=[Subprotocol("steno.v1"), Subprotocol(f"steno.key.{issued(keyed, ttl_s=2)}")]) as s:
        assert refused(keyed, "steno.v1", f"steno.key.{issued(keyed)}") == 429
        assert refused(keyed, "steno.v1", f"steno.key.{KEY}") == 429
        with keyed.connect(additional_headers={"x-api-key": OTHER}):
            pass
        expired = issued(keyed, ttl_s=1)
        while httpx.get(keyed.http + "/v1/sessions", headers={"x-api-key": expired}).status_code != 401:
            pass  # 403 for as long as it is valid
        say(s, type="start")
        say(s, type="stop")
        hear(s, "done")


def test_openais_client_asks_for_one(keyed: Server):
    with openai.OpenAI(api_key=KEY, base_url=keyed.http + "/v1", max_retries=0) as client:
        made = client.realtime.client_secrets.create(session={"type": "transcription"})
        assert made.session.type == "transcription"
    offered = [Subprotocol("steno.v1"), Subprotocol(f"openai-insecure-api-key.{made.value}")]
    with keyed.connect(subprotocols=offered) as socket:
        assert socket.subprotocol == "steno.v1"


def test_mistrals_client_asks_for_one(keyed: Server):
    with Mistral(api_key=KEY, server_url=keyed.http) as client:
        made = client.realtime.sessions.create(request={"model": "voxtral-mini-latest", "purpose": "realtime"})
    left = made.client_secret.expires_at - datetime.now(UTC)
    assert 30 < left.total_seconds() <= 60
    address = keyed.http.replace("http", "ws", 1) + "/v1/audio/transcriptions/realtime?model=voxtral-mini-latest"
    offered = [Subprotocol("realtime"), Subprotocol(made.client_secret.value)]
    with connect(address, subprotocols=offered, origin=Origin(keyed.http), compression=None) as socket:
        assert socket.subprotocol == "realtime"
        hear(socket, "session.created")


def test_no_token_reaches_the_log(keyed: Server):
    with keyed.connect(additional_headers={"Authorization": f"Bearer {(token := issued(keyed))}"}):
        pass
    assert refused(keyed, f"steno.key.{token}") == 401
    assert token[-64:] not in keyed.log.read_text()
