"""What a session can be asked for: the keyword arguments of `connect` and `configure`.

Knows no defaults and no bounds: those are the server's, and `session.ready.options` holds what is in effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypedDict

Encoding = Literal["pcm_s16le", "pcm_s32le", "pcm_f16le", "pcm_f32le", "mulaw", "alaw"]


class Endpointing(TypedDict, total=False):
    """When a stretch of speech has ended."""

    silence_ms: int
    min_speech_ms: int
    preroll_ms: int
    max_segment_s: float
    vad: str


class Changes(TypedDict, total=False):
    """What `configure` may change in a running session, for segments that open from then on.

    language:    a code, several that may occur, or None to detect.
    prompt, keywords: context, and words to favour; refused by models that can't use them.
    partials:    whether partials are sent.
    words:       whether partials and finals list their words with times and confidence.
    endpointing: fields to change; None: only `finalize`, `stop` and the longest segment end speech.
    """

    language: str | Sequence[str] | None
    prompt: str | None
    keywords: Sequence[str]
    partials: bool
    words: bool
    endpointing: Endpointing | None


class Options(Changes, total=False):
    """What `connect` may ask for.

    encoding, sample_rate, channels: the audio that `send` will be given; channels interleaved.
    model:  a name the server lists; None for its default.
    mode:   "file" may go faster than real time, and gives way to live sessions.
    offset: samples per channel already behind this session, which its clock goes on from.
    webhook: a URL that finals are posted to, too, if the server allows its host.
    """

    encoding: Encoding
    sample_rate: int
    channels: int
    model: str | None
    task: Literal["transcribe", "translate"]
    mode: Literal["live", "file"]
    offset: int
    webhook: str | None
