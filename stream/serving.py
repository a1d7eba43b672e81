"""Runs the application on one port: signals, start-up and the way out.

Knows nothing of routes and sessions beyond what `Service` offers.
"""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Callable, Iterable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from stream.app import Service
from stream.engine import Engine
from stream.listener import ServingOptions, address
from stream.metrics import Metrics

MAX_MESSAGE = 21 << 20
"""What the transport lets through: OpenAI's clients may send 15 MiB of audio at once, in base64. Other protocols have
smaller limits of their own."""
PING_S = 15
"""Keeps NATs and proxies from forgetting a quiet connection."""
FINISH_S = 10
"""For the finals of sessions that are still open when draining is over."""
LAG_S = 0.1


class _Server(uvicorn.Server):
    """The first signal begins the drain, a second one ends it."""

    def __init__(self, config: uvicorn.Config, drain: Callable[[], None]) -> None:
        super().__init__(config)
        self._loop = asyncio.get_running_loop()
        self._drain: Callable[[], None] | None = drain

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._drain is None:
            self.should_exit = True
        else:
            self._loop.call_soon_threadsafe(self._drain)
            self._drain = None


async def serve(
    options: ServingOptions,
    listener: socket.socket,
    app: FastAPI,
    service: Service,
    engines: Iterable[Engine],
    ready: Callable[[str], None],
) -> None:
    """Serve until a signal and the drain that follows; `ready` gets the address once every model works.

    Raises EngineFailed where a model can't be loaded.
    """
    config = uvicorn.Config(
        app,
        ws="websockets-sansio",
        ws_max_size=MAX_MESSAGE,
        ws_per_message_deflate=False,
        # No pong is ever waited for: behind megabytes of audio it comes late, and life is told by any frame.
        ws_ping_interval=PING_S,
        ws_ping_timeout=None,
        timeout_graceful_shutdown=FINISH_S,
        # uvicorn logs paths with their query, which may hold a prompt.
        access_log=False,
        log_level="warning",
        ssl_certfile=options.tls_cert,
        ssl_keyfile=options.tls_key,
    )
    draining = asyncio.Event()
    server = _Server(config, draining.set)

    async def drain() -> None:
        await draining.wait()
        await service.drain(options.drain_s, FINISH_S)
        server.should_exit = True

    async def start() -> None:
        await asyncio.gather(*(engine.start() for engine in engines))
        # What is there now stays. To go through it again and again cost the loop up to 8 ms at a time.
        gc.collect()
        gc.freeze()
        ready(address(options, listener))

    watching = asyncio.create_task(_watch_lag(service.metrics))
    ending = asyncio.create_task(drain())
    starting = asyncio.create_task(start())
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await asyncio.wait((serving, starting), return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            await asyncio.wait((serving,))
            serving.result()
    finally:
        server.should_exit = True
        for task in (watching, ending, starting):
            task.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        await asyncio.gather(*(engine.stop() for engine in engines))


async def _watch_lag(metrics: Metrics) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + LAG_S
        await asyncio.sleep(LAG_S)
        metrics.loop_lag.observe(max(0.0, loop.time() - due))
