"""Live sessions that go on right now: which there are, and following one as a viewer.

Knows nothing of how sessions work, nor of who is whose.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, WebSocket
from pydantic import BaseModel
from starlette.requests import HTTPConnection

from stream.access import Caller, refusal
from stream.errors import BadRequest, NotFound, StreamError
from stream.metrics import Metrics
from stream.protocols.native import SUBPROTOCOL
from stream.rest.failures import documented
from stream.session import Socket
from stream.watch import Broadcast, Hub


class LiveSession(BaseModel):
    """model: null before the session has chosen one. since: Unix seconds. seq: of its latest numbered event.

    labels: what its client calls it, such as the callSid of a call.
    """

    id: str
    model: str | None
    since: int
    seq: int
    labels: dict[str, str]
    viewers: int


class LiveSessions(BaseModel):
    object: Literal["list"] = "list"
    data: list[LiveSession]


def routes(
    hub: Hub,
    metrics: Metrics,
    socket_of: Callable[[WebSocket], Socket],
    busy: Callable[[], AbstractContextManager[None]],
) -> APIRouter:
    """busy: entered for as long as the server, when it shuts down, is to wait for a viewer."""
    router = APIRouter(tags=["sessions"])

    @router.get("/v1/sessions", response_model=LiveSessions, responses=documented(400))
    async def sessions(
        request: Request,
        label: Annotated[list[str] | None, Query(description="NAME:VALUE; with several, all must hold")] = None,
    ) -> dict[str, Any]:
        """Live sessions of this key, newest first."""
        caller = _caller(request)
        found = hub.sessions(caller.key, caller.watches_all, dict(map(_label, label or ())))
        return {"data": [_told(live) for live in found if _within(caller, live)]}

    @router.websocket("/v1/sessions/{name}/watch")
    async def watch(websocket: WebSocket, name: str) -> None:
        caller = _caller(websocket)
        try:
            live = hub.find(caller.key, caller.watches_all, name)
            if not _within(caller, live):
                raise NotFound("no such live session")
            with live.watched(_first(websocket)) as viewer, metrics.viewers.track_inprogress(), busy():
                await websocket.accept(SUBPROTOCOL if SUBPROTOCOL in websocket.scope["subprotocols"] else None)
                await viewer.run(socket_of(websocket))
        except StreamError as error:
            await websocket.send_denial_response(refusal(error))

    return router


def _caller(connection: HTTPConnection) -> Caller:
    caller: Caller = connection.scope["steno.caller"]
    return caller


def _within(caller: Caller, live: Broadcast) -> bool:
    """Whether a session is what the token, if it is one, was made for."""
    only = caller.token.session if caller.token else None
    return only is None or live.answers_to(only)


def _label(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise BadRequest("`label` is NAME:VALUE", param="label")
    return name, value


def _first(websocket: WebSocket) -> int:
    query = websocket.query_params.multi_items()
    if [name for name, _ in query] not in ([], ["seq"]):
        raise BadRequest("a viewer may give `seq`, and nothing else")
    seq = query[0][1] if query else "1"
    if not (seq.isascii() and seq.isdecimal() and len(seq) < 19):
        raise BadRequest("`seq` is the number of the first event that is wanted", param="seq")
    return max(1, int(seq))


def _told(live: Broadcast) -> dict[str, Any]:
    return {
        "id": live.session,
        "model": live.model,
        "since": int(live.since),
        "seq": live.seq,
        "labels": dict(live.labels),
        "viewers": len(live.viewers),
    }
