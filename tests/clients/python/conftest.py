"""A Steno server made of a script, on a loopback socket, for tests of the client."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

LIMITS = {
    "frame_bytes": 65_536,
    "text_bytes": 8_192,
    "ahead_s": 10,
    "start_s": 10,
    "idle_s": 60,
    "session_s": 14_400,
    "finalize_ms": 5_000,
}
OPTIONS = {"encoding": "pcm_s16le", "sample_rate": 16_000, "channels": 1, "offset": 0}


class Peer:
    """The server's end of one session: says messages and numbers them, hears frames."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        self.seq = 0

    async def say(self, type: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": type, **fields}))

    async def tell(self, type: str, **fields: Any) -> None:
        """Say a numbered message."""
        self.seq += 1
        await self.say(type, seq=self.seq, **fields)

    async def hear(self) -> Any:
        """The next frame: a JSON object, or bytes of audio."""
        frame = await self.socket.recv()
        return json.loads(frame) if isinstance(frame, str) else frame

    async def open(self, limits: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
        """Answer `start`, which is returned, with `ready`."""
        start: dict[str, Any] = await self.hear()
        await self.say(
            "ready",
            protocol=1,
            session="s1",
            token="t1",
            model="scripted",
            options={**OPTIONS, **{k: v for k, v in start.items() if k != "type"}, **options},
            resume_window_s=0,
            limits={**LIMITS, **(limits or {})},
        )
        return start

    async def final(self, segment: int, text: str, start: float = 0.0, end: float = 1.0, **fields: Any) -> None:
        latency = {"endpoint": 500.0, "queue": 1.0, "decode": 20.0, "send": 0.1, "total": 521.1}
        told = {"channel": 0, "language": "en", "confidence": 0.9, "reason": "endpoint", "latency": latency}
        await self.tell("final", segment=segment, start=start, end=end, text=text, **(told | fields))

    async def partial(self, segment: int, text: str, stable: int = 0) -> None:
        told = {"channel": 0, "start": 0.0, "end": 1.0, "language": "en", "lag_ms": 10}
        await self.say("partial", segment=segment, text=text, stable=stable, **told)

    async def done(self, received: int = 0) -> None:
        nothing = {"p50": None, "p95": None}
        told = {"audio_s": received / 16_000, "speech_s": 0.0, "segments": 0, "words": 0}
        latency = {"partials": nothing, "finals": nothing}
        await self.tell("done", received=received, latency=latency, **told)


Script = Callable[[Peer], Awaitable[None]]
Server = Callable[..., AbstractAsyncContextManager[str]]


@pytest.fixture
def server() -> Server:
    """`async with server(script) as url`: plays the script to every session, and fails the test where it fails."""

    @asynccontextmanager
    async def run(script: Script, **settings: Any) -> AsyncIterator[str]:
        failures: list[BaseException] = []

        async def play(socket: ServerConnection) -> None:
            try:
                await script(Peer(socket))
            except Exception as failure:
                failures.append(failure)

        async with serve(play, "127.0.0.1", 0, compression=None, **settings) as listening:
            port = listening.sockets[0].getsockname()[1]
            yield f"ws://127.0.0.1:{port}"
        if failures:
            raise failures[0]

    return run
