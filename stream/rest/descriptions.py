"""What the API's description says of recordings: requests, and answers as their clients read them.

Knows nothing of how either is handled: `request`, `answer` and `deepgram` do, and tests hold this to them.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from stream.rest.request import FORMATS, GRANULARITIES


class Language(BaseModel):
    code: str


class TranscriptSegment(BaseModel):
    """Times in seconds. What comes from confidences is null where the model has none; `tokens` is empty."""

    id: int
    seek: int
    start: float
    end: float
    text: str
    tokens: list[int]
    temperature: float
    avg_logprob: float | None
    compression_ratio: float
    no_speech_prob: float | None
    type: Literal["transcription_segment"]
    speaker_id: None


class TranscriptWord(BaseModel):
    word: str
    start: float
    end: float


class Usage(BaseModel):
    """`total_tokens` holds 375 for each 30 s of audio that are begun; words count as tokens."""

    type: Literal["duration"]
    seconds: float
    prompt_audio_seconds: int
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Transcript(BaseModel):
    """`segments` is empty and `words` missing unless asked for. `model` is the one that ran, `duration` in seconds."""

    task: Literal["transcribe", "translate"]
    model: str
    text: str
    language: str | None
    languages: list[Language]
    duration: float
    segments: list[TranscriptSegment]
    words: list[TranscriptWord] | None = None
    usage: Usage


class ListenedWord(BaseModel):
    word: str
    start: float
    end: float
    confidence: float | None = None
    punctuated_word: str | None = None


class ListenedSentence(BaseModel):
    text: str
    start: float
    end: float


class ListenedParagraph(BaseModel):
    sentences: list[ListenedSentence]
    start: float
    end: float
    num_words: int


class ListenedParagraphs(BaseModel):
    transcript: str
    paragraphs: list[ListenedParagraph]


class Alternative(BaseModel):
    transcript: str
    confidence: float | None = None
    words: list[ListenedWord]
    languages: list[str] | None = None
    paragraphs: ListenedParagraphs | None = None


class ListenedChannel(BaseModel):
    alternatives: list[Alternative]
    detected_language: str | None = None


class ListenedUtterance(BaseModel):
    id: str
    start: float
    end: float
    channel: int
    transcript: str
    confidence: float | None = None
    words: list[ListenedWord]


class ListenedResults(BaseModel):
    channels: list[ListenedChannel]
    utterances: list[ListenedUtterance] | None = None


class ListenedModel(BaseModel):
    name: str
    arch: str


class ListenedMetadata(BaseModel):
    transaction_key: Literal["deprecated"]
    request_id: str
    sha256: str
    created: str
    duration: float
    channels: int
    models: list[str]
    model_info: dict[str, ListenedModel]
    tags: list[str] | None = None


class Listened(BaseModel):
    metadata: ListenedMetadata
    results: ListenedResults


IGNORED_HEADER = {
    "x-steno-ignored": {
        "description": "Options that were asked for and can't be honoured, apart by commas",
        "schema": {"type": "string"},
    }
}
_TEXT = {"schema": {"type": "string"}}
_EVENT = {
    "type": "object",
    "description": "Each event; `data` is JSON in the form of the client that asks, as is whether there is a name",
    "properties": {
        "event": {"type": "string"},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
    "required": ["data"],
}
EVENTS: dict[str, Any] = {"text/event-stream": {"schema": _EVENT}}
TRANSCRIPT: dict[str, Any] = {
    "description": "The transcript, in the format that was asked for",
    "model": Transcript,
    "content": {"text/plain": _TEXT, "text/vtt": _TEXT, **EVENTS},
    "headers": IGNORED_HEADER,
}
LISTENED: dict[str, Any] = {"description": "The transcript", "model": Listened, "headers": IGNORED_HEADER}


def _strings(description: str) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string"}, "description": description}


_FIELDS: dict[str, Any] = {
    "model": {"type": "string", "description": "A name from GET /v1/models; by default the server's first"},
    "language": {"type": "string", "description": "The code of the language that is spoken; by default it is detected"},
    "prompt": {"type": "string", "description": "What was said before, or how names are written"},
    "keywords": _strings("Words to favour"),
    "context_bias": _strings("The same, as Mistral has it"),
    "temperature": {"type": "number", "minimum": 0, "maximum": 1, "description": "0 whatever is asked"},
    "response_format": {"type": "string", "enum": list(FORMATS), "default": FORMATS[0]},
    "timestamp_granularities": {"type": "array", "items": {"type": "string", "enum": list(GRANULARITIES)}},
    "stream": {"type": "boolean", "default": False, "description": "Tell the text, as events, while it is decoded"},
}
_ELSEWHERE: dict[str, Any] = {
    "file_url": {"type": "string", "description": "A signed URL of this server's, or any that it may fetch"},
    "file_id": {"type": "string", "description": "A file that was uploaded to /v1/files"},
}
_NAMED = {"schema": {"type": "object", "properties": _FIELDS | _ELSEWHERE}}
TRANSCRIPTION_REQUEST: dict[str, Any] = {
    "required": True,
    "description": "Fields, and one of `file`, `file_url` and `file_id`. Others are ignored, and named in the answer.",
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {"file": {"type": "string", "format": "binary"}} | _FIELDS | _ELSEWHERE,
            }
        },
        "application/x-www-form-urlencoded": _NAMED,
        "application/json": _NAMED,
    },
}
LISTEN_REQUEST: dict[str, Any] = {
    "required": True,
    "content": {
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        "application/json": {
            "schema": {"type": "object", "required": ["url"], "properties": {"url": _ELSEWHERE["file_url"]}}
        },
    },
}
_LISTEN_FIELDS: dict[str, Any] = {
    "model": _FIELDS["model"],
    "language": {"type": "string", "description": "A code, or `multi` to detect"},
    "detect_language": {"type": "boolean"},
    "keyterm": _strings("Words to favour"),
    "punctuate": {"type": "boolean"},
    "smart_format": {"type": "boolean"},
    "paragraphs": {"type": "boolean"},
    "utterances": {"type": "boolean"},
    "utt_split": {"type": "number", "minimum": 0, "maximum": 3600, "default": 0.8},
    "tag": _strings("Is in the answer's metadata"),
}
LISTEN_QUERY: list[dict[str, Any]] = [
    {"name": name, "in": "query", "required": False, "schema": schema} for name, schema in _LISTEN_FIELDS.items()
]
