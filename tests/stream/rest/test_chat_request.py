"""stream/rest/chat_request.py"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.chat import ChatOptions
from stream.errors import BadRequest, ClientError, TooLarge, Unsupported
from stream.rest.chat_request import (
    MAX_CLIPS,
    MAX_MARKS,
    MAX_TEXT,
    Audio,
    ChatRequest,
    Inline,
    Message,
    decode,
    read,
    told,
)
from stream.rest.fields import WrongField
from stream.rest.request import FileId, FileUrl, Upload

URL = "https://docs.example/a.mp3"


def asked(**fields: Any) -> ChatRequest:
    return read(decode(json.dumps({"messages": [{"role": "user", "content": "Hi"}], **fields}).encode()))


def content(*parts: Any) -> ChatRequest:
    return asked(messages=[{"role": "user", "content": list(parts)}])


def test_the_least_that_can_be_asked():
    assert asked() == ChatRequest(messages=(Message("user", ("Hi",)),), options=ChatOptions())


def test_messages_keep_their_order_and_roles():
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "One"}, {"type": "text", "text": ""}]},
        {"role": "assistant", "content": "Two", "tool_calls": None, "prefix": False, "refusal": None},
        {"role": "user", "content": "Three", "name": "Ada"},
    ]
    assert asked(messages=messages).messages == (
        Message("system", ("Be brief.",)),
        Message("user", ("One",)),
        Message("assistant", ("Two",)),
        Message("user", ("Three",)),
    )


@pytest.mark.parametrize(
    ("part", "source"),
    [
        ({"type": "input_audio", "input_audio": "AAAA"}, Inline("AAAA")),
        ({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}, Inline("AAAA")),
        ({"type": "input_audio", "input_audio": "data:audio/mp3;base64,AAAA"}, Inline("data:audio/mp3;base64,AAAA")),
        ({"type": "input_audio", "input_audio": URL}, FileUrl(URL)),
        ({"type": "input_audio", "input_audio": {"data": URL, "format": "mp3"}}, FileUrl(URL)),
        ({"type": "input_audio", "input_audio": "HTTP://docs.example/a"}, FileUrl("HTTP://docs.example/a")),
        ({"type": "file", "file_id": "7"}, FileId("7")),
        ({"type": "file", "file": {"file_id": "7"}}, FileId("7")),
    ],
)
def test_audio_comes_in_many_forms(part: Any, source: Any):
    request = content({"type": "text", "text": "Before"}, part, part)
    first, second = (Audio(f"messages[0].content[{place}]", source) for place in (1, 2))
    assert request.messages[0].content == ("Before", first, second)
    assert request.clips == (first, second)


def test_files_in_a_request_can_be_put_away():
    request = content({"type": "input_audio", "input_audio": "AAAA"}, {"type": "file", "file_id": "7"})
    assert [clip.source for clip in request.put_away().clips] == [Upload(), FileId("7")]
    assert "AAAA" not in repr(request.put_away())


def test_options():
    request = asked(temperature=0.7, top_p=0.5, max_tokens=9, seed=-3, stop="x", model="m", stream=True)
    assert request.options == ChatOptions(temperature=0.7, top_p=0.5, max_tokens=9, seed=-3)
    assert (request.stop, request.model, request.streamed, request.ignored) == (("x",), "m", True, ())
    assert asked(random_seed=5).options.seed == 5
    assert asked(seed=0, random_seed=5).options.seed == 0
    assert asked(max_tokens=9, max_completion_tokens=4).options.max_tokens == 4
    assert asked(stop=["a", "", "b"]).stop == ("a", "b")
    nothing = dict.fromkeys(("temperature", "top_p", "max_tokens", "seed", "stop", "model", "stream", "n", "tools"))
    assert asked(**nothing, stream_options=None, response_format=None) == asked()


def test_usage_is_told_to_whom_it_is_due():
    assert not asked(stream=True).include_usage
    assert asked(stream=True, stream_options={"include_usage": True}).include_usage
    assert read(decode(b'{"messages": [{"role": "user", "content": "Hi"}]}'), "mistral").include_usage


def test_what_asks_for_nothing_more_is_no_error():
    same = {"n": 1, "tools": [], "tool_choice": "none", "response_format": {"type": "text"}, "modalities": ["text"]}
    same |= {"logprobs": False, "presence_penalty": 0, "service_tier": "auto", "metadata": {}, "user": ""}
    assert asked(**same) == asked()


def test_what_is_ignored_is_named():
    request = asked(logprobs=True, presence_penalty=0.5, user="Ada", **{"od\nd": 1, "x" * 65: 1})
    assert request.ignored == ("logprobs", "presence_penalty", "user")
    assert len(asked(**{f"field{number}": 1 for number in range(100)}).ignored) == 20


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{}]}, {"role": "user", "content": "Hi"}]},
            "messages",
        ),
    ],
)
def test_what_a_client_can_not_do_without_is_refused(fields: dict[str, Any], param: str):
    with pytest.raises(Unsupported) as caught:
        asked(**fields)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("fields", "param", "message"),
    [
        ({"temperature": 2.5}, "temperature", "temperature"),
        ({"temperature": "hot"}, "temperature", "temperature"),
        ({"top_p": 0}, "top_p", "top_p"),
        ({"max_tokens": 0}, "max_tokens", "max_tokens"),
        ({"max_tokens": 10**40}, "max_tokens", "max_tokens"),
        ({"seed": 1 << 63}, "seed", "seed"),
        ({"stream": "yes"}, "stream", "stream"),
        ({"stream_options": {"include_usage": 3}}, "stream_options", "stream_options.include_usage"),
        ({"stop": ["x"] * 17}, "stop", "stop"),
        ({"stop": "x" * 257}, "stop", "stop"),
        ({"messages": None}, "messages", "messages"),
        ({"messages": []}, "messages", "messages"),
        ({"messages": [{"content": "Hi"}]}, "messages", "role"),
        ({"messages": [{"role": "tool", "content": "Hi"}]}, "messages", r"messages\[0\]\.role"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages", r"messages\[0\]` holds nothing"),
        ({"messages": [{"role": "user"}]}, "messages", r"messages\[0\]` holds nothing"),
        ({"messages": [{"role": "assistant", "content": "Hi"}]}, "messages", "the last message"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages", "image_url"),
        ({"messages": [{"role": "user", "content": [{"type": "file"}]}]}, "messages", "file_id"),
        (
            {"messages": [{"role": "system", "content": [{"type": "input_audio", "input_audio": "AAAA"}]}]},
            "messages",
            "only the user",
        ),
    ],
)
def test_wrong_fields_are_named(fields: dict[str, Any], param: str, message: str):
    with pytest.raises(WrongField, match=message) as caught:
        asked(**fields)
    assert caught.value.param == param


def test_a_body_without_messages():
    with pytest.raises(WrongField, match="messages") as caught:
        read({})
    assert caught.value.param == "messages"


def test_an_error_repeats_only_the_beginning_of_what_is_wrong():
    with pytest.raises(WrongField) as caught:
        asked(messages=[{"role": "x" * 1_000_000, "content": "Hi"}])
    assert len(caught.value.message) < 300


def test_there_is_a_limit_to_clips_and_to_text():
    clip = {"type": "input_audio", "input_audio": "AAAA"}
    assert len(content(*[clip] * MAX_CLIPS).clips) == MAX_CLIPS
    with pytest.raises(TooLarge, match="100 clips"):
        content(*[clip] * 100)
    half = {"type": "text", "text": "x" * (MAX_TEXT // 2)}
    assert content(half, half)
    with pytest.raises(TooLarge, match="characters"):
        content(half, half, {"type": "text", "text": "x"})


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"x"', b"\xff", b'{"x": "\\ud800"}', b"[" * 100_000, b'{"messages": ' + b"[" * 100_000],
    ids=range(8),
)
def test_what_is_no_json_object_is_refused(body: bytes):
    with pytest.raises(BadRequest):
        decode(body)


def test_a_body_that_would_be_millions_of_objects_is_refused():
    with pytest.raises(TooLarge, match="too many values"):
        decode(b'{"messages": [' + b"[]," * (MAX_MARKS // 2) + b"[]]}")


ODD = st.sampled_from([None, True, 0, -1, 1.5, 1 << 70, "", "user", "text", [], {}, ["text"], {"type": "text"}])
OBJECTS = st.dictionaries(st.sampled_from(["role", "content", "type", "text", "input_audio", "file"]), ODD, max_size=3)
NAMES = (
    "messages",
    "temperature",
    "stop",
    "seed",
    "n",
    "tools",
    "modalities",
    "stream_options",
    "response_format",
    "x",
)


@given(st.dictionaries(st.sampled_from(NAMES), ODD | OBJECTS | st.lists(OBJECTS, max_size=2), max_size=4))
def test_whatever_is_sent_is_read_or_is_the_clients_fault(fields: dict[str, Any]):
    with suppress(ClientError):
        assert isinstance(asked(**fields), ChatRequest)


@pytest.mark.parametrize(
    ("fields", "headers", "dialect"),
    [
        ({}, {}, "openai"),
        ({"random_seed": 3}, {}, "mistral"),
        ({"seed": 3}, {"x_api_key": True}, "openai"),
        ({"response_format": {}, "model": "voxtral-mini-2507"}, {}, "mistral"),
        ({"random_seed": 3}, {"user_agent": "OpenAI/Python"}, "openai"),
        ({"model": 3}, {"user_agent": "mistral-client-python/3"}, "mistral"),
        ({"model": "whisper-1"}, {"x_api_key": True}, "openai"),
    ],
)
def test_the_dialect(fields: dict[str, Any], headers: dict[str, Any], dialect: str):
    assert told("/v1/chat/completions", fields, **headers) == dialect
    assert told("/mistral/v1/chat/completions", fields, **headers) == "mistral"
