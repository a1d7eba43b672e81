"""A transcript as OpenAI's and Mistral's clients read it: one body that both take, or plain text.

Knows nothing of HTTP.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from models.base import SAMPLE_RATE, Word
from stream import subtitles
from stream.events import Final
from stream.rest.counts import counts
from stream.rest.languages import name
from stream.rest.request import TranscriptionRequest
from stream.rest.segments import (
    Segment,
    heard_languages,
    mean_log_confidence,
    most_doubt,
    segments,
    text,
    word_by_word,
)

FRAME = SAMPLE_RATE // 100
"""What `seek` counts in."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A recording's transcript. `model`: the server's own name of what ran. `duration`: samples at 16 kHz."""

    request: TranscriptionRequest
    model: str
    finals: tuple[Final, ...]
    duration: int
    segments: tuple[Segment, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "segments", segments(self.finals))

    @property
    def language(self) -> str | None:
        """The language of the text: that of a translation is English, else the one asked for, or heard longest."""
        if self.request.task == "translate":
            return "en"
        if len(self.request.languages) == 1:
            return self.request.languages[0]
        return next(iter(heard_languages(self.segments)), None)


def respond(answer: Answer) -> tuple[str, bytes]:
    """The answer in the format that was asked for: its media type and its body."""
    format = answer.request.format
    if format == "srt":
        return "text/plain; charset=utf-8", subtitles.srt(answer.finals).encode()
    if format == "vtt":
        return "text/vtt; charset=utf-8", subtitles.vtt(answer.finals).encode()
    if format == "text":
        return "text/plain; charset=utf-8", f"{text(answer.segments)}\n".encode()
    return "application/json", msgspec.json.encode(body(answer))


def body(answer: Answer) -> dict[str, Any]:
    """The JSON that both vendors' clients parse; `segments` is empty and `words` left out unless asked for."""
    request = answer.request
    verbose = request.format == "verbose_json" and request.dialect == "openai"
    fields: dict[str, Any] = {
        "task": request.task,
        "model": answer.model,
        "text": text(answer.segments),
        # OpenAI's verbose form has a name here, which is never null; all others a code.
        "language": name(answer.language) if verbose else answer.language,
        "languages": [{"code": code} for code in heard_languages(answer.segments)],
        "duration": _seconds(answer.duration),
        "segments": [segment_fields(each) for each in asked_segments(request, answer.segments)],
    }
    if "word" in request.granularities:
        fields["words"] = [_word_fields(word) for each in answer.segments for word in each.words]
    return fields | {"usage": {"type": "duration", "seconds": _seconds(answer.duration), **usage(answer)}}


def asked_segments(request: TranscriptionRequest, told: Sequence[Segment]) -> Sequence[Segment]:
    """What the answer lists as segments; if only words are asked for, Mistral's, which has no other list, has those."""
    if "segment" in request.granularities:
        return told
    return word_by_word(told) if request.granularities and request.dialect == "mistral" else ()


def segment_fields(segment: Segment) -> dict[str, Any]:
    """A segment as both vendors have it.

    What we don't know is not guessed: `tokens` is empty, and a model without confidences leaves null where the rest is
    derived from them. avg_logprob: the mean log of the words' confidences. no_speech_prob: the most it can be, which is
    the doubt about the surest word. seek: 10 ms frames before the segment, which is decoded on its own. temperature: 0,
    as all decoding is.
    """
    spoken = segment.text
    return {
        "id": segment.number,
        "seek": segment.start // FRAME,
        "start": _seconds(segment.start),
        "end": _seconds(segment.end),
        "text": spoken,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": _rounded(mean_log_confidence(segment.words)),
        "compression_ratio": round(compression_ratio(spoken), 3),
        "no_speech_prob": _rounded(most_doubt(segment.words)),
        "type": "transcription_segment",
        "speaker_id": None,
    }


def usage(answer: Answer) -> dict[str, int]:
    """Mistral's counts."""
    request = answer.request
    return counts(answer.duration, sum(len(each.words) for each in answer.segments), request.prompt, request.keywords)


def compression_ratio(spoken: str) -> float:
    """Bytes of the text for each that zlib needs for it, as Whisper's reference implementation measures it."""
    plain = spoken.encode()
    return len(plain) / len(zlib.compress(plain))


def _word_fields(word: Word) -> dict[str, Any]:
    return {"word": word.text.strip(), "start": _seconds(word.start), "end": _seconds(word.end)}


def _seconds(position: int) -> float:
    return round(position / SAMPLE_RATE, 3)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
