"""stream/rest/telling.py"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from fastapi import Request

from stream.errors import BadRequest
from stream.rest.desk import Gone
from stream.rest.telling import begun

closed: list[str]


@pytest.fixture(autouse=True)
def nothing_closed() -> None:
    global closed
    closed = []


async def telling(*events: bytes | Exception) -> AsyncGenerator[bytes, None]:
    try:
        for event in events:
            if isinstance(event, Exception):
                raise event
            yield event
        await asyncio.Event().wait()
    finally:
        closed.append("telling")


def held() -> AsyncExitStack:
    holding = AsyncExitStack()
    holding.callback(closed.append, "holding")
    return holding


def asked(left: asyncio.Event) -> Request:
    async def receive() -> dict[str, Any]:
        await left.wait()
        return {"type": "http.disconnect"}

    return Request({"type": "http", "headers": []}, receive)


async def test_what_is_told_is_sent_until_the_client_leaves_and_then_all_is_let_go():
    left, sent = asyncio.Event(), []
    request = asked(left)

    async def send(message: Any) -> None:
        sent.append(message)
        if message.get("body") == b"two":
            left.set()

    async with asyncio.timeout(10):
        answer = await begun(request, telling(b"one", b"two"), held(), {"x-a": "b"})
        assert closed == []
        await answer(request.scope, request.receive, send)
    assert [message.get("body") for message in sent[1:]] == [b"one", b"two"]
    headers = dict(sent[0]["headers"])
    assert (headers[b"x-a"], headers[b"x-accel-buffering"]) == (b"b", b"no")
    assert b"content-length" not in headers
    assert closed == ["telling", "holding"]


async def test_an_error_before_the_first_event_is_raised():
    with pytest.raises(BadRequest):
        async with held() as holding:
            await begun(asked(asyncio.Event()), telling(BadRequest("no")), holding, {})
    assert closed == ["telling", "holding"]


async def test_a_client_that_leaves_before_the_first_event_ends_it():
    left = asyncio.Event()
    left.set()
    with pytest.raises(Gone):
        async with held() as holding:
            await begun(asked(left), telling(), holding, {})
    assert closed == ["telling", "holding"]
