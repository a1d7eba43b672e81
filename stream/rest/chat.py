"""Chats about recordings, in OpenAI's and Mistral's dialects on the same route.

Knows nothing of how bodies are read, recordings decoded or answers written.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from functools import partial

from fastapi import APIRouter, Request, Response

from stream.chatting import Asked, Chatting, Recorded, about
from stream.errors import ServerError, StreamError, UnsupportedMedia
from stream.files import Arriving
from stream.rest import chat_descriptions, chat_request
from stream.rest.chat_answer import Answer
from stream.rest.chat_body import Inlined, received
from stream.rest.chat_request import Audio, ChatRequest, Inline
from stream.rest.desk import Desk, unless_gone
from stream.rest.failures import DIALECT, documented
from stream.rest.request import FileUrl, Upload
from stream.rest.telling import begun
from stream.rest.transcriptions import IGNORED, STATUSES

log = logging.getLogger(__name__)

Arrived = dict[str, Arriving]
"""The files of clips that are not the server's own, by the clips' places in the request."""


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(tags=["chat"], default_response_class=Response)
    reading = asyncio.Lock()  # a body takes several times its size of memory while it is read

    @router.post(
        "/v1/chat/completions",
        responses={200: chat_descriptions.COMPLETION, **documented(*STATUSES)},
        openapi_extra={"requestBody": chat_descriptions.CHAT_REQUEST},
    )
    async def completions(request: Request) -> Response:
        """An answer to messages, of which those of the user may hold recordings."""
        key = request.scope.get("steno.key")
        async with AsyncExitStack() as holding:
            holding.enter_context(desk.place(key))
            asked, arrived = await _read(desk, request, reading, holding)
            engine = desk.chatting(asked.model)
            await unless_gone(request.receive, _fetch(desk, key, asked, arrived, holding))
            chatting = desk.answering(_with_files(desk, key, asked, arrived), engine)
            answer = Answer(asked, f"chatcmpl-{uuid.uuid4().hex}", engine.name, int(time.time()))
            headers = {IGNORED: ", ".join(asked.ignored)} if asked.ignored else {}
            if asked.streamed:
                return await begun(request, _telling(chatting, answer), holding, headers)
            body = await unless_gone(request.receive, _whole(chatting, answer))
            return Response(body, headers=headers, media_type="application/json")

    return router


async def _read(
    desk: Desk, request: Request, reading: asyncio.Lock, holding: AsyncExitStack
) -> tuple[ChatRequest, Arrived]:
    """What is asked, and the files in it, which are discarded with `holding`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMedia("the body is JSON", hint="curl: `-H 'Content-Type: application/json' -d '{…}'`")
    body = await received(request, desk)
    holding.push_async_callback(asyncio.to_thread, body.discard)
    inlined = Inlined()
    holding.push_async_callback(asyncio.to_thread, inlined.discard)
    async with reading:
        fields = await asyncio.to_thread(lambda: chat_request.decode(_contents(body)))
        request.scope[DIALECT] = spoken = chat_request.told(
            request.scope["path"],
            fields,
            user_agent=request.headers.get("user-agent", ""),
            accept=request.headers.get("accept", ""),
            x_api_key="x-api-key" in request.headers,
        )
        asked = await asyncio.to_thread(chat_request.read, fields, spoken)
        arrived = await asyncio.to_thread(_put, desk, request.scope.get("steno.key"), asked, inlined)
        asked = asked.put_away()
    await asyncio.to_thread(body.discard)
    return asked, arrived


def _contents(body: Arriving) -> bytes:
    with body.open() as file:
        return file.read()


def _put(desk: Desk, key: str | None, asked: ChatRequest, inlined: Inlined) -> Arrived:
    return {
        clip.where: inlined.put(desk.receive(key), clip.source, clip.where)
        for clip in asked.clips
        if isinstance(clip.source, Inline)
    }


async def _fetch(desk: Desk, key: str | None, asked: ChatRequest, arrived: Arrived, holding: AsyncExitStack) -> None:
    """Have what is elsewhere arrive before it is anyone's turn: strangers' servers may take their time."""
    for clip in asked.clips:
        if isinstance(clip.source, FileUrl) and not await desk.is_own(clip.source.url):
            with about(clip.where):
                arrived[clip.where] = await holding.enter_async_context(desk.fetched(key, clip.source.url))


def _with_files(desk: Desk, key: str | None, asked: ChatRequest, arrived: Arrived) -> Asked:
    """What is asked, with files in place of their sources. Each is opened when it is its turn."""

    def recorded(part: str | Audio) -> str | Recorded:
        if isinstance(part, str):
            return part
        assert not isinstance(part.source, Inline)
        file = arrived.get(part.where)
        return Recorded(part.where, partial(desk.opened, key, Upload() if file else part.source, file))

    messages = tuple((each.role, tuple(map(recorded, each.content))) for each in asked.messages)
    return Asked(messages, asked.options, asked.stop)


async def _whole(chatting: Chatting, answer: Answer) -> bytes:
    async with aclosing(chatting.deltas()) as deltas:
        said = [delta async for delta in deltas]
    return answer.whole("".join(delta.text for delta in said), said[-1], chatting.heard)


async def _telling(chatting: Chatting, answer: Answer) -> AsyncGenerator[bytes, None]:
    """The answer's events. Before the first one errors are raised, then they are told."""
    first = answer.first()
    try:
        async with aclosing(chatting.deltas()) as deltas:
            async for delta in deltas:
                yield first + answer.delta(delta, chatting.heard)
                first = b""
    except StreamError as error:
        if first:
            raise
        if isinstance(error, ServerError):
            log.error("a chat failed: %s", error.message, exc_info=error)
        yield answer.failed(error)
