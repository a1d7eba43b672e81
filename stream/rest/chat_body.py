"""Bodies of chat requests on their way in: JSON with whole recordings in it, which goes over the disk.

Knows nothing of what messages mean.
"""

from __future__ import annotations

import asyncio
import binascii
from collections.abc import Iterator

from fastapi import Request

from stream.errors import TooLarge
from stream.files import MB, Arriving
from stream.rest.chat_request import Inline
from stream.rest.desk import Desk
from stream.rest.fields import WrongField
from stream.rest.intake import batches

MAX_BODY = 32 * MB
"""What is read at once takes memory, and time that nothing else is done in: some tens of milliseconds for so much."""
PIECE = 1 << 18


async def received(request: Request, desk: Desk) -> Arriving:
    """The whole body, on the disk; discard it. Raises TooLarge, and what `batches` and `Arriving.write` do."""
    most = min(MAX_BODY, desk.store.max_file)

    def too_large() -> TooLarge:
        return TooLarge(
            f"a chat may have {most // MB} MB", hint="send longer recordings to /v1/files, and their URLs here"
        )

    body = await asyncio.to_thread(desk.receive, request.scope.get("steno.key"))
    try:
        async for batch in batches(request, most, too_large):
            await asyncio.to_thread(body.write, batch)
    except BaseException:
        await asyncio.to_thread(body.discard)
        raise
    return body


class Inlined:
    """The files that came in a body; `discard` all in the end. Its methods block."""

    def __init__(self) -> None:
        self._files: list[Arriving] = []

    def put(self, file: Arriving, inline: Inline, where: str) -> Arriving:
        """Decode one into a file. Raises WrongField for what is no base64, and what `Arriving.write` does."""
        self._files.append(file)
        try:
            for piece in decoded(inline.text):
                file.write(piece)
        except ValueError:
            raise WrongField("messages", f"`{where}`: its audio is neither base64 nor a URL") from None
        file.end()
        return file

    def discard(self) -> None:
        for file in self._files:
            file.discard()


def decoded(text: str) -> Iterator[bytes]:
    """The bytes that base64 or a data URL stands for, piece by piece, without holding up other threads for long.

    Space between is allowed, and missing padding. Raises ValueError.
    """
    if text.startswith("data:"):
        head, comma, text = text.partition(",")
        if not comma or not head.endswith(";base64"):
            raise ValueError("no base64")
    text = text.rstrip("= \t\r\n")
    if "=" in text:
        raise ValueError("padding within base64")
    held = ""
    for start in range(0, len(text), PIECE):
        held += "".join(text[start : start + PIECE].split())
        whole = len(held) - len(held) % 4
        yield binascii.a2b_base64(held[:whole], strict_mode=True)
        held = held[whole:]
    yield binascii.a2b_base64(held + "=" * (-len(held) % 4), strict_mode=True)
