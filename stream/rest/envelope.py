"""Errors as clients expect them: in our own words, or in a vendor's; the HTTP status is the error's own.

Knows nothing of HTTP.
"""

from __future__ import annotations

from typing import Any

from stream.errors import StreamError
from stream.rest.dialect import Dialect

TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
"""By status, as OpenAI names them; the rest is `invalid_request_error`, or from 500 on `server_error`."""
CODES = {"unknown_model": "model_not_found", "unauthorized": "invalid_api_key", "quota": "rate_limit_exceeded"}
DEEPGRAMS = {"unauthorized": "INVALID_AUTH", "quota": "TOO_MANY_REQUESTS"}
PARAMS = {"unknown_model": "model"}


def envelope(error: StreamError, dialect: Dialect | None = None, request_id: str = "") -> dict[str, Any]:
    """The body of an error; None: of a request that is in nobody's dialect, or not known to be.

    OpenAI's clients read what is in `error`, Mistral's what is beside it. Only our own have a place for a hint; those
    of vendors show it behind the message. Deepgram's form is both its newer and its older one.
    """
    message = f"{error.message}: {error.hint}" if error.hint else error.message
    if dialect == "deepgram":
        code = DEEPGRAMS.get(error.code, error.code.upper())
        return {
            "err_code": code,
            "err_msg": message,
            "category": code,
            "message": error.message,
            "details": error.hint or "",
            "request_id": request_id,
        }
    fields = {
        "code": CODES.get(error.code, error.code) if dialect else error.code,
        "message": message if dialect else error.message,
        "type": _type(error.status),
        "param": error.param or PARAMS.get(error.code),
    }
    hint = {"hint": error.hint} if error.hint and not dialect else {}
    return {"error": fields | hint, "object": "error", **fields}


def _type(status: int) -> str:
    return TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
