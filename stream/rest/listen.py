"""Deepgram's transcripts of recordings: the recording is the body, or JSON that names a URL; the query says the rest.

Knows nothing of how recordings are heard.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from datetime import UTC, datetime
from typing import BinaryIO

import msgspec
from fastapi import APIRouter, Request, Response

from stream.engine import Engine
from stream.files import Arriving
from stream.rest import deepgram, descriptions
from stream.rest.answer import Answer
from stream.rest.deepgram import About, ListenRequest
from stream.rest.desk import Desk, unless_gone
from stream.rest.failures import DIALECT, REQUEST_ID, DeepgramFailure, documented
from stream.rest.intake import batches, short
from stream.rest.transcriptions import IGNORED, STATUSES


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(tags=["recordings"])

    @router.post(
        "/v1/listen",
        response_class=Response,
        responses={200: descriptions.LISTENED, **documented(*STATUSES, model=DeepgramFailure)},
        openapi_extra={"requestBody": descriptions.LISTEN_REQUEST, "parameters": descriptions.LISTEN_QUERY},
    )
    async def listen(request: Request) -> Response:
        """The transcript of a recording, in Deepgram's form."""
        request.scope[DIALECT] = "deepgram"
        request_id = uuid.uuid4()
        request.scope[REQUEST_ID] = str(request_id)
        key = request.scope.get("steno.key")
        async with AsyncExitStack() as holding:
            holding.enter_context(desk.place(key))
            query = request.query_params.multi_items()
            arrived = None
            if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
                asked = deepgram.read(query, await short(request))
            else:
                asked = deepgram.read(query, None)
                arrived = await asyncio.to_thread(desk.receive, key)
                holding.push_async_callback(asyncio.to_thread, arrived.discard)
                async for batch in batches(request, desk.store.max_file, desk.store.too_large):
                    await asyncio.to_thread(arrived.write, batch)
            honoured, engine = desk.chosen(asked.transcription)
            asked = replace(asked, transcription=honoured)
            body = await unless_gone(request.receive, _heard(desk, key, asked, engine, arrived, request_id))
        headers = {"dg-request-id": str(request_id)}
        if honoured.ignored:
            headers[IGNORED] = ", ".join(honoured.ignored)
        return Response(body, headers=headers, media_type="application/json")

    return router


async def _heard(
    desk: Desk,
    key: str | None,
    asked: ListenRequest,
    engine: Engine,
    arrived: Arriving | None,
    request_id: uuid.UUID,
) -> bytes:
    request = asked.transcription
    async with desk.opened(key, request.source, arrived) as file, desk.admission.turn:
        sha256 = await asyncio.to_thread(_sha256, file)
        hearing = desk.hearing(file, request, engine)
        async with aclosing(hearing.finals()) as finals:
            said = tuple([final async for final in finals])
    about = About(request_id=request_id, sha256=sha256, created=datetime.now(UTC), kind=engine.card.kind)
    answer = Answer(request, engine.name, said, hearing.duration)
    return await asyncio.to_thread(lambda: msgspec.json.encode(deepgram.answer_body(asked, answer, about)))


def _sha256(file: BinaryIO) -> str:
    """Of the whole file, which is then at its start again."""
    digest = hashlib.sha256()
    while piece := file.read(1 << 20):
        digest.update(piece)
    file.seek(0)
    return digest.hexdigest()
