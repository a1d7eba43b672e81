"""Transcripts of recordings over the whole application: bodies, sources, formats, events, errors and limits."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from stream import recording
from stream.admission import AdmissionOptions
from stream.errors import BadRequest
from stream.rest.desk import RecordingOptions
from stream.rest.fetch import Fetcher, FetchOptions
from tests.stream.recordings import flac_bomb, wav
from tests.stream.rest.served import DURATION_S, KEY, OTHER, RECORDING, TEXT, Served, served
from tests.vad.voice import silence

PATH = "/v1/audio/transcriptions"
FILE = {"file": ("talk.wav", RECORDING, "audio/x-wav")}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path) as server:
        yield server


@pytest.fixture
async def client(server: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with server.client() as client:
        yield client


async def test_a_form_with_a_file_is_answered_with_the_transcript(client: httpx.AsyncClient):
    answer = await client.post(PATH, files=FILE, data={"model": "whisper-1"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert "x-steno-ignored" not in answer.headers
    body = answer.json()
    assert (body["text"], body["model"], body["duration"], body["segments"]) == (TEXT, "scripted", DURATION_S, [])
    assert body["usage"] == {
        "type": "duration",
        "seconds": DURATION_S,
        "prompt_audio_seconds": 5,
        "prompt_tokens": 0,
        "completion_tokens": 30,
        "total_tokens": 30 + 375,
    }


async def test_segments_joined_are_the_text_and_words_have_times(client: httpx.AsyncClient):
    for name in ("timestamp_granularities[]", "timestamp_granularities"):
        answer = await client.post(
            PATH, files=FILE, data={name: ["segment", "word"], "response_format": "verbose_json"}
        )
        body = answer.json()
        assert [len(each["text"].split()) for each in body["segments"]] == [20, 10]
        assert "".join(each["text"] for each in body["segments"]) == body["text"] == TEXT
        assert [each["word"] for each in body["words"]] == TEXT.split()
        assert (body["words"][0]["start"], body["words"][20]["start"]) == (0.5, 3.5)


async def test_other_formats(client: httpx.AsyncClient):
    async def told(format: str) -> tuple[str, str]:
        answer = await client.post(PATH, files=FILE, data={"response_format": format})
        return answer.headers["content-type"], answer.text

    assert await told("text") == ("text/plain; charset=utf-8", TEXT + "\n")
    kind, srt = await told("srt")
    assert kind == "text/plain; charset=utf-8"
    assert srt.startswith("1\n00:00:00,500 --> 00:00:0")
    kind, vtt = await told("vtt")
    assert kind == "text/vtt; charset=utf-8"
    assert vtt.startswith("WEBVTT\n\n00:00:00.500 --> 00:00:0")
    for shown in (srt, vtt):
        assert [word for word in shown.split() if word.startswith("w")] == TEXT.split()


async def uploaded(client: httpx.AsyncClient, content: bytes = RECORDING) -> str:
    file_id: str = (await client.post("/v1/files", files={"file": ("talk.wav", content)})).json()["id"]
    return file_id


async def test_a_file_that_was_uploaded_before(client: httpx.AsyncClient):
    file_id = await uploaded(client)
    for sent in ({"data": {"file_id": file_id}}, {"json": {"file_id": file_id, "model": "voxtral-mini-2507"}}):
        assert (await client.post(PATH, **sent)).json()["text"] == TEXT
    missing = await client.post(PATH, json={"file_id": "nothing"})
    assert (missing.status_code, missing.json()["error"]["param"]) == (404, "file_id")


async def test_a_signed_url_of_our_own_is_not_fetched(client: httpx.AsyncClient):
    url = (await client.get(f"/v1/files/{await uploaded(client)}/url")).json()["url"]
    for sent in ({"data": {"file_url": url}}, {"json": {"file_url": url}}, {"files": {"file_url": (None, f'"{url}"')}}):
        assert (await client.post(PATH, **sent)).json()["text"] == TEXT
    tampered = await client.post(PATH, json={"file_url": url[:-1] + ("0" if url[-1] != "0" else "1")})
    assert tampered.status_code == 400
    assert "--fetch-urls" in tampered.json()["message"]


async def test_another_url_is_off_unless_the_operator_wants_it(client: httpx.AsyncClient):
    answer = await client.post(PATH, json={"file_url": "https://example.com/talk.mp3"})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == ("unsupported", "file_url")
    assert "--fetch-urls" in error["message"]


class Fetched(Fetcher):
    """Has one file at one URL."""

    async def fetch(self, url: str, place: Any, most: int) -> None:
        if url != "https://example.com/talk.wav":
            raise BadRequest("`file_url` can't be reached", param="file_url")
        await asyncio.to_thread(place.write, RECORDING)


async def test_a_url_is_fetched_where_that_is_on(tmp_path: Path):
    async with served(tmp_path, fetcher=Fetched(FetchOptions(fetch_urls=True))) as server, server.client() as client:
        answer = await client.post(PATH, json={"file_url": "https://example.com/talk.wav"})
        assert answer.json()["text"] == TEXT
        answer = await client.post("/v1/listen", json={"url": "https://example.com/talk.wav"})
        assert answer.json()["results"]["channels"][0]["alternatives"][0]["transcript"] == TEXT
        assert (await client.post(PATH, json={"file_url": "https://example.com/other.wav"})).status_code == 400


async def test_a_key_hears_its_own_files_only(tmp_path: Path):
    async with served(tmp_path, KEY, OTHER) as server, server.client(KEY) as client, server.client(OTHER) as other:
        file_id = await uploaded(client)
        assert (await client.post(PATH, json={"file_id": file_id})).json()["text"] == TEXT
        assert (await other.post(PATH, json={"file_id": file_id})).status_code == 404
        url = (await client.get(f"/v1/files/{file_id}/url")).json()["url"]
        assert (await other.post(PATH, json={"file_url": url})).json()["text"] == TEXT


def events(body: str) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in body.split("\n") if line.startswith("data: ")]


async def test_events_in_openais_form(client: httpx.AsyncClient):
    answer = await client.post(
        PATH, files=FILE, data={"stream": "true", "response_format": "json", "include[]": "logprobs"}
    )
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-steno-ignored"] == "include"
    assert "event:" not in answer.text
    *deltas, done = events(answer.text)
    assert [each["type"] for each in deltas] == ["transcript.text.delta"] * 2
    assert "".join(each["delta"] for each in deltas) == done["text"] == TEXT
    assert done["usage"]["total_tokens"] == 405


async def test_events_in_mistrals_form(client: httpx.AsyncClient):
    answer = await client.post(PATH, files=FILE, data={"stream": "true", "timestamp_granularities": "segment"})
    named = [line[7:] for line in answer.text.split("\n") if line.startswith("event: ")]
    told = events(answer.text)
    assert named == [each["type"] for each in told]
    deltas = [each["text"] for each in told if each["type"] == "transcription.text.delta"]
    assert "".join(deltas) == told[-1]["text"] == TEXT
    assert [each["text"] for each in told[-1]["segments"]] == deltas
    assert named[-1] == "transcription.done"


def scope_of(request: httpx.Request) -> dict[str, Any]:
    return {
        "type": "http",
        "method": "POST",
        "path": PATH,
        "query_string": b"",
        "scheme": "http",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
    }


async def test_text_is_sent_while_the_file_is_still_being_decoded(server: Served, monkeypatch: pytest.MonkeyPatch):
    """Nothing more is read before the first text has been received."""
    heard = asyncio.Event()
    finals = recording.finals

    def waiting(blocks: AsyncIterator[Any], *arguments: Any) -> AsyncIterator[Any]:
        async def slow() -> AsyncIterator[Any]:
            read = 0
            async for block in blocks:
                yield block
                read += len(block)
                if read > 3.5 * 16_000:
                    await heard.wait()

        return finals(slow(), *arguments)

    monkeypatch.setattr(recording, "finals", waiting)
    received = b""

    async def send(message: Any) -> None:
        nonlocal received
        received += message.get("body", b"")
        if b"w19" in received:
            heard.set()

    async with server.client() as client:
        request = client.build_request("POST", PATH, files=FILE, data={"stream": "true"})
        body = await request.aread()
    async with asyncio.timeout(20):
        await server.app(scope_of(request), until_it_left(body, asyncio.Event()), send)
    assert events(received.decode())[-1]["text"] == TEXT


async def test_an_error_before_any_text_has_its_status_and_later_one_is_an_event(client: httpx.AsyncClient):
    broken = RECORDING[:-60_000]
    for dialect in ({"response_format": "json"}, {"context_bias": "x"}):
        answer = await client.post(PATH, files={"file": ("a.wav", broken)}, data={"stream": "true", **dialect})
        assert answer.status_code == 200
        assert "event: error" in answer.text
        assert events(answer.text)[-1]["error"]["code"] == "bad_media"
        answer = await client.post(PATH, files={"file": ("a.wav", b"RIFFnothing")}, data={"stream": "true", **dialect})
        assert answer.status_code == 415


async def test_silence_is_an_empty_transcript(client: httpx.AsyncClient):
    for stream in ("false", "true"):
        answer = await client.post(
            PATH, files={"file": ("a.wav", wav(silence(1.0).tobytes()))}, data={"stream": stream, "model": "whisper-1"}
        )
        told = events(answer.text)[-1] if stream == "true" else answer.json()
        assert (answer.status_code, told["text"]) == (200, "")


FAULTS: dict[str, tuple[dict[str, Any], int, str]] = {
    "no body": ({}, 415, "unsupported_media"),
    "another body": ({"content": b"x", "headers": {"Content-Type": "text/plain"}}, 415, "unsupported_media"),
    "no json": ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, "bad_request"),
    "json that is a list": ({"json": []}, 400, "bad_request"),
    "no boundary": ({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400, "bad_request"),
    "no file": ({"data": {"model": "whisper-1"}}, 400, "bad_request"),
    "a file as text": ({"data": {"file": "talk.wav"}}, 400, "bad_request"),
    "two files": ({"files": [*FILE.items(), *FILE.items()]}, 400, "bad_request"),
    "two sources": ({"files": FILE, "data": {"file_id": "x"}}, 400, "bad_request"),
    "an unknown model": ({"files": FILE, "data": {"model": "nobody"}}, 404, "model_not_found"),
    "an unknown format": ({"files": FILE, "data": {"response_format": "diarized_json"}}, 400, "bad_request"),
    "an unknown language": ({"files": FILE, "data": {"language": "xx"}}, 400, "unsupported"),
    "a wrong number": ({"files": FILE, "data": {"temperature": "hot"}}, 400, "bad_request"),
    "no audio": ({"files": {"file": ("a.txt", b"no audio at all")}}, 415, "unsupported_media"),
    "an empty file": ({"files": {"file": ("a.wav", b"")}}, 415, "unsupported_media"),
    "half a file": ({"files": {"file": ("a.wav", RECORDING[:-30_000])}}, 422, "bad_media"),
    "a file over the limit": ({"files": {"file": ("a.wav", bytes(1_000_001))}}, 413, "too_large"),
    "a body without a file over the limit": ({"json": {"prompt": "x" * 300_000}}, 413, "too_large"),
    "too much audio": ({"files": {"file": ("a.flac", flac_bomb(80))}}, 413, "too_large"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def refusing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """A server that takes a minute of audio, for requests that it refuses."""
    options = RecordingOptions(max_recording_h=60 / 3600)
    async with served(tmp_path_factory.mktemp("refusing"), recordings=options) as server:
        yield server


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("fault", FAULTS)
async def test_what_is_wrong_is_told_in_both_vendors_envelope(refusing: Served, fault: str):
    sent, status, code = FAULTS[fault]
    async with refusing.client(**{"User-Agent": "OpenAI/Python 3.57.0"}) as client:
        answer = await client.post(PATH, **sent)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.json()["message"] == answer.json()["error"]["message"] != ""
    refusing.assert_idle()


async def test_translations(client: httpx.AsyncClient):
    answer = await client.post("/v1/audio/translations", files=FILE, data={"model": "whisper-1"})
    assert (answer.json()["text"], answer.json()["task"]) == (TEXT.upper(), "translate")
    verbose = await client.post("/v1/audio/translations", files=FILE, data={"response_format": "verbose_json"})
    assert verbose.json()["language"] == "english"


async def test_what_cannot_be_honoured_is_named(client: httpx.AsyncClient):
    asked = {"diarize": "true", "include[]": "logprobs", "temperature": "0.7", "stream": "false", "keywords": "Ada"}
    answer = await client.post(PATH, files=FILE, data=asked)
    assert answer.status_code == 200
    assert set(answer.headers["x-steno-ignored"].split(", ")) == {"diarize", "include", "temperature"}


async def test_paths_with_a_vendors_name_settle_the_dialect(client: httpx.AsyncClient):
    for path, event in (("/openai" + PATH, None), ("/mistral" + PATH, "event: transcription.done")):
        answer = await client.post(path, files=FILE, data={"stream": "true"})
        assert answer.status_code == 200
        assert ("event:" in answer.text) == (event is not None)
    assert (await client.get("/mistral/v1/models")).json() == (await client.get("/v1/models")).json()
    assert (await client.get("/nobody/v1/models")).status_code == 404


async def test_keys_are_asked_for(tmp_path: Path):
    async with served(tmp_path, KEY) as server:
        for key, status in ((None, 401), ("wrong", 401), (KEY, 200)):
            async with server.client(key) as client:
                answer = await client.post(PATH, files=FILE)
            assert answer.status_code == status
        async with server.client(**{"x-api-key": KEY}) as client:
            assert (await client.post(PATH, files=FILE)).status_code == 200


async def test_one_key_cannot_take_every_place(tmp_path: Path):
    options = AdmissionOptions(max_recordings=1, max_recordings_per_key=1)
    async with served(tmp_path, KEY, OTHER, admission=options) as server:
        admission = server.service.admission
        async with server.client(KEY) as client, server.client(OTHER) as other, admission.turn:
            waiting = asyncio.create_task(client.post(PATH, files=FILE))
            while not admission._places:  # noqa: ASYNC110  there is no event to wait for
                await asyncio.sleep(0)
            refused = await client.post(PATH, files=FILE)
            assert (refused.status_code, refused.headers["Retry-After"]) == (429, "30")
            theirs = asyncio.create_task(other.post(PATH, files=FILE))
            while admission._places.total() < 2:  # noqa: ASYNC110
                await asyncio.sleep(0)
            assert not waiting.done()
        assert (await waiting).json()["text"] == (await theirs).json()["text"] == TEXT


async def test_more_than_can_wait_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("stream.admission.WAITING", 1)
    async with served(tmp_path, admission=AdmissionOptions(max_recordings=1)) as server, server.client() as client:
        with server.service.admission.place(None):
            refused = await client.post(PATH, files=FILE)
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "overloaded")
            assert refused.headers["Retry-After"]
        assert (await client.post(PATH, files=FILE)).status_code == 200


async def test_a_server_that_shuts_down_takes_no_more_and_ends_what_it_has(server: Served, client: httpx.AsyncClient):
    server.service.admission.closing = True
    assert (await client.post(PATH, files=FILE)).status_code == 503
    server.service.admission.closing = False
    server.service.admission.draining = True
    assert (await client.post(PATH, files=FILE)).status_code == 503


def until_it_left(body: bytes, left: asyncio.Event) -> Callable[[], Awaitable[dict[str, Any]]]:
    """What a client sends: its body, and that it hangs up."""
    parts = [body]

    async def receive() -> dict[str, Any]:
        if parts:
            return {"type": "http.request", "body": parts.pop()}
        await left.wait()
        return {"type": "http.disconnect"}

    return receive


async def test_a_client_that_leaves_ends_the_work(server: Served):
    """Its turn never comes, and it hangs up."""
    async with server.client() as client:
        request = client.build_request("POST", PATH, files=FILE)
        body = await request.aread()
    left = asyncio.Event()
    receive = until_it_left(body, left)

    async def send(message: Any) -> None:
        pass

    admission = server.service.admission
    for _ in range(4):
        await admission.turn.acquire()
    asking = asyncio.create_task(server.app(scope_of(request), receive, send))
    while not admission._places:  # noqa: ASYNC110  there is no event to wait for
        await asyncio.sleep(0)
    left.set()
    async with asyncio.timeout(10):
        await asking
    assert admission._places.total() == 0


async def test_what_came_of_recordings_is_counted(server: Served, client: httpx.AsyncClient):
    await client.post(PATH, files=FILE)
    await client.post(PATH, files={"file": ("a.wav", b"no audio")})
    counted = (await client.get("/metrics")).text
    assert 'stt_recordings_total{outcome="done"} 1.0' in counted
    assert 'stt_recordings_total{outcome="unsupported_media"} 1.0' in counted


async def test_nothing_that_is_said_or_asked_is_logged(client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture):
    caplog.set_level("DEBUG", "stream")
    caplog.set_level("DEBUG", "steno")
    await client.post(PATH, files={"file": ("canary.wav", RECORDING)}, data={"prompt": "say=canary"})
    await client.post(PATH, files={"file": ("canary.wav", b"canary")}, data={"prompt": "canary"})
    assert "canary" not in caplog.text
    assert "w19" not in caplog.text


async def test_a_client_that_leaves_in_the_middle_of_events_leaves_nothing(server: Served):
    async with server.client() as client:
        request = client.build_request("POST", PATH, files=FILE, data={"stream": "true"})
        body = await request.aread()
    left = asyncio.Event()
    receive = until_it_left(body, left)

    async def send(message: Any) -> None:
        if b"w19" in message.get("body", b""):
            left.set()
            await asyncio.Event().wait()

    async with asyncio.timeout(20):
        await server.app(scope_of(request), receive, send)
    assert server.service.admission._places.total() == 0
    assert server.engine.backlog_s == 0


async def test_a_signed_url_that_was_never_ours_is_refused_by_a_server_without_files(client: httpx.AsyncClient):
    forged = f"http://localhost:8765/v1/signed/{'0' * 8}-{'0' * 27}?expires=9999999999&signature={'0' * 64}"
    answer = await client.post(PATH, json={"file_url": forged})
    assert answer.status_code == 400
    assert (await client.get(forged)).status_code == 403
