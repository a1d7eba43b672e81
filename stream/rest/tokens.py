"""Tokens for browsers: our own, and the same as OpenAI's and Mistral's clients ask for them.

Knows nothing of who may ask, nor of how tokens are signed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from stream.errors import BadRequest, Unsupported
from stream.rest.failures import DIALECT, documented
from stream.tokens import MAX_TTL_S, SESSION, Scope, Tokens


class TokenRequest(BaseModel, extra="forbid"):
    """`session`: with scope `watch`, the only one that may be watched, by its id or a label's value, as a callSid."""

    scope: Scope
    session: Annotated[str, Field(pattern=f"^{SESSION}$")] | None = None
    ttl_s: Annotated[int, Field(ge=1, le=MAX_TTL_S)] = 60


class IssuedToken(BaseModel):
    """`expires_at`: Unix seconds, until when it can be used; what it has opened by then goes on."""

    token: str
    scope: Scope
    session: str | None
    expires_at: int


class ExpiresAfter(BaseModel):
    anchor: Literal["created_at"] = "created_at"
    seconds: Annotated[int, Field(ge=10, le=7200)] = MAX_TTL_S


class ClientSecretRequest(BaseModel):
    expires_after: ExpiresAfter | None = None
    session: dict[str, Any] | None = None


class SecretSession(BaseModel):
    id: str
    object: Literal["realtime.transcription_session"] = "realtime.transcription_session"
    type: Literal["transcription"] = "transcription"


class ClientSecret(BaseModel):
    """The session's options are not kept here: the client says them in `session.update`."""

    value: str
    expires_at: int
    session: SecretSession


class ClientSessionRequest(BaseModel):
    purpose: Literal["realtime"] = "realtime"
    model: str
    ttl_seconds: Annotated[int, Field(ge=1)] | None = None


class SessionSecret(BaseModel):
    value: str
    expires_at: str


class ClientSession(BaseModel):
    """The model is not bound to it: the client names it again when it connects."""

    object: Literal["client.session"] = "client.session"
    purpose: Literal["realtime"] = "realtime"
    expires_at: str
    client_secret: SessionSecret


def routes(tokens: Tokens) -> APIRouter:
    """As plain functions they run in threads: the first token may touch the disk."""
    router = APIRouter(tags=["tokens"])

    @router.post("/v1/tokens", response_model=IssuedToken, responses=documented(400, 401, 403))
    def token(request: Request, asked: TokenRequest) -> dict[str, Any]:
        """A token in place of the key: to open one live session, or to watch."""
        if asked.session is not None and asked.scope != "watch":
            raise BadRequest("`session` goes with scope `watch`", param="session")
        text, made = tokens.make(request.scope["steno.key"], asked.scope, asked.session, asked.ttl_s)
        return {"token": text, "scope": made.scope, "session": made.session, "expires_at": made.expires}

    @router.post("/v1/realtime/client_secrets", response_model=ClientSecret, responses=documented(400, 401, 403))
    def client_secret(request: Request, asked: ClientSecretRequest | None = None) -> dict[str, Any]:
        """OpenAI's way to ask for a token that opens one live session."""
        request.scope[DIALECT] = "openai"
        asked = asked or ClientSecretRequest()
        if (asked.session or {}).get("type", "transcription") != "transcription":
            raise Unsupported("sessions here are of type `transcription`", param="session.type")
        seconds = min((asked.expires_after or ExpiresAfter()).seconds, MAX_TTL_S)
        text, made = tokens.make(request.scope["steno.key"], "transcribe", None, seconds, "ek_")
        return {"value": text, "expires_at": made.expires, "session": {"id": f"sess_{made.id}"}}

    @router.post(
        "/v1/client/sessions", status_code=201, response_model=ClientSession, responses=documented(400, 401, 403)
    )
    def client_session(request: Request, asked: ClientSessionRequest) -> dict[str, Any]:
        """Mistral's way to ask for a token that opens one live session."""
        request.scope[DIALECT] = "mistral"
        seconds = min(asked.ttl_seconds or 60, MAX_TTL_S)
        text, made = tokens.make(request.scope["steno.key"], "transcribe", None, seconds, "rt_")
        expires = datetime.fromtimestamp(made.expires, UTC).isoformat().replace("+00:00", "Z")
        return {"expires_at": expires, "client_secret": {"value": text, "expires_at": expires}}

    return router
