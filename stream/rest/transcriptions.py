"""Transcripts and translations of recordings, in OpenAI's and Mistral's dialects on the same routes.

Knows nothing of how bodies are read or recordings heard.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from functools import partial
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response

from models.base import Task
from stream.engine import Engine
from stream.errors import ServerError, StreamError, UnsupportedMedia
from stream.files import Arriving
from stream.multipart import OVERHEAD
from stream.rest import descriptions, dialect, sse
from stream.rest.answer import Answer, respond
from stream.rest.desk import Desk, unless_gone
from stream.rest.failures import DIALECT, documented
from stream.rest.fields import json_pairs
from stream.rest.intake import Intake, batches, short
from stream.rest.request import TranscriptionRequest, Upload, read
from stream.rest.telling import begun

log = logging.getLogger(__name__)

IGNORED = "x-steno-ignored"
"""Header that names what a request asked and didn't get, where the answer is good without."""
STATUSES = (400, 401, 404, 408, 413, 415, 422, 429, 500, 503, 507)


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(tags=["recordings"], default_response_class=Response)
    responses = {200: descriptions.TRANSCRIPT, **documented(*STATUSES)}
    extra = {"requestBody": descriptions.TRANSCRIPTION_REQUEST}

    @router.post("/v1/audio/transcriptions", responses=responses, openapi_extra=extra)
    async def transcriptions(request: Request) -> Response:
        """The transcript of a recording: in OpenAI's form or in Mistral's, whichever the request speaks."""
        return await _answered(desk, request, "transcribe")

    @router.post("/v1/audio/translations", responses=responses, openapi_extra=extra)
    async def translations(request: Request) -> Response:
        """What is said in a recording, in English."""
        return await _answered(desk, request, "translate")

    return router


async def _answered(desk: Desk, request: Request, task: Task) -> Response:
    key = request.scope.get("steno.key")
    async with AsyncExitStack() as holding:
        holding.enter_context(desk.place(key))
        asked, arrived = await _read(desk, request, task, holding)
        asked, engine = desk.chosen(asked)
        headers = {IGNORED: ", ".join(asked.ignored)} if asked.ignored else {}
        if not asked.streamed:
            kind, body = await unless_gone(request.receive, _whole(desk, key, asked, engine, arrived))
            return Response(body, headers=headers, media_type=kind)
        return await begun(request, _telling(desk, key, asked, engine, arrived), holding, headers)


async def _read(
    desk: Desk, request: Request, task: Task, holding: AsyncExitStack
) -> tuple[TranscriptionRequest, Arriving | None]:
    """What is asked, and the file that came with it, which is discarded with `holding`."""
    kind = request.headers.get("content-type", "")
    bare = kind.partition(";")[0].strip().lower()
    files: list[tuple[str, Upload]] = []
    arrived = None
    if bare == "multipart/form-data":
        intake = Intake(kind, partial(desk.receive, request.scope.get("steno.key")))
        holding.push_async_callback(asyncio.to_thread, intake.discard)
        async for batch in batches(request, desk.store.max_file + OVERHEAD, desk.store.too_large):
            await asyncio.to_thread(intake.take, batch)
        intake.end()
        pairs, arrived = intake.pairs, intake.place
        if intake.begun is not None:
            files.append((intake.begun.name, Upload(intake.begun.filename, intake.begun.mimetype or "")))
    elif bare == "application/x-www-form-urlencoded":
        pairs = parse_qsl((await short(request)).decode("utf-8", "replace"), keep_blank_values=True)
    elif bare == "application/json":
        pairs = json_pairs(await short(request))
    else:
        raise UnsupportedMedia("the body is a form or JSON", hint="curl: `-F file=@talk.mp3 -F model=whisper-1`")
    spoken = dialect.told(
        request.scope["path"],
        pairs,
        user_agent=request.headers.get("user-agent", ""),
        accept=request.headers.get("accept", ""),
        x_api_key="x-api-key" in request.headers,
    )
    request.scope[DIALECT] = spoken
    return read(pairs, files, dialect=spoken, task=task), arrived


async def _whole(
    desk: Desk, key: str | None, asked: TranscriptionRequest, engine: Engine, arrived: Arriving | None
) -> tuple[str, bytes]:
    """The answer's media type and body."""
    async with desk.opened(key, asked.source, arrived) as file, desk.admission.turn:
        hearing = desk.hearing(file, asked, engine)
        async with aclosing(hearing.finals()) as finals:
            said = tuple([final async for final in finals])
    # That of hours takes a while, and others' captions don't wait.
    return await asyncio.to_thread(respond, Answer(asked, engine.name, said, hearing.duration))


async def _telling(
    desk: Desk, key: str | None, asked: TranscriptionRequest, engine: Engine, arrived: Arriving | None
) -> AsyncGenerator[bytes, None]:
    """The answer's events. Before the first one errors are raised, then they are told."""
    stream = sse.EventStream(asked, engine.name)
    begun = False
    try:
        async with desk.opened(key, asked.source, arrived) as file, desk.admission.turn:
            hearing = desk.hearing(file, asked, engine)
            async with aclosing(hearing.finals()) as finals:
                async for final in finals:
                    begun = True
                    yield stream.final(final)
        begun = True
        yield await asyncio.to_thread(stream.done, hearing.duration)
    except StreamError as error:
        if not begun:
            raise
        if isinstance(error, ServerError):
            log.error("a recording failed: %s", error.message, exc_info=error)
        yield stream.failed(error)
