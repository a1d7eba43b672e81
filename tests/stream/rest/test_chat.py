"""Chats over the whole application: bodies, clips, models, events, errors and limits."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from stream.admission import AdmissionOptions
from stream.errors import BadRequest
from stream.rest.chat_request import MAX_CLIPS
from stream.rest.desk import RecordingOptions
from stream.rest.fetch import Fetcher, FetchOptions
from tests.stream.recordings import flac_bomb
from tests.stream.rest.served import KEY, OTHER, RECORDING, TEXT, Served, served
from tests.stream.rest.test_transcriptions import scope_of, until_it_left, uploaded

PATH = "/v1/chat/completions"
BASE64 = base64.b64encode(RECORDING).decode()
HEARD = f"[5.0 s: {TEXT}]"
URL = "https://example.com/talk.wav"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path, kinds=("scripted-chat",)) as server:
        yield server


@pytest.fixture
async def client(server: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with server.client() as client:
        yield client


def audio(value: Any) -> dict[str, Any]:
    return {"type": "input_audio", "input_audio": value}


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def chat(*content: Any, **fields: Any) -> dict[str, Any]:
    """A body. content: the parts of the user's message."""
    return {"model": "voxtral-mini-2507", "messages": [{"role": "user", "content": list(content)}], **fields}


async def answer(client: httpx.AsyncClient, *content: Any, **fields: Any) -> str:
    answered = await client.post(PATH, json=chat(*content, **fields))
    assert answered.status_code == 200, answered.text
    said: str = answered.json()["choices"][0]["message"]["content"]
    return said


async def refused(client: httpx.AsyncClient, *content: Any, **fields: Any) -> tuple[int, dict[str, Any]]:
    answered = await client.post(PATH, json=chat(*content, **fields))
    return answered.status_code, answered.json()["error"]


async def test_a_recording_and_a_question(client: httpx.AsyncClient):
    answered = await client.post(PATH, json=chat(audio({"data": BASE64, "format": "wav"}), text("What is said?")))
    assert (answered.status_code, answered.headers["content-type"]) == (200, "application/json")
    assert "x-steno-ignored" not in answered.headers
    body = answered.json()
    said = f"user: {HEARD} What is said?"
    assert body["choices"] == [{"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}]
    assert (body["object"], body["model"]) == ("chat.completion", "scripted-chat")
    assert body["usage"] == {
        "prompt_tokens": 375 + 3,
        "completion_tokens": len(said.split()),
        "total_tokens": 378 + len(said.split()),
        "prompt_audio_seconds": 5,
        "prompt_tokens_details": {"audio_tokens": 375},
    }


async def test_history_and_several_clips_in_order(client: httpx.AsyncClient):
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [audio(BASE64), text("And"), audio(f"data:audio/wav;base64,{BASE64}")]},
        {"role": "assistant", "content": "Words."},
        {"role": "user", "content": "Which?"},
    ]
    answered = await client.post(PATH, json={"messages": messages})
    said = answered.json()["choices"][0]["message"]["content"]
    assert said == f"system: Be brief. | user: {HEARD} And {HEARD} | assistant: Words. | user: Which?"


async def test_files_that_were_uploaded_before(client: httpx.AsyncClient):
    file_id = await uploaded(client)
    url = (await client.get(f"/v1/files/{file_id}/url")).json()["url"]
    for part in (audio(url), audio({"data": url}), {"type": "file", "file_id": file_id}):
        assert await answer(client, part) == f"user: {HEARD}"
    status, error = await refused(client, {"type": "file", "file_id": "nothing"})
    assert (status, error["param"]) == (404, "messages")
    assert error["message"].startswith("`messages[0].content[0]`: no such file")


class Fetched(Fetcher):
    """Has one file at one URL."""

    async def fetch(self, url: str, place: Any, most: int) -> None:
        if url != URL:
            raise BadRequest("the URL can't be reached", param="file_url")
        await asyncio.to_thread(place.write, RECORDING)


