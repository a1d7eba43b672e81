"""The service's one port: live sessions, model list, health, metrics, API docs.

Knows nothing of how sessions work, nor of processes, sockets or signals.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from fastapi import FastAPI, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from stream.access import Access, refusal
from stream.admission import Admission
from stream.engine import Engine
from stream.errors import StreamError
from stream.events import Limits
from stream.files import FileStore
from stream.links import Links
from stream.metrics import Metrics
from stream.protocols import PROTOCOLS
from stream.protocols.base import Request, WireProtocol
from stream.rest import failures, files
from stream.session import Session


class Service:
    """What the routes share: the open sessions and how they end when the server does."""

    def __init__(self, admission: Admission, limits: Limits, metrics: Metrics) -> None:
        self.admission = admission
        self.limits = limits
        self.metrics = metrics
        self._sessions: set[Session] = set()
        self._emptied = asyncio.Event()
        self._emptied.set()

    async def serve(self, websocket: WebSocket, protocol_class: type[WireProtocol]) -> None:
        """One connection, from its handshake to its end."""
        url = websocket.url
        request = Request(url.path, websocket.query_params.multi_items(), websocket.scope["subprotocols"])
        try:
            protocol = protocol_class.open(request, self.limits)
            with self.admission.seat(websocket.scope.get("steno.key")):
                session = Session(
                    _Socket(websocket), protocol, self.admission, self.limits, self.metrics, time.monotonic
                )
                try:
                    session.prepare()
                    await websocket.accept(subprotocol=protocol.subprotocol)
                    await self._run(session)
                finally:
                    session.release()
        except StreamError as error:
            self.refused(error)
            await websocket.send_denial_response(refusal(error))

    def refused(self, error: StreamError) -> None:
        self.metrics.rejected.labels(reason=error.code).inc()

    async def drain(self, drain_s: float, finish_s: float) -> None:
        """Refuse newcomers, give clients `drain_s` to leave, then end what is left within `finish_s`."""
        self.admission.draining = True
        self.metrics.draining.set(1)
        for session in self._sessions:
            session.go_away(drain_s)
        with suppress(TimeoutError):
            async with asyncio.timeout(drain_s):
                await self._emptied.wait()
        for session in self._sessions:
            session.shut_down()
        with suppress(TimeoutError):
            async with asyncio.timeout(finish_s):
                await self._emptied.wait()

    async def _run(self, session: Session) -> None:
        self._sessions.add(session)
        self._emptied.clear()
        try:
            await session.run()
        finally:
            self._sessions.discard(session)
            if not self._sessions:
                self._emptied.set()


class _Socket:
    """A WebSocket as a session wants it."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket

    async def receive(self) -> str | bytes | None:
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            return None
        text: str | None = message.get("text")
        return message["bytes"] if text is None else text

    async def send(self, message: str | bytes) -> None:
        kind = "text" if isinstance(message, str) else "bytes"
        try:
            await self._websocket.send({"type": "websocket.send", kind: message})
        except (WebSocketDisconnect, RuntimeError) as error:
            raise ConnectionError from error

    async def close(self, code: int, reason: str) -> None:
        try:
            await self._websocket.close(code, reason)
        except (WebSocketDisconnect, RuntimeError) as error:
            raise ConnectionError from error


def _live(service: Service, protocol: type[WireProtocol]) -> Callable[[WebSocket], Awaitable[None]]:
    async def live(websocket: WebSocket) -> None:
        await service.serve(websocket, protocol)

    return live


def _card(engine: Engine) -> dict[str, Any]:
    card = engine.card if engine.ready else None
    return {
        "id": engine.name,
        "object": "model",
        "kind": card and card.kind,
        "languages": card and card.languages,
        "detects_language": card and card.detects,
        "tasks": card and card.tasks,
        "prompt": card and card.prompt,
        "keywords": card and card.keywords,
        "ready": engine.ready,
    }


def create_app(service: Service, access: Access, store: FileStore) -> FastAPI:
    """The ASGI application. Engines are started and stopped, and the store closed, by whoever serves it."""
    app = FastAPI(
        title="Steno",
        description="Live speech-to-text on your own machine",
        version="0.1.0",
        lifespan=lambda _: files.sweeping(store),
    )
    app.add_middleware(access.middleware, refused=service.refused)
    failures.answer(app)
    app.include_router(files.routes(store, Links(store.secret, access.is_own, store.now), access.public_origin))
    for protocol in PROTOCOLS:
        for path in protocol.paths:
            app.add_api_websocket_route(path, _live(service, protocol), name=path)

    # None of these waits for anything: as plain functions they would each be sent to a thread.
    @app.get("/v1/models", tags=["models"])
    async def models() -> dict[str, Any]:
        """Models that a session may name; the first is the default."""
        return {"object": "list", "data": [_card(engine) for engine in service.admission.engines.values()]}

    @app.get("/livez", tags=["health"])
    async def livez() -> dict[str, str]:
        """The server answers."""
        return {"status": "alive"}

    @app.get("/readyz", tags=["health"])
    async def readyz() -> JSONResponse:
        """Every model has decoded a test clip, and the server is not shutting down."""
        missing = [
            f"model `{engine.name}` is loading" for engine in service.admission.engines.values() if not engine.ready
        ]
        reasons = missing + ["shutting down"] * service.admission.draining
        return JSONResponse(
            {"status": "not ready" if reasons else "ready", "reasons": reasons}, 503 if reasons else 200
        )

    @app.get("/metrics", tags=["health"], response_class=Response)
    async def metrics() -> Response:
        """Prometheus metrics."""
        return Response(generate_latest(service.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return app
