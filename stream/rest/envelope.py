"""Errors as the vendors' clients expect them; the HTTP status is the error's own.

Knows nothing of HTTP.
"""

from __future__ import annotations

from typing import Any

from stream.errors import StreamError
from stream.rest.dialect import Dialect
from stream.rest.fields import WrongField

TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
CODES = {"unknown_model": "model_not_found", "unauthorized": "invalid_api_key", "quota": "rate_limit_exceeded"}
DEEPGRAMS = {"unauthorized": "INVALID_AUTH", "quota": "TOO_MANY_REQUESTS"}
PARAMS = {"unknown_model": "model"}


def envelope(error: StreamError, dialect: Dialect, request_id: str = "") -> dict[str, Any]:
    """The body of an error. OpenAI's form is in Mistral's as well; Deepgram's holds its newer and its older form."""
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
        "message": message,
        "type": _type(error.status),
        "param": error.field if isinstance(error, WrongField) else PARAMS.get(error.code),
        "code": CODES.get(error.code, error.code),
    }
    return {"error": fields} if dialect == "openai" else {"object": "error", **fields, "error": fields}


def _type(status: int) -> str:
    return TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
