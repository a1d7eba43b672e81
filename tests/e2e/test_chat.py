"""Chats on a real server: the vendors' own clients and commands, beside live speech, and clients that leave."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from mistralai.client import Mistral
from mistralai.client.errors import SDKError
from openai import APIError, BadRequestError, NotFoundError, OpenAI

from models.scripted import ledger_audio
from tests.e2e.conftest import Server, hear, say
from tests.e2e.test_recordings import KEY, SIGN, UPLOAD, run
from tests.stream.rest.served import RECORDING, TEXT

MODEL = "voxtral-mini-2507"
HEARD = f"[5.0 s: {TEXT}]"
BASE64 = base64.b64encode(RECORDING).decode()


@pytest.fixture(scope="module")
def keyed(start_server: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Server:
    folder = str(tmp_path_factory.mktemp("data"))
    both = ("--model", "scripted", "--model", "scripted-chat")
    return start_server(*both, "--drain-s", "0", "--data-dir", folder, STENO_API_KEYS=KEY)


@pytest.fixture(scope="module")
def openais(keyed: Server) -> Iterator[OpenAI]:
    with OpenAI(api_key=KEY, base_url=keyed.http + "/v1", max_retries=0, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def mistrals(keyed: Server) -> Iterator[Mistral]:
    with Mistral(api_key=KEY, server_url=keyed.http, timeout_ms=30_000) as client:
        yield client


# -- OpenAI -----------------------------------------------------------------------------------------------------------


def asked(*content: Any) -> Any:
    return [{"role": "system", "content": "Be brief."}, {"role": "user", "content": list(content)}]


OPENAIS = {"type": "input_audio", "input_audio": {"data": BASE64, "format": "wav"}}
QUESTION = {"type": "text", "text": "What is said?"}
SAID = f"system: Be brief. | user: {HEARD} What is said?"


def test_openais_client_asks_about_a_recording(openais: OpenAI):
    told = openais.chat.completions.create(
        model=MODEL, messages=asked(OPENAIS, QUESTION), temperature=0, max_completion_tokens=500, seed=3, n=1
    )
    [choice] = told.choices
    assert (choice.message.content, choice.finish_reason, choice.message.role) == (SAID, "stop", "assistant")
    assert told.usage is not None
    assert told.usage.prompt_tokens_details is not None
    assert told.usage.prompt_tokens_details.audio_tokens == 375
    assert told.usage.total_tokens == told.usage.prompt_tokens + len(SAID.split())


def test_openais_client_iterates_an_answer(openais: OpenAI):
    chunks = list(
        openais.chat.completions.create(
            model=MODEL, messages=asked(OPENAIS), stream=True, stream_options={"include_usage": True}, max_tokens=10
        )
    )
    *said, last, usage = chunks
    words = ["Be", "brief.", "|", "user:", "[5.0", "s:", "w0", "w1", "w2"]
    told = [choice.delta.content for chunk in said for choice in chunk.choices]
    assert told == ["", "system:", *(f" {word}" for word in words)]
    assert [choice.finish_reason for choice in last.choices] == ["length"]
    assert usage.choices == []
    assert usage.usage is not None
    assert usage.usage.completion_tokens == 10


def test_openais_client_raises_its_own_errors(openais: OpenAI):
    create = openais.chat.completions.create
    with pytest.raises(NotFoundError, match="`scripted-chat` can chat") as missing:
        create(model="gpt-audio", messages=asked(QUESTION))
    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
    with pytest.raises(BadRequestError, match="`scripted-chat` can chat"):
        create(model="scripted", messages=asked(QUESTION))
    with pytest.raises(BadRequestError, match="tools"):
        create(model=MODEL, messages=asked(QUESTION), tools=[{"type": "function", "function": {"name": "f"}}])
    with pytest.raises(APIError, match="can't be answered"):
        list(create(model=MODEL, messages=asked({"type": "text", "text": "raise@5"}), stream=True))


# -- Mistral ----------------------------------------------------------------------------------------------------------


def test_mistrals_client_asks_about_recordings_of_all_forms(mistrals: Mistral):
    made = mistrals.files.upload(file={"file_name": "talk.wav", "content": RECORDING}, purpose="audio")
    url = mistrals.files.get_signed_url(file_id=made.id, expiry=1).url
    for value in (BASE64, f"data:audio/wav;base64,{BASE64}", url):
        content = [{"type": "input_audio", "input_audio": value}, QUESTION]
        told = mistrals.chat.complete(model=MODEL, messages=asked(*content), random_seed=3)
        [choice] = told.choices
        assert choice.message is not None
        assert (choice.message.content, choice.finish_reason) == (SAID, "stop")
        assert (told.usage.prompt_audio_seconds, told.model) == (5, "scripted-chat")
    told = mistrals.chat.complete(model=MODEL, messages=asked({"type": "file", "file_id": made.id}, QUESTION))
    assert told.choices[0].message is not None
    assert told.choices[0].message.content == SAID


def test_mistrals_client_iterates_an_answer(mistrals: Mistral):
    content = [{"type": "input_audio", "input_audio": BASE64}, QUESTION]
    with mistrals.chat.stream(model=MODEL, messages=asked(*content)) as events:
        told = [event.data for event in events]
    assert "".join(str(chunk.choices[0].delta.content) for chunk in told) == SAID
    assert [chunk.choices[0].finish_reason for chunk in told] == [None] * (len(told) - 1) + ["stop"]
    assert told[-1].usage is not None
    assert told[-1].usage.prompt_audio_seconds == 5


def test_mistrals_client_raises_its_own_errors(mistrals: Mistral):
    for model, status in (("nobody", 404), ("scripted", 400)):
        with pytest.raises(SDKError, match="`scripted-chat` can chat") as caught:
            mistrals.chat.complete(model=model, messages=asked(QUESTION))
        assert caught.value.status_code == status
    # An event that is no chunk is how its client is told.
    with (
        mistrals.chat.stream(model=MODEL, messages=asked({"type": "text", "text": "raise@5"})) as events,
        pytest.raises(Exception, match=r"answered|validation"),
    ):
        list(events)


def test_mistrals_client_sees_which_model_can_chat(mistrals: Mistral):
    listed = mistrals.models.list().data or []
    able = {each.id for each in listed if each.capabilities.completion_chat}
    assert able >= {"scripted-chat", MODEL}
    assert "scripted" not in able


# -- curl, as the documentation has it --------------------------------------------------------------------------------

ABOUT_A_URL = """
curl --location https://api.mistral.ai/v1/chat/completions \\
  --header "Authorization: Bearer $MISTRAL_API_KEY" \\
  --header "Content-Type: application/json" \\
  --data '{{
    "model": "voxtral-mini-2507",
    "messages": [
      {{
        "role": "user",
        "content": [
          {{"type": "input_audio", "input_audio": {audio}}},
          {{"type": "text", "text": "What'\\''s in this file?"}}
        ]
      }}
    ]
  }}'
