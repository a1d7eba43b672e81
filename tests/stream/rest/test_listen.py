"""Deepgram's route over the whole application."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.stream.rest.served import DURATION_S, KEY, RECORDING, TEXT, Served, served

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """One for all: no recording says anything of another."""
    async with served(tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def client(server: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with server.client() as client:
        yield client
    server.assert_idle()


async def test_the_body_is_the_recording(client: httpx.AsyncClient):
    for headers in ({"Content-Type": "application/octet-stream"}, {"Content-Type": "audio/wav"}, {}):
        answer = await client.post("/v1/listen?model=nova-3&tag=a&diarize=true", content=RECORDING, headers=headers)
        assert answer.status_code == 200
        assert answer.headers["x-steno-ignored"] == "diarize"
        body = answer.json()
        about = body["metadata"]
        assert uuid.UUID(about["request_id"]) == uuid.UUID(answer.headers["dg-request-id"])
        assert (about["duration"], about["models"], about["tags"]) == (DURATION_S, ["scripted"], ["a"])
        assert about["sha256"] == hashlib.sha256(RECORDING).hexdigest()
        [alternative] = body["results"]["channels"][0]["alternatives"]
        assert alternative["transcript"] == TEXT
        assert [word["word"] for word in alternative["words"]] == TEXT.split()


async def test_a_signed_url_of_our_own(client: httpx.AsyncClient):
    file_id = (await client.post("/v1/files", files={"file": ("talk.wav", RECORDING)})).json()["id"]
    url = (await client.get(f"/v1/files/{file_id}/url")).json()["url"]
    body = (await client.post("/v1/listen?utterances=true", json={"url": url})).json()
    assert body["metadata"]["sha256"] == hashlib.sha256(RECORDING).hexdigest()
    assert [len(each["words"]) for each in body["results"]["utterances"]] == [20, 10]


@pytest.mark.parametrize(
    ("query", "body", "status", "code"),
    [
        ("", b"no audio", 415, "UNSUPPORTED_MEDIA"),
        ("", b"", 415, "UNSUPPORTED_MEDIA"),
        ("", RECORDING[:-30_000], 422, "BAD_MEDIA"),
        ("", bytes(1_000_001), 413, "TOO_LARGE"),
        ("model=nobody", RECORDING, 404, "UNKNOWN_MODEL"),
        ("utt_split=-1", RECORDING, 400, "BAD_REQUEST"),
        ("callback=http://example.com", RECORDING, 400, "UNSUPPORTED"),
        ("language=xx", RECORDING, 400, "UNSUPPORTED"),
    ],
)
async def test_errors_have_deepgrams_form(client: httpx.AsyncClient, query: str, body: bytes, status: int, code: str):
    answer = await client.post(f"/v1/listen?{query}", content=body)
    assert (answer.status_code, answer.json()["err_code"]) == (status, code)
    assert uuid.UUID(answer.json()["request_id"])


async def test_a_url_that_is_not_ours_names_the_flag(client: httpx.AsyncClient):
    answer = await client.post("/v1/listen", json={"url": "https://example.com/talk.mp3"})
    assert answer.status_code == 400
    assert "--fetch-urls" in answer.json()["err_msg"]
    assert (await client.post("/v1/listen", json={})).json()["err_code"] == "BAD_REQUEST"


async def test_a_stranger_is_refused_in_deepgrams_form(tmp_path: Path):
    async with served(tmp_path, KEY) as server:
        async with server.client() as client:
            answer = await client.post("/v1/listen", content=RECORDING)
            assert (answer.status_code, answer.json()["err_code"]) == (401, "INVALID_AUTH")
        async with server.client(Authorization=f"Token {KEY}") as client:
            assert (await client.post("/v1/listen", content=RECORDING)).status_code == 200