async def test_urls_are_fetched_where_that_is_on(tmp_path: Path, client: httpx.AsyncClient):
    status, error = await refused(client, audio(URL))
    assert (status, error["param"]) == (400, "messages")
    assert "--fetch-urls" in error["message"]
    fetcher = Fetched(FetchOptions(fetch_urls=True))
    async with served(tmp_path / "other", kinds=("scripted-chat",), fetcher=fetcher) as on, on.client() as client:
        assert await answer(client, audio(URL), audio({"data": URL, "format": "mp3"})) == f"user: {HEARD} {HEARD}"
        status, error = await refused(client, audio(URL), audio("https://example.com/other.wav"))
        assert (status, error["message"]) == (400, "`messages[0].content[1]`: the URL can't be reached")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/a", "http://169.254.169.254/latest", "http://[::1]/", "http://a:22/"]
)
async def test_private_addresses_are_not_asked(url: str, tmp_path: Path):
    fetcher = Fetcher(FetchOptions(fetch_urls=True))
    async with served(tmp_path, kinds=("scripted-chat",), fetcher=fetcher) as server, server.client() as client:
        status, error = await refused(client, audio(url))
        assert (status, error["param"]) == (400, "messages")


async def test_a_key_hears_its_own_files_only(tmp_path: Path):
    keyed = served(tmp_path, KEY, OTHER, kinds=("scripted-chat",))
    async with keyed as server, server.client(KEY) as client, server.client(OTHER) as other:
        part = {"type": "file", "file_id": await uploaded(client)}
        assert await answer(client, part) == f"user: {HEARD}"
        assert (await refused(other, part))[0] == 404
        assert (await server.client().post(PATH, json=chat(text("Hi")))).status_code == 401


# -- options ----------------------------------------------------------------------------------------------------------


