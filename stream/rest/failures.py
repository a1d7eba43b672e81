"""Errors of REST routes as HTTP, in one shape that OpenAI's and Mistral's clients both read.

Knows nothing of any route.
"""

from __future__ import annotations

import logging
from typing import Any, Literal

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel

from stream.access import refusal
from stream.errors import BadRequest, ServerError, StreamError

log = logging.getLogger(__name__)


class Fault(BaseModel):
    """What was wrong, as OpenAI's clients look for it."""

    code: str
    message: str
    type: Literal["invalid_request_error", "authentication_error", "rate_limit_error", "server_error"]
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


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route with these answers says of them in the API's description."""
    named: dict[int | str, dict[str, Any]] = {status: {"model": Failure} for status in statuses}
    return {**named, "default": {"model": Failure, "description": "Whatever else went wrong"}}


def answer(app: FastAPI) -> None:
    """Have errors that routes raise answered, and requests that their types don't take."""
    app.add_exception_handler(StreamError, _refuse)
    app.add_exception_handler(RequestValidationError, _refuse_invalid)


async def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, StreamError)
    if isinstance(error, ServerError):
        log.error("a request failed: %s", error.message, exc_info=error)
    return refusal(error)


async def _refuse_invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    name = str(first["loc"][-1])
    return refusal(BadRequest(f"`{name}`: {first['msg']}", param=name))
