"""The far end of a session's socket, held by a test."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from stream.admission import Admission, AdmissionOptions
from stream.engine import Engine
from stream.events import Limits
from stream.metrics import Metrics
from stream.protocols.base import Request, WireProtocol
from stream.protocols.native import NativeProtocol
from stream.session import Session
from tests.stream.inline import stopped


class Peer:
    """`feed` is what the client sends, `heard` what the server has sent; `code` is its close code, None while open."""

    def __init__(self) -> None:
        self._incoming: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self.heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.code: int | None = None

    def feed(self, *messages: dict[str, Any] | str | bytes) -> None:
        for message in messages:
            self._incoming.put_nowait(json.dumps(message) if isinstance(message, dict) else message)

    def hang_up(self) -> None:
        self._incoming.put_nowait(None)

    async def until(self, kind: str) -> list[dict[str, Any]]:
        """All that is heard up to and with the first message of a type."""
        messages = [await self.heard.get()]
        while messages[-1]["type"] != kind:
            messages.append(await self.heard.get())
        return messages

    # As a session's socket:

    async def receive(self) -> str | bytes | None:
        return await self._incoming.get()

    async def send(self, message: str | bytes) -> None:
        self.heard.put_nowait(json.loads(message))

    async def close(self, code: int, reason: str) -> None:
        self.code = code
        self.hang_up()


def session_for(
    peer: Peer,
    *engines: Engine,
    query: tuple[tuple[str, str], ...] = (),
    limits: Limits | None = None,
    dialect: type[WireProtocol] = NativeProtocol,
) -> Session:
    limits = limits or Limits()
    admission = Admission({engine.name: engine for engine in engines}, AdmissionOptions())
    protocol = dialect.open(Request("/v1/stream", query), limits)
    session = Session(peer, protocol, admission, limits, Metrics(), stopped, "session")
    session.prepare()
    return session
