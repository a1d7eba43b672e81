"""What the API's description says of chats is what is read, and what is answered."""

from __future__ import annotations

import json
from typing import Any

import pytest

from models.chat import ChatOptions, Delta
from stream.rest.chat_answer import Answer
from stream.rest.chat_descriptions import CHAT_FIELDS, ChatCompletion
from stream.rest.chat_request import ChatRequest, Message, read

HI = [{"role": "user", "content": "Hi"}]
VALUES: dict[str, Any] = {
    "string": "x",
    "number": 0.5,
    "integer": 3,
    "boolean": True,
    "object": {"include_usage": True},
}


def value(name: str) -> Any:
    if name == "messages":
        return [{"role": "user", "content": "Bye"}]
    return VALUES[CHAT_FIELDS[name].get("type", "string")]


@pytest.mark.parametrize("name", CHAT_FIELDS)
def test_every_field_is_read(name: str):
    asked = read({"messages": HI, name: value(name)})
    assert asked.ignored == ()
    assert asked != read({"messages": HI})


@pytest.mark.parametrize("name", CHAT_FIELDS)
@pytest.mark.parametrize("key", ["minimum", "maximum", "enum"])
def test_what_is_at_a_limit_is_taken(name: str, key: str):
    if key in CHAT_FIELDS[name]:
        assert read({"messages": HI, name: CHAT_FIELDS[name][key]}).ignored == ()


def test_the_answer_has_the_fields_that_are_described():
    request = ChatRequest(messages=(Message("user", ("Hi",)),), options=ChatOptions())
    told = json.loads(Answer(request, "chatcmpl-1", "voxtral", 1).whole("Hi", Delta(finish="stop"), 16_000))
    assert ChatCompletion.model_validate(told).model_dump(exclude_unset=True) == told
