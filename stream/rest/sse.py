"""A transcript as server-sent events, told segment by segment while the rest is still being decoded.

Knows nothing of HTTP and clocks. OpenAI's clients read `data` alone; Mistral's die of an event without an `event` line
and of a closing `[DONE]`, so there is none.
"""

from __future__ import annotations

from typing import Any

import msgspec

from models.base import SAMPLE_RATE
from stream.errors import StreamError
from stream.events import Final
from stream.rest.answer import Answer, asked_segments, body, usage
from stream.rest.counts import audio_tokens
from stream.rest.dialect import Dialect
from stream.rest.envelope import envelope
from stream.rest.request import TranscriptionRequest
from stream.rest.segments import Segment, heard_languages, segment, text

MEDIA_TYPE = "text/event-stream"


class EventStream:
    """The events of one answer. Give it the finals in order; at the end either `done` or `failed`, once."""

    def __init__(self, request: TranscriptionRequest, model: str) -> None:
        self._request = request
        self._model = model
        self._told: list[Segment] = []
        self._finals: list[Final] = []
        self._listed = 0
        self._mistral = request.dialect == "mistral"

    def final(self, final: Final) -> bytes:
        """What a final has to say: its text, and its segments where those are asked for."""
        spoken = segment(final, len(self._told))
        said = b""
        if self._mistral and final.language and not any(each.language for each in self._told):
            said += _event("transcription.language", audio_language=final.language)
        self._told.append(spoken)
        self._finals.append(final)
        if self._mistral:
            said += _event("transcription.text.delta", text=spoken.text)
        else:
            said += _data("transcript.text.delta", delta=spoken.text)
        for each in asked_segments(self._request, [spoken]):
            said += self._segment(each)
        return said

    def done(self, duration: int) -> bytes:
        """The end. duration: samples at 16 kHz of the whole recording."""
        answer = Answer(self._request, self._model, tuple(self._finals), duration)
        if self._mistral:
            fields = body(answer)
            names = ("model", "text", "language", "segments", "usage")
            return _event("transcription.done", **{name: fields[name] for name in names})
        counts = usage(answer)
        audio = audio_tokens(duration)
        return _data(
            "transcript.text.done",
            text=text(self._told),
            languages=[{"code": code} for code in heard_languages(self._told)],
            usage={
                "type": "tokens",
                "input_tokens": counts["prompt_tokens"] + audio,
                "output_tokens": counts["completion_tokens"],
                "total_tokens": counts["total_tokens"],
                "input_token_details": {"audio_tokens": audio, "text_tokens": counts["prompt_tokens"]},
            },
        )

    def failed(self, error: StreamError) -> bytes:
        """An error after the answer has begun. Nothing may follow."""
        return failed(error, self._request.dialect)

    def _segment(self, spoken: Segment) -> bytes:
        number = self._listed
        self._listed += 1
        start, end = round(spoken.start / SAMPLE_RATE, 3), round(spoken.end / SAMPLE_RATE, 3)
        if self._mistral:
            return _event("transcription.segment", text=spoken.text, start=start, end=end, speaker_id=None)
        # OpenAI sends these with speakers, which we don't tell apart.
        return _data("transcript.text.segment", id=str(number), text=spoken.text, start=start, end=end, speaker=None)


def failed(error: StreamError, dialect: Dialect) -> bytes:
    """An error as an event that both vendors' clients raise."""
    fields = envelope(error, dialect)
    # Mistral's client raises what has no `type`, and takes what has one that it doesn't know for an event.
    fields.pop("type")
    return b"event: error\ndata: " + msgspec.json.encode(fields) + b"\n\n"


def _data(type: str, **fields: Any) -> bytes:
    return b"data: " + msgspec.json.encode({"type": type, **fields}) + b"\n\n"


def _event(type: str, **fields: Any) -> bytes:
    return f"event: {type}\n".encode() + _data(type, **fields)
