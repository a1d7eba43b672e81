"""Mistral's files API: upload, list, retrieve, fetch by key or by a signed URL, delete.

Knows nothing of how files are kept, nor of what is done with them.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, BinaryIO, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from stream.errors import BadRequest, Unsupported
from stream.files import Arriving, FileStore, StoredFile
from stream.links import PATH, Links
from stream.multipart import OVERHEAD
from stream.rest.failures import documented
from stream.rest.intake import Intake, batches

log = logging.getLogger(__name__)

PIECE = 1 << 18
"""Bytes that a download reads at a time."""
SWEEP_S = 60
PURPOSE = "audio"
VISIBILITIES = ("workspace", "user")
HOURS = re.compile("[1-9][0-9]{0,7}")
DEFAULTS = {"purpose": PURPOSE, "visibility": VISIBILITIES[0]}
FORM = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {"type": "string", "format": "binary"},
                    "purpose": {"type": "string", "enum": [PURPOSE], "default": PURPOSE},
                    "visibility": {"type": "string", "enum": list(VISIBILITIES), "default": VISIBILITIES[0]},
                    "expiry": {
                        "type": "integer",
                        "minimum": 1,
                        "description": "Hours after which the file is erased, if that is before the server's own time.",
                    },
                },
            }
        }
    },
}


class FileCard(BaseModel):
    """`created_at` and `expires_at` in Unix seconds. Whatever its visibility, a file is seen with its own key only."""

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    filename: str
    purpose: str
    sample_type: Literal["instruct"] = "instruct"
    source: Literal["upload"] = "upload"
    mimetype: str | None
    expires_at: int
    visibility: str


class FileDetail(FileCard):
    deleted: Literal[False] = False


class FileList(BaseModel):
    """`total` counts all pages; null if it was not asked for."""

    object: Literal["list"] = "list"
    data: list[FileCard]
    total: int | None


class FileUrl(BaseModel):
    url: str


class Deleted(BaseModel):
    id: str
    object: Literal["file"] = "file"
    deleted: Literal[True] = True


class Contents(StreamingResponse):
    """A file on its way out, closed in the end whether or not anyone has read it."""

    def __init__(self, stored: StoredFile, file: BinaryIO) -> None:
        # Nothing of ours may become a page on our origin, whatever was uploaded.
        headers = {
            "Content-Length": str(stored.size),
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(stored.filename, safe='')}",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        }
        super().__init__(_pieces(file), headers=headers, media_type="application/octet-stream")
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._file:
            await super().__call__(scope, receive, send)


def routes(store: FileStore, links: Links, public_origin: str | None) -> APIRouter:
    """The routes of a store; without a public origin, URLs are on the Host that was asked for them.

    Those that are plain functions run in threads: they touch the disk.
    """
    router = APIRouter(tags=["files"])

    def owner(request: Request) -> str:
        return store.owner(request.scope.get("steno.key"))

    @router.post(
        "/v1/files",
        response_model=FileCard,
        responses=documented(400, 408, 413, 507),
        openapi_extra={"requestBody": FORM},
    )
    async def upload(request: Request) -> dict[str, Any]:
        """Keep a file. It is erased by itself: see `expires_at`."""
        intake = Intake(request.headers.get("content-type", ""), lambda: store.receive(owner(request)))
        try:
            async for received in batches(request, store.max_file + OVERHEAD, store.too_large):
                await asyncio.to_thread(intake.take, received)
            return _card(await asyncio.to_thread(_keep, intake))
        finally:
            await asyncio.to_thread(intake.discard)

    @router.get("/v1/files", response_model=FileList, responses=documented(400))
    def listing(
        request: Request,
        page: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
        page_size: Annotated[int, Query(ge=1, le=1000)] = 100,
        include_total: bool = True,
        search: Annotated[str | None, Query(max_length=255)] = None,
        purpose: str | None = None,
        mimetypes: Annotated[list[str] | None, Query(max_length=100)] = None,
        sample_type: Annotated[list[str] | None, Query()] = None,
        source: Annotated[list[str] | None, Query()] = None,
    ) -> dict[str, Any]:
        """Files of this key, newest first. Pages count from 0."""
        alike = (purpose or PURPOSE) == PURPOSE and "instruct" in (sample_type or ["instruct"])
        if not alike or "upload" not in (source or ["upload"]):
            return {"data": [], "total": 0 if include_total else None}
        found, total = store.page(owner(request), page, page_size, search, mimetypes or ())
        return {"data": [_card(each) for each in found], "total": total if include_total else None}

    @router.get("/v1/files/{file_id}", response_model=FileDetail, responses=documented(404))
    def retrieve(request: Request, file_id: str) -> dict[str, Any]:
        """What is known of a file."""
        return _card(store.get(owner(request), file_id))

    @router.get(
        "/v1/files/{file_id}/content",
        response_class=StreamingResponse,
        responses={200: {"content": {"application/octet-stream": {}}}, **documented(404)},
    )
    def content(request: Request, file_id: str) -> Contents:
        """The file itself."""
        return Contents(*store.read(owner(request), file_id))

    @router.get("/v1/files/{file_id}/url", response_model=FileUrl, responses=documented(400, 404))
    def url(request: Request, file_id: str, expiry: Annotated[int, Query(ge=1, le=100_000)] = 24) -> dict[str, str]:
        """A URL that opens the file without a key, for `expiry` hours or as long as there is the file."""
        stored = store.get(owner(request), file_id)
        origin = public_origin or f"{request.url.scheme}://{request.headers['host']}"
        return {"url": links.make(origin, stored.id, min(int(store.now()) + expiry * 3600, stored.expires))}

    @router.get(
        PATH + "{file_id}",
        response_class=StreamingResponse,
        responses={200: {"content": {"application/octet-stream": {}}}, **documented(403, 404)},
    )
    def linked(file_id: str, expires: str = "", signature: str = "") -> Contents:
        """The file of a signed URL."""
        links.check(file_id, expires, signature)
        return Contents(*store.read_linked(file_id))

    @router.delete("/v1/files/{file_id}", response_model=Deleted, responses=documented(404))
    def delete(request: Request, file_id: str) -> dict[str, str]:
        """Erase a file."""
        store.delete(owner(request), file_id)
        return {"id": file_id}

    return router


@asynccontextmanager
async def sweeping(store: FileStore) -> AsyncIterator[None]:
    """While this lasts, files are erased when their time is over."""
    task = asyncio.create_task(_sweep(store))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def _sweep(store: FileStore) -> None:
    while True:
        await asyncio.sleep(SWEEP_S)
        try:
            await asyncio.to_thread(store.sweep)
        except (OSError, sqlite3.Error):
            log.exception("files that have expired could not be erased")


def _keep(intake: Intake[Arriving]) -> StoredFile:
    intake.end()
    texts = dict(intake.pairs)
    if "file" in texts:
        raise BadRequest("`file` has no filename: send it as a file", param="file")
    if intake.begun is None or intake.place is None or not intake.place.size:
        raise BadRequest("there is no file in the form, or nothing in it", param="file")
    purpose, visibility = (texts.get(name) or value for name, value in DEFAULTS.items())
    if purpose != PURPOSE:
        raise Unsupported(f"files are kept for purpose `{PURPOSE}` only", param="purpose")
    if visibility not in VISIBILITIES:
        raise BadRequest(f"visibility is one of {', '.join(VISIBILITIES)}", param="visibility")
    expiry_h = _hours(texts.get("expiry"))
    return intake.place.keep(intake.begun.filename, intake.begun.mimetype, purpose, visibility, expiry_h)


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece


def _card(stored: StoredFile) -> dict[str, Any]:
    return {
        "id": stored.id,
        "bytes": stored.size,
        "created_at": stored.created,
        "filename": stored.filename,
        "purpose": stored.purpose,
        "mimetype": stored.mimetype,
        "expires_at": stored.expires,
        "visibility": stored.visibility,
    }


def _hours(text: str | None) -> int | None:
    if not text:
        return None
    if not HOURS.fullmatch(text):
        raise BadRequest("expiry is a number of hours, 1 or more", param="expiry")
    return int(text)