"""


def test_the_commands_of_the_vendors_pages(keyed: Server, tmp_path: Path):
    file = tmp_path / "audio.mp3"
    file.write_bytes(RECORDING)
    url = run(keyed, SIGN.format(id=run(keyed, UPLOAD.format(file=file))["id"]))["url"]
    for audio in (f'{{"data": "{url}", "format": "mp3"}}', f'"{url}"'):
        told = run(keyed, ABOUT_A_URL.format(audio=audio))
        assert told["choices"][0]["message"]["content"] == f"user: {HEARD} What's in this file?"
    refused = run(keyed, ABOUT_A_URL.format(audio='{"data": "https://download.samplelib.com/a.mp3", "format": "mp3"}'))
    assert "--fetch-urls" in refused["message"]


# -- beside others ----------------------------------------------------------------------------------------------------


@pytest.fixture
async def client(keyed: Server) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(base_url=keyed.http, headers=headers, timeout=60) as client:
        yield client


def long(words: str, **fields: Any) -> dict[str, Any]:
    """A chat that goes on for minutes, if nobody ends it."""
    content = f"repeat=5000 slow=0.002 {words}"
    return {"model": "scripted-chat", "messages": [{"role": "user", "content": content}], "stream": True, **fields}


async def test_live_speech_is_heard_in_order_beside_a_chat(keyed: Server, client: httpx.AsyncClient):
    async with client.stream("POST", "/v1/chat/completions", json=long("on and on")) as answer:
        chunks = answer.aiter_lines()
        await anext(chunks)
        finals = await asyncio.to_thread(_talk, keyed)
        await anext(chunks)
    assert [final["text"].split() for final in finals] == [
        [f"w{n}" for n in range(20)],
        [f"w{n}" for n in range(30, 50)],
    ]
    assert [final["segment"] for final in finals] == [0, 1]


def _talk(server: Server) -> list[dict[str, Any]]:
    """Finals of two utterances, on the model that chats."""
    quiet = bytes(2 * 16_000)
    said = quiet.join(ledger_audio(first, 20).tobytes() for first in (0, 30))
    with server.connect(additional_headers={"x-api-key": KEY}) as socket:
        say(socket, type="start", model="scripted-chat")
        hear(socket, "ready")
        for start in range(0, len(said), 6400):
            socket.send(said[start : start + 6400])
        say(socket, type="stop")
        return [message for message in hear(socket, "done") if message["type"] == "final"]


async def test_a_client_that_leaves_frees_the_model_and_costs_others_nothing(client: httpx.AsyncClient):
    async def gone() -> float:
        counted = (await client.get("/metrics")).text
        lines = [line for line in counted.splitlines() if line.startswith('stt_chats_total{outcome="gone"}')]
        return float(lines[0].rpartition(" ")[2]) if lines else 0.0

    before = await gone()
    whole = {"model": MODEL, "messages": asked(OPENAIS, QUESTION)}
    for number in range(1, 4):
        async with client.stream("POST", "/v1/chat/completions", json=long("left")) as answer:
            neighbour = asyncio.create_task(client.post("/v1/chat/completions", json=whole))
            await anext(answer.aiter_lines())
        told = (await neighbour).json()
        assert told["choices"][0]["message"]["content"] == SAID
        async with asyncio.timeout(20):
            while await gone() < before + number:  # noqa: ASYNC110  there is no event to wait for
                await asyncio.sleep(0.02)


async def test_nothing_that_was_said_is_in_the_log(keyed: Server, client: httpx.AsyncClient):
    body = {"model": MODEL, "messages": [{"role": "user", "content": "canary"}]}
    assert (await client.post("/v1/chat/completions", json=body)).status_code == 200
    log = keyed.log.read_text()
    assert "canary" not in log
    assert "w19" not in log
    assert KEY not in log