async def test_options_reach_the_model(client: httpx.AsyncClient):
    assert await answer(client, text("Hi"), temperature=0.5, top_p=0.9, random_seed=7) == (
        "user: Hi (temperature 0.5, top_p 0.9, seed 7)"
    )
    answered = await client.post(PATH, json=chat(text("One two three"), max_tokens=2))
    choice = answered.json()["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("user: One", "length")
    assert await answer(client, text("One two three"), stop=["three"]) == "user: One two "


async def test_what_is_ignored_is_named(client: httpx.AsyncClient):
    answered = await client.post(PATH, json=chat(text("Hi"), logprobs=True, presence_penalty=1))
    assert answered.status_code == 200
    assert answered.headers["x-steno-ignored"] == "logprobs, presence_penalty"


async def test_errors_come_in_the_dialect_of_who_asks(client: httpx.AsyncClient):
    for headers in ({"user-agent": "OpenAI/Python 3"}, {"user-agent": "mistral-client-python/3"}):
        answered = await client.post(PATH, json=chat(text("Hi"), model="nobody"), headers=headers)
        assert answered.status_code == 404
        assert answered.json()["error"]["code"] == answered.json()["code"] == "model_not_found"
        assert "`scripted-chat` can chat" in answered.json()["message"]


async def test_the_body_is_json(client: httpx.AsyncClient):
    assert (await client.post(PATH, data={"model": "x"})).status_code == 415
    for body in (b"", b"{", b"[]", b"\xff"):
        answered = await client.post(PATH, content=body, headers={"content-type": "application/json; charset=utf-8"})
        assert answered.status_code == 400, body


# -- models -----------------------------------------------------------------------------------------------------------


async def test_a_model_that_can_chat_is_found_and_named(tmp_path: Path):
    async with served(tmp_path, kinds=("scripted", "scripted-chat")) as server, server.client() as client:
        for name in ("scripted-chat", "voxtral-small-latest", None):
            answered = await client.post(PATH, json=chat(text("Hi"), model=name))
            assert answered.json()["model"] == "scripted-chat"
        for name, status in (("scripted", 400), ("whisper-1", 400), ("gpt-4o", 404)):
            told, error = await refused(client, text("Hi"), model=name)
            assert (told, error["param"]) == (status, "model")
            assert "`scripted-chat` can chat" in error["message"]
        listed = (await client.get("/v1/models")).json()["data"]
        able = {each["id"] for each in listed if each["capabilities"]["completion_chat"]}
        assert able == {"scripted-chat"} | {f"voxtral-{size}-{date}" for size in ("mini", "small") for date in DATES}


DATES = ("latest", "2507")


async def test_a_server_without_one_says_how_to_get_it(tmp_path: Path):
    async with served(tmp_path) as server, server.client() as client:
        for name in ("scripted", "voxtral-mini-2507", None):
            status, error = await refused(client, text("Hi"), model=name)
            assert status == 400
            assert "--model voxtral:" in error["message"]
        listed = (await client.get("/v1/models")).json()["data"]
        assert not any(each["capabilities"]["completion_chat"] for each in listed)


# -- events -----------------------------------------------------------------------------------------------------------


def events(told: str) -> list[Any]:
    data = [event.removeprefix("data: ") for event in told.removesuffix("\n\n").split("\n\n")]
    assert data.pop() == "[DONE]"
    return [json.loads(each) for each in data]


async def test_an_answer_is_told_while_it_is_written(client: httpx.AsyncClient):
    answered = await client.post(PATH, json=chat(audio(BASE64), stream=True, logprobs=True))
    assert answered.headers["content-type"].startswith("text/event-stream")
    assert answered.headers["x-steno-ignored"] == "logprobs"
    chunks = events(answered.text)
    deltas = [chunk["choices"][0]["delta"].get("content", "") for chunk in chunks]
    assert "".join(deltas) == f"user: {HEARD}"
    assert len(deltas) > 30
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["usage"]["prompt_audio_seconds"] == 5, "it speaks Mistral's dialect, by its model's name"
    chunks = events((await client.post("/openai" + PATH, json=chat(text("Hi"), stream=True))).text)
    assert not any("usage" in chunk for chunk in chunks)


async def test_an_error_before_the_first_event_has_a_status(client: httpx.AsyncClient):
    answered = await client.post(PATH, json=chat(audio("AAAA"), stream=True))
    assert answered.status_code == 415


async def test_an_error_on_the_way_is_an_event(client: httpx.AsyncClient):
    answered = await client.post(PATH, json=chat(text("One raise@4"), stream=True))
    assert answered.status_code == 200
    assert "[DONE]" not in answered.text
    last = answered.text.removesuffix("\n\n").rpartition("\n\n")[2]
    assert last.startswith("event: error\ndata: ")
    assert json.loads(last.partition("data: ")[2])["error"]["type"] == "server_error"


async def test_a_model_that_fails_is_a_500(client: httpx.AsyncClient):
    status, error = await refused(client, text("raise@1"))
    assert (status, error["code"]) == (500, "engine_failed")


# -- hostile bodies ---------------------------------------------------------------------------------------------------


async def test_audio_that_is_none(client: httpx.AsyncClient):
    for value, status in (
        ("talk.mp3", 400),
        ("data:audio/wav,AAAA", 400),
        ("", 415),
        (base64.b64encode(b"no audio").decode(), 415),
        (base64.b64encode(RECORDING[:30]).decode(), 422),
    ):
        told, error = await refused(client, text("Listen:"), audio(value))
        assert (told, error["param"]) == (status, "messages"), value
        assert error["message"].startswith("`messages[0].content[1]`: ")


async def test_a_huge_body_is_refused_before_it_is_read(client: httpx.AsyncClient):
    answered = await client.post(PATH, json=chat(audio("A" * 1_000_000)))
    assert answered.status_code == 413
    assert "/v1/files" in answered.json()["error"]["hint"]


async def test_there_may_be_so_many_clips(client: httpx.AsyncClient):
    empty = audio(base64.b64encode(b"no audio").decode())
    status, error = await refused(client, *[empty] * (MAX_CLIPS + 1))
    assert (status, error["code"]) == (413, "too_large")


async def test_bombs_end_at_the_limit(tmp_path: Path):
    bomb = base64.b64encode(flac_bomb(7200)).decode()
    options = RecordingOptions(max_recording_h=6 / 3600)
    async with served(tmp_path, kinds=("scripted-chat",), recordings=options) as server, server.client() as client:
        assert (await refused(client, audio(bomb)))[0] == 413
        assert await answer(client, audio(BASE64)) == f"user: {HEARD}"
        status, error = await refused(client, audio(BASE64), audio(BASE64))
        assert status == 413, "together they are too long"
        assert error["message"].startswith("`messages[0].content[1]`: ")


async def test_what_is_too_long_for_the_model_is_the_clients_fault(client: httpx.AsyncClient):
    status, error = await refused(client, text("a " * 40_000))
    assert (status, error["param"]) == (400, "messages")
    assert "tokens" in error["message"]


# -- admission --------------------------------------------------------------------------------------------------------


async def test_chats_count_as_recordings(tmp_path: Path):
    options = AdmissionOptions(max_recordings_per_key=1)
    keyed = served(tmp_path, KEY, kinds=("scripted-chat",), admission=options)
    async with keyed as server, server.client(KEY) as client:
        place = server.service.admission.place
        with place("another"):
            assert await answer(client, text("Hi")) == "user: Hi"
        with place(server.app.access.key_ids[0]):
            answered = await client.post(PATH, json=chat(text("Hi")))
            assert (answered.status_code, answered.headers["retry-after"]) == (429, "30")


async def test_a_server_that_shuts_down_takes_no_more(server: Served, client: httpx.AsyncClient):
    server.service.admission.draining = True
    assert (await refused(client, text("Hi")))[0] == 503


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_client_that_leaves_ends_the_work(streamed: bool, server: Served):
    """Its turn never comes, and it hangs up."""
    async with server.client() as client:
        request = client.build_request("POST", PATH, json=chat(audio(BASE64), stream=streamed))
        body = await request.aread()
    left = asyncio.Event()

    async def send(message: Any) -> None:
        pass

    admission = server.service.admission
    for _ in range(4):
        await admission.chat_turn.acquire()
    asking = asyncio.create_task(server.app(scope_of(request), until_it_left(body, left), send))
    while not admission._places:  # noqa: ASYNC110  there is no event to wait for
        await asyncio.sleep(0)
    left.set()
    async with asyncio.timeout(10):
        await asking
    assert admission._places.total() == 0


async def test_a_client_that_leaves_in_the_middle_of_an_answer_leaves_nothing(server: Served):
    async with server.client() as client:
        request = client.build_request("POST", PATH, json=chat(audio(BASE64), stream=True))
        body = await request.aread()
    left = asyncio.Event()

    async def send(message: Any) -> None:
        if b"w19" in message.get("body", b""):
            left.set()
            await asyncio.Event().wait()

    async with asyncio.timeout(20):
        await server.app(scope_of(request), until_it_left(body, left), send)
    assert server.service.admission._places.total() == 0


async def test_what_came_of_chats_is_counted_and_nothing_of_them_logged(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("DEBUG", "stream")
    caplog.set_level("DEBUG", "steno")
    await answer(client, text("canary"), audio(BASE64))
    await refused(client, text("canary"), audio("AAAA"))
    counted = (await client.get("/metrics")).text
    assert 'stt_chats_total{outcome="done"} 1.0' in counted
    assert 'stt_chats_total{outcome="unsupported_media"} 1.0' in counted
    assert "canary" not in caplog.text
    assert "w19" not in caplog.text
