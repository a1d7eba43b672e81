"""Errors as HTTP, whoever reads them: OpenAI's clients look into `error`, Mistral's beside it."""

from __future__ import annotations

import json

import pytest

from stream.access import refusal
from stream.errors import (
    BadRequest,
    NotFound,
    Overloaded,
    QuotaExceeded,
    StoreFull,
    StreamError,
    TooLarge,
    Unauthorized,
)
from stream.rest.failures import Failure

ANSWERS = [
    (BadRequest("wrong", hint="try this", param="expiry"), 400, "bad_request", "invalid_request_error"),
    (Unauthorized("who?"), 401, "unauthorized", "authentication_error"),
    (NotFound("where?", param="file_id"), 404, "not_found", "invalid_request_error"),
    (TooLarge("less"), 413, "too_large", "invalid_request_error"),
    (QuotaExceeded("later", retry_after_s=3), 429, "quota", "rate_limit_error"),
    (Overloaded("later", retry_after_s=3), 503, "overloaded", "server_error"),
    (StoreFull("no room"), 507, "store_full", "server_error"),
]


@pytest.mark.parametrize(("error", "status", "code", "kind"), ANSWERS)
def test_an_error_has_one_shape(error: StreamError, status: int, code: str, kind: str):
    answer = refusal(error)
    told = json.loads(answer.body)
    shown = {"code": code, "message": error.message, "type": kind, "param": error.param}
    assert answer.status_code == status
    assert told == {"error": shown | ({"hint": error.hint} if error.hint else {}), "object": "error", **shown}
    assert answer.headers.get("Retry-After") == (str(error.retry_after_s) if error.retry_after_s else None)
    Failure.model_validate(told)
