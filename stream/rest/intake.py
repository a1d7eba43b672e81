"""Bodies of requests on their way in: forms, the file in one, or a file that is the whole body.

Files go in threads to whoever puts them away. Knows nothing of what fields mean, nor where a file goes.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import Generic, Protocol, TypeVar

from starlette.requests import ClientDisconnect, Request

from stream.errors import BadRequest, TimedOut, TooLarge
from stream.multipart import OVERHEAD, FileBegin, FilePiece, Form, Text

BATCH = 1 << 18
"""Bytes that are collected before a thread is asked to put them away."""
IDLE_S = 60
"""A body of which nothing comes for this long is given up."""


class Place(Protocol):
    """Where a file goes, until it is discarded."""

    def write(self, content: bytes) -> None: ...

    def discard(self) -> None: ...


AnyPlace = TypeVar("AnyPlace", bound=Place)


class Intake(Generic[AnyPlace]):
    """A form with at most one file, named `file`. `receive` says where to put it, once it begins to come.

    Its methods may block, and raise BadRequest, TooLarge, and what `receive` and its place raise. Discard it in any
    case.
    """

    def __init__(self, content_type: str, receive: Callable[[], AnyPlace]) -> None:
        self.pairs: list[tuple[str, str]] = []
        self.begun: FileBegin | None = None
        self.place: AnyPlace | None = None
        self._receive = receive
        self._form = Form(content_type)
        self._lock = threading.Lock()  # a request that is cancelled doesn't wait for the thread that takes its body
        self._discarded = False

    def take(self, received: bytes) -> None:
        with self._lock:
            if not self._discarded:
                self._take(received)

    def _take(self, received: bytes) -> None:
        for piece in self._form.push(received):
            match piece:
                case Text(name, value):
                    self.pairs.append((name, value))
                case FileBegin(name):
                    if name not in ("file", "file[]") or self.begun is not None:
                        raise BadRequest("one file is taken, named `file`", param=name)
                    self.begun = piece
                    self.place = self._receive()
                case FilePiece(content):
                    assert self.place is not None
                    self.place.write(content)

    def end(self) -> None:
        """All has arrived."""
        self._form.end()

    def discard(self) -> None:
        """The file's place discards it, and nothing more is taken."""
        with self._lock:
            self._discarded = True
            if self.place is not None:
                self.place.discard()


async def batches(request: Request, most: int, too_large: Callable[[], TooLarge]) -> AsyncIterator[bytes]:
    """The body, in pieces that are worth a thread's while. Raises `too_large` behind `most` bytes, and TimedOut."""
    if int(request.headers.get("content-length", 0)) > most:
        raise too_large()
    received, total = bytearray(), 0
    chunks = aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout(IDLE_S):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            break
        except TimeoutError:
            raise TimedOut(f"nothing came for {IDLE_S} s") from None
        except ClientDisconnect:
            raise BadRequest("the upload broke off") from None  # nobody hears it
        total += len(chunk)
        if total > most:
            raise too_large()
        received += chunk
        if len(received) >= BATCH:
            yield bytes(received)
            received.clear()
    yield bytes(received)


async def short(request: Request) -> bytes:
    """A body that holds no file. Raises TooLarge behind OVERHEAD bytes, and TimedOut."""

    def too_large() -> TooLarge:
        return TooLarge(f"a body without a file may have {OVERHEAD} bytes")

    return b"".join([batch async for batch in batches(request, OVERHEAD, too_large)])
