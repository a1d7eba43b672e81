"""Runs the application on one port: the listening socket, TLS, signals, start-up and the way out.

Knows nothing of routes and sessions beyond what `Service` offers.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import FrameType

import uvicorn
from fastapi import FastAPI

from stream.app import Service
from stream.engine import Engine
from stream.errors import BadRequest
from stream.metrics import Metrics

MAX_MESSAGE = 21 << 20
"""What the transport lets through: OpenAI's clients may send 15 MiB of audio at once, in base64. Other protocols have
smaller limits of their own."""
PING_S = 15
"""Keeps NATs and proxies from forgetting a quiet connection."""
PEER_TIMEOUT_MS = 30_000
"""Sent bytes unacknowledged, or a closed window, for this long: the kernel gives the connection up."""
FINISH_S = 10
"""For the finals of sessions that are still open when draining is over."""
LAG_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingOptions:
    host: str = field(
        default="127.0.0.1", metadata={"help": "address to listen on; other than loopback needs API keys"}
    )
    port: int = field(default=8765, metadata={"help": "port to listen on; 0 takes a free one"})
    tls_cert: str | None = field(default=None, metadata={"help": "certificate chain (PEM) to serve https and wss with"})
    tls_key: str | None = field(default=None, metadata={"help": "the certificate's private key (PEM)"})
    drain_s: float = field(default=10.0, metadata={"help": "seconds that clients get to leave at SIGTERM"})


def listen(options: ServingOptions) -> socket.socket:
    """The listening socket; raises BadRequest saying what is wrong with the address or the certificate."""
    _check_certificate(options)
    if not 0 <= options.port < 1 << 16:  # getaddrinfo takes it modulo 65,536
        raise BadRequest(f"there is no port {options.port}", hint="0 takes a free one")
    try:
        family, kind, number, _, address = socket.getaddrinfo(
            options.host, options.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, number)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, PEER_TIMEOUT_MS)
        listener.bind(address)
        listener.listen(1024)
    except OSError as error:
        raise BadRequest(
            f"can't listen on {options.host}:{options.port}: {error.strerror}", hint="choose another --host or --port"
        ) from None
    return listener


def address(options: ServingOptions, listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"{'https' if options.tls_cert else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def _check_certificate(options: ServingOptions) -> None:
    """Load it once before anything is started: uvicorn would fail late, name no file and ask for a passphrase."""
    if options.tls_cert is None:
        if options.tls_key is not None:
            raise BadRequest("--tls-key alone serves no TLS", hint="name the certificate with --tls-cert")
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(options.tls_cert, options.tls_key, password="")
    except OSError as error:
        files = " and ".join(filter(None, (options.tls_cert, options.tls_key)))
        raise BadRequest(
            f"can't serve TLS with {files}: {error.strerror}", hint="both are PEM files, and the key has no passphrase"
        ) from None


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
