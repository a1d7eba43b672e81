"""Errors of REST routes as HTTP, each in its dialect.

Knows nothing of any route.
"""

from __future__ import annotations

import logging
from typing import Any, Literal

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from stream.access import refusal
from stream.errors import BadRequest, NotFound, ServerError, StreamError
from stream.rest.dialect import settled

log = logging.getLogger(__name__)

DIALECT = "steno.dialect"
"""Where a route puts, in the request's scope, whose dialect it is, once it knows more than path and client tell."""
REQUEST_ID = "steno.request_id"


class Fault(BaseModel):
    """What was wrong, as OpenAI's clients look for it."""

    code: str
    message: str
    type: Literal[
        "invalid_request_error", "authentication_error", "permission_error", "rate_limit_error", "server_error"
    ]
    param: str | None
    hint: str | None = None


class Failure(BaseModel):
    """Any answer that is no success. What is beside `error` is the same, as Mistral's clients show it."""

    error: Fault
    object: Literal["error"]
    code: str
    message: str
    type: str
    param: str | None


class DeepgramFailure(BaseModel):
    """The same in Deepgram's two forms."""

    err_code: str
    err_msg: str
    category: str
    message: str
    details: str
    request_id: str


def documented(*statuses: int, model: type[BaseModel] = Failure) -> dict[int | str, dict[str, Any]]:
    """What a route with these answers says of them in the API's description."""
    # For each model of each route FastAPI builds a serializer that nobody uses, in half a millisecond: one is enough to
    # have it described, and the others refer to that.
    like = {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}}
    named: dict[int | str, dict[str, Any]] = dict.fromkeys(statuses, like)
    return {**named, "default": {"model": model, "description": "Whatever else went wrong"}}


def answer(app: FastAPI) -> None:
    """Have errors that routes raise answered, requests that their types don't take, and those that no route takes."""
    app.add_exception_handler(StreamError, _refuse)
    app.add_exception_handler(RequestValidationError, _refuse_invalid)
    app.add_exception_handler(HTTPException, _refuse_unrouted)
    app.add_exception_handler(Exception, _refuse_for_a_bug)


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, StreamError)
    if isinstance(error, ServerError):
        log.error("a request failed: %s", error.message, exc_info=error)
    return _told(request, error)


async def _refuse_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    name = str(first["loc"][-1])
    return _told(request, BadRequest(f"`{name}`: {first['msg']}", param=name))


async def _refuse_unrouted(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    missing = NotFound("there is nothing at this path", hint="see /docs")
    told = _told(request, missing if error.status_code == 404 else BadRequest(error.detail))
    told.status_code = error.status_code
    told.headers.update(error.headers or {})
    return told


async def _refuse_for_a_bug(request: Request, error: Exception) -> Response:
    # It is logged by whoever serves the application, to whom it is raised again.
    return _told(request, StreamError("the server failed; its log says why"))


def _told(request: Request, error: StreamError) -> Response:
    dialect = request.scope.get(DIALECT) or settled(request.scope["path"], request.headers.get("user-agent", ""))
    return refusal(error, dialect, request.scope.get(REQUEST_ID, ""))
