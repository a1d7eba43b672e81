"""The service's one port: live sessions, recordings, chats and files, pages, model list, health, metrics, API docs.

Knows nothing of how sessions work, nor of processes, sockets or signals.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.types import ASGIApp, Receive, Scope, Send

from stream import pages
from stream.access import Access, refusal
from stream.admission import Admission
from stream.errors import StreamError
from stream.events import Limits
from stream.files import FileStore
from stream.links import Links
from stream.metrics import Metrics
from stream.protocols import PROTOCOLS
from stream.protocols.base import Request, WireProtocol
from stream.rest import chat, failures, files, listen, models, rules, sessions, tokens, transcriptions
from stream.rest.desk import Desk, RecordingOptions
from stream.rest.dialect import PREFIXES, settled
from stream.rest.fetch import Fetcher, FetchOptions
from stream.rules import RuleFile, RuleOptions
from stream.session import Session
from stream.tokens import Tokens
from stream.watch import Hub


class Service:
    """What the routes share: the open sessions and how they end when the server does."""

    def __init__(self, admission: Admission, limits: Limits, metrics: Metrics) -> None:
        self.admission = admission
        self.limits = limits
        self.metrics = metrics
        self.hub = Hub(webhooks=admission.webhooks, busy=self.busy)
        self._sessions: set[Session] = set()
        self._working = 0
        self._emptied = asyncio.Event()
        self._emptied.set()

    async def serve(self, websocket: WebSocket, protocol_class: type[WireProtocol]) -> None:
        """One connection, from its handshake to its end."""
        url = websocket.url
        session_id = secrets.token_urlsafe(16)
        request = Request(
            url.path,
            websocket.query_params.multi_items(),
            websocket.scope["subprotocols"],
            dict(websocket.headers),
            session_id,
            datetime.now(UTC),
        )
        try:
            protocol = protocol_class.open(request, self.limits)
            key = websocket.scope.get("steno.key")
            with self.admission.seat(key):
                session = Session(
                    _Socket(websocket), protocol, self.admission, self.limits, self.metrics, time.monotonic, session_id
                )
                with self.hub.broadcasting(session, key, lambda: protocol.labels):
                    try:
                        session.prepare()
                        await websocket.accept(subprotocol=protocol.subprotocol)
                        await self._run(session)
                    finally:
                        session.release()
        except StreamError as error:
            self.refused(error)
            dialect = settled(websocket.scope["path"], websocket.headers.get("user-agent", ""))
            await websocket.send_denial_response(refusal(error, dialect, session_id))

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
        self.admission.closing = True
        for session in self._sessions:
            session.shut_down()
        with suppress(TimeoutError):
            async with asyncio.timeout(finish_s):
                await self._emptied.wait()

    async def _run(self, session: Session) -> None:
        self._sessions.add(session)
        try:
            with self.busy():
                await session.run()
        finally:
            self._sessions.discard(session)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """While this lasts, a server that shuts down waits, as long as it does for anything."""
        self._working += 1
        self._emptied.clear()
        try:
            yield
        finally:
            self._working -= 1
            if not self._working:
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


class _Prefixes:
    """Whatever is at a path is also below `/openai`, `/mistral` and `/deepgram`, for requests in that dialect."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            first, slash, _ = scope["path"].removeprefix("/").partition("/")
            if slash and first in PREFIXES:
                scope = {**scope, "root_path": f"{scope.get('root_path', '')}/{first}"}
        await self._app(scope, receive, send)


class _Application(FastAPI):
    """Describes itself with the keys that it needs, if it does."""

    access: Access

    def openapi(self) -> dict[str, Any]:
        described = super().openapi()
        if self.access.keyed:
            described["components"]["securitySchemes"] = {
                "bearer": {"type": "http", "scheme": "bearer"},
                "x-api-key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            }
            for path, operations in described["paths"].items():
                for operation in operations.values():
                    either: list[dict[str, list[str]]] = [{"bearer": []}, {"x-api-key": []}]
                    operation["security"] = [] if self.access.is_open(path) else either
        return described


def create_app(
    service: Service,
    access: Access,
    store: FileStore,
    recordings: RecordingOptions | None = None,
    fetcher: Fetcher | None = None,
    rule_file: RuleFile | None = None,
) -> FastAPI:
    """The ASGI application. Engines are started and stopped, and the store closed, by whoever serves it.

    Without a fetcher, no URLs of others' are fetched; without a file of rules, the examples hold.
    """
    links = Links(store.secret, access.is_own, store.now)
    fetcher = fetcher or Fetcher(FetchOptions())
    desk = Desk(
        service.admission, service.metrics, store, links, fetcher, recordings or RecordingOptions(), service.busy
    )
    app = _Application(
        title="Steno",
        description="Live speech-to-text on your own machine",
        version="0.1.0",
        lifespan=lambda _: files.sweeping(store),
    )
    app.access = access
    issued = Tokens(store.secret, access.key_ids, store.now)
    app.add_middleware(access.middleware, refused=service.refused, tokens=issued)
    app.add_middleware(_Prefixes)
    failures.answer(app)
    # Not by include_router, by which FastAPI would build each route once more.
    for router in (
        files.routes(store, links, access.public_origin),
        transcriptions.routes(desk),
        listen.routes(desk),
        chat.routes(desk),
        models.routes(service.admission),
        tokens.routes(issued),
        rules.routes(rule_file or RuleFile(RuleOptions())),
        sessions.routes(service.hub, service.metrics, _Socket, service.busy),
    ):
        app.router.routes.extend(router.routes)
    app.router.routes.extend(pages.routes())
    for protocol in PROTOCOLS:
        for path in protocol.paths:
            app.add_api_websocket_route(path, _live(service, protocol), name=path)

    # None of these waits for anything: as plain functions they would each be sent to a thread.
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
