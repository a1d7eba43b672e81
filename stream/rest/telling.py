"""Answers that are told while they are made, as server-sent events.

Knows nothing of what they tell.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, suppress

from fastapi import Request, Response
from starlette.types import Receive, Scope, Send

from stream.rest import sse
from stream.rest.desk import Gone, unless_gone


class Told(Response):
    """An answer that is told while it is made. What it holds is let go in the end, whether or not it was read.

    Not a StreamingResponse: when the client leaves, that one cancels whatever the cleaning up waits for as well.
    """

    media_type = sse.MEDIA_TYPE

    def __init__(self, told: AsyncIterator[bytes], holding: AsyncExitStack, headers: dict[str, str]) -> None:
        # nginx would hold the text back until there is more of it.
        super().__init__(headers=headers | {"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._told = told
        self._holding = holding

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._holding:
            with suppress(Gone):
                await unless_gone(receive, self._send(send))

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for each in self._told:
            await send({"type": "http.response.body", "body": each, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def begun(
    request: Request, telling: AsyncGenerator[bytes, None], holding: AsyncExitStack, headers: dict[str, str]
) -> Told:
    """The answer, once there is something to tell: until then what `telling` raises is an error with its own status.

    It is closed with `holding`, which the answer takes over.
    """
    await holding.enter_async_context(aclosing(telling))
    first = await unless_gone(request.receive, _first(telling))
    return Told(_after(first, telling), holding.pop_all(), headers)


async def _first(telling: AsyncIterator[bytes]) -> bytes:
    return await anext(telling)


async def _after(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for each in rest:
        yield each
