"""A chat's answer as OpenAI's and Mistral's clients read it: whole, or chunk by chunk while it is written.

Knows nothing of HTTP and clocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from models.base import SAMPLE_RATE
from models.chat import Delta
from stream.errors import StreamError
from stream.rest import sse
from stream.rest.chat_request import ChatRequest

DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer's beginning. `model`: the server's own name of what answers; `created`: Unix time."""

    request: ChatRequest
    id: str
    model: str
    created: int

    def whole(self, text: str, last: Delta, heard: int) -> bytes:
        """All of it, as JSON. heard: samples of audio in the conversation."""
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": last.finish}
        return self._json("chat.completion", choices=[choice], usage=usage(last, heard))

    def first(self) -> bytes:
        """The event that comes before the first text."""
        return self._chunk({"role": "assistant", "content": ""})

    def delta(self, delta: Delta, heard: int) -> bytes:
        """What a step has to tell; after the last one, all there is."""
        told = self._chunk({"content": delta.text}) if delta.text else b""
        if delta.finish is None:
            return told
        if self.request.dialect == "mistral":
            return told + self._chunk({"content": ""}, delta.finish, usage=usage(delta, heard)) + DONE
        told += self._chunk({}, delta.finish)
        if self.request.include_usage:
            told += _event(self._json("chat.completion.chunk", choices=[], usage=usage(delta, heard)))
        return told + DONE

    def failed(self, error: StreamError) -> bytes:
        """An error after the answer has begun. Nothing may follow."""
        return sse.failed(error, self.request.dialect)

    def _chunk(self, delta: dict[str, str], finish: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return _event(self._json("chat.completion.chunk", choices=[choice], **more))

    def _json(self, kind: str, **fields: Any) -> bytes:
        head = {"id": self.id, "object": kind, "created": self.created, "model": self.model}
        return msgspec.json.encode(head | fields)


def usage(last: Delta, heard: int) -> dict[str, Any]:
    """The model's own counts, as both have them; Mistral's seconds are whole ones."""
    return {
        "prompt_tokens": last.prompt_tokens,
        "completion_tokens": last.completion_tokens,
        "total_tokens": last.prompt_tokens + last.completion_tokens,
        "prompt_audio_seconds": -(-heard // SAMPLE_RATE),
        "prompt_tokens_details": {"audio_tokens": last.audio_tokens},
    }


def _event(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"
