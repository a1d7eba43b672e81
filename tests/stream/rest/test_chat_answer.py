"""stream/rest/chat_answer.py"""

from __future__ import annotations

import json
from typing import Any

import pytest
from mistralai.client.models import ChatCompletionResponse, CompletionChunk
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from models.chat import ChatOptions, Delta
from stream.errors import EngineFailed
from stream.rest.chat_answer import Answer
from stream.rest.chat_request import ChatRequest, Message

LAST = Delta(finish="length", prompt_tokens=380, audio_tokens=375, completion_tokens=2)
HEARD = 16_001
USAGE = {
    "prompt_tokens": 380,
    "completion_tokens": 2,
    "total_tokens": 382,
    "prompt_audio_seconds": 2,
    "prompt_tokens_details": {"audio_tokens": 375},
}


def answer(dialect: Any, **fields: Any) -> Answer:
    request = ChatRequest(messages=(Message("user", ("Hi",)),), options=ChatOptions(), dialect=dialect, **fields)
    return Answer(request, "chatcmpl-1", "voxtral", 1_700_000_000)


def events(told: bytes) -> list[Any]:
    """What is told as data; `[DONE]` as text."""
    lines = told.decode().removesuffix("\n\n").split("\n\n")
    data = [line.removeprefix("data: ") for line in lines]
    return [each if each == "[DONE]" else json.loads(each) for each in data]


@pytest.mark.parametrize("dialect", ["openai", "mistral"])
def test_a_whole_answer_is_one_that_both_vendors_take(dialect: str):
    body = json.loads(answer(dialect).whole("So it is.", LAST, HEARD))
    assert body == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "voxtral",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "So it is."}, "finish_reason": "length"}],
        "usage": USAGE,
    }
    assert ChatCompletion.model_validate(body).choices[0].message.content == "So it is."
    response = ChatCompletionResponse.model_validate(body)
    assert response.choices[0].message.content == "So it is."
    assert response.usage.prompt_audio_seconds == 2


def told(dialect: str, **fields: Any) -> list[Any]:
    stream = answer(dialect, **fields)
    said = [stream.first(), stream.delta(Delta(text="So"), 0), stream.delta(Delta(), 0)]
    return events(b"".join([*said, stream.delta(Delta(text=" it"), 0), stream.delta(LAST, HEARD)]))


def shown(chunks: list[Any]) -> list[Any]:
    return [(choice["delta"], choice["finish_reason"]) for chunk in chunks for choice in chunk["choices"]]


BEGINNING = [({"role": "assistant", "content": ""}, None), ({"content": "So"}, None), ({"content": " it"}, None)]


def test_openais_chunks():
    *chunks, done = told("openai")
    assert done == "[DONE]"
    assert shown(chunks) == [*BEGINNING, ({}, "length")]
    assert [chunk for chunk in chunks if "usage" in chunk] == []
    assert [ChatCompletionChunk.model_validate(chunk).id for chunk in chunks] == ["chatcmpl-1"] * 4


def test_openais_usage_has_a_chunk_of_its_own():
    *chunks, last, _ = told("openai", include_usage=True)
    assert shown(chunks) == [*BEGINNING, ({}, "length")]
    assert (last["choices"], last["usage"]) == ([], USAGE)
    usage = ChatCompletionChunk.model_validate(last).usage
    assert usage is not None
    assert usage.prompt_tokens_details is not None
    assert usage.prompt_tokens_details.audio_tokens == 375


def test_mistrals_usage_is_in_the_last_chunk():
    *chunks, done = told("mistral", include_usage=True)
    assert done == "[DONE]"
    assert shown(chunks) == [*BEGINNING, ({"content": ""}, "length")]
    assert [chunk.get("usage") for chunk in chunks] == [None, None, None, USAGE]
    assert [CompletionChunk.model_validate(chunk).model for chunk in chunks] == ["voxtral"] * 4


def test_the_last_text_may_come_with_the_end():
    stream = answer("openai")
    ending = stream.delta(Delta(text="!", finish="stop", completion_tokens=1), HEARD)
    assert shown(events(ending)[:-1]) == [({"content": "!"}, None), ({}, "stop")]


def test_an_error_on_the_way_has_no_end_behind_it():
    event = answer("openai").failed(EngineFailed("it died")).decode()
    assert event.startswith("event: error\ndata: ")
    assert json.loads(event.partition("data: ")[2])["error"]["message"] == "it died"
    assert "[DONE]" not in event
