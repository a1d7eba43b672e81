"""What the API's description says of chats: the request, and the answer as its clients read it.

Knows nothing of how either is handled: `chat_request` and `chat_answer` do, and tests hold this to them.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from stream.rest.chat_request import MAX_CLIPS, MAX_STOP, MAX_STOPS, MAX_TOKENS
from stream.rest.descriptions import EVENTS, IGNORED_HEADER


class AnswerMessage(BaseModel):
    role: Literal["assistant"]
    content: str


class Choice(BaseModel):
    index: Literal[0]
    message: AnswerMessage
    finish_reason: Literal["stop", "length"]


class PromptTokensDetails(BaseModel):
    audio_tokens: int


class ChatUsage(BaseModel):
    """The model's own counts; `prompt_tokens` holds those of audio."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_audio_seconds: int
    prompt_tokens_details: PromptTokensDetails


class ChatCompletion(BaseModel):
    """`model` is the one that answered."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: ChatUsage


COMPLETION: dict[str, Any] = {
    "description": "The answer; with `stream` chunk by chunk, and `[DONE]` at the end",
    "model": ChatCompletion,
    "content": EVENTS,
    "headers": IGNORED_HEADER,
}


def _part(kind: str, **properties: Any) -> dict[str, Any]:
    fields = {"type": {"type": "string", "const": kind}} | properties
    return {"type": "object", "properties": fields, "required": list(fields)}


_AUDIO = "Base64, a data URL, a signed URL of this server's, or any that it may fetch"
_PARTS = [
    _part("text", text={"type": "string"}),
    _part(
        "input_audio",
        input_audio={
            "anyOf": [
                {"type": "string", "description": _AUDIO},
                {
                    "type": "object",
                    "properties": {"data": {"type": "string", "description": _AUDIO}, "format": {"type": "string"}},
                    "required": ["data"],
                },
            ]
        },
    ),
    _part("file", file_id={"type": "string", "description": "A file that was uploaded to /v1/files"}),
]
_MESSAGE = {
    "type": "object",
    "properties": {
        "role": {"type": "string", "enum": ["system", "developer", "user", "assistant"]},
        "content": {
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"anyOf": _PARTS}}],
            "description": f"Audio is for the user's messages, and there may be {MAX_CLIPS} clips in all",
        },
    },
    "required": ["role", "content"],
}
_TOKENS = {"type": "integer", "minimum": 1, "maximum": MAX_TOKENS}
_SEED = {"type": "integer", "minimum": -(1 << 63), "maximum": (1 << 63) - 1}
_STOP = {"type": "string", "maxLength": MAX_STOP}
CHAT_FIELDS: dict[str, Any] = {
    "messages": {
        "type": "array",
        "items": _MESSAGE,
        "minItems": 1,
        "description": "The last one is the user's",
    },
    "model": {"type": "string", "description": "A name from GET /v1/models; by default the first that can chat"},
    "temperature": {"type": "number", "minimum": 0, "maximum": 2, "default": 0},
    "top_p": {"type": "number", "exclusiveMinimum": 0, "maximum": 1, "default": 1},
    "max_tokens": {**_TOKENS, "description": "By default the model's own limit"},
    "max_completion_tokens": {**_TOKENS, "description": "The same, as OpenAI has it; it counts for more"},
    "stop": {"anyOf": [_STOP, {"type": "array", "items": _STOP, "maxItems": MAX_STOPS}]},
    "seed": {**_SEED, "description": "The same seed and request give the same answer"},
    "random_seed": {**_SEED, "description": "The same, as Mistral has it"},
    "stream": {"type": "boolean", "default": False, "description": "Tell the answer, as events, while it is written"},
    "stream_options": {
        "type": "object",
        "properties": {"include_usage": {"type": "boolean", "description": "Tell `usage` in a chunk of its own"}},
    },
}
CHAT_REQUEST: dict[str, Any] = {
    "required": True,
    "description": "Fields that are not here are ignored, and named in the answer, or refused if no answer is without.",
    "content": {
        "application/json": {"schema": {"type": "object", "properties": CHAT_FIELDS, "required": ["messages"]}}
    },
}
