"""The models that sessions and requests may name.

Knows nothing of how they are run.
"""

from __future__ import annotations

import time
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel

from stream.admission import Admission
from stream.rest import names
from stream.rest.failures import documented


class Capabilities(BaseModel):
    completion_chat: bool
    audio_transcription: bool


class Model(BaseModel):
    """`alias_of`: the model that a vendor's name stands for. What is not known before a model is ready is null."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    type: Literal["base"]
    capabilities: Capabilities
    aliases: list[str]
    alias_of: str | None
    kind: str | None
    languages: list[str] | None
    detects_language: bool | None
    tasks: list[str] | None
    prompt: bool | None
    keywords: bool | None
    word_times: Literal["measured", "estimated"] | None
    ready: bool


class Models(BaseModel):
    object: Literal["list"] = "list"
    data: list[Model]


def routes(admission: Admission) -> APIRouter:
    router = APIRouter(tags=["models"])
    created = int(time.time())

    # Neither waits for anything: as plain functions they would each be sent to a thread.
    @router.get("/v1/models", response_model=Models, responses=documented(401))
    async def models() -> dict[str, Any]:
        """The server's models, the default first, then the vendors' names that stand for them."""
        return {"data": names.entries(admission.cards, created)}

    # Names of models on the hub have a slash in them.
    @router.get("/v1/models/{name:path}", response_model=Model, responses=documented(401, 404))
    async def model(name: str) -> dict[str, Any]:
        """One of them."""
        return names.entry(name, admission.cards, created)

    return router
