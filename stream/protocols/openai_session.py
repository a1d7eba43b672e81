"""OpenAI's session object: what a client wants of a transcription session, and what holds in one.

Knows nothing of messages and items.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from stream.audio import AudioFormat, Encoding
from stream.errors import BadRequest
from stream.events import SessionOptions
from stream.rest.request import code
from vad.detector import ONSET
from vad.endpointer import RANGES, EndpointOptions

Eagerness = Literal["low", "medium", "high", "auto"]
HANGOVER_MS: dict[Eagerness, int] = {"high": 400, "medium": 800, "auto": 800, "low": 1600}
"""Pauses that end an utterance: a fifth of the longest that `semantic_vad` waits, 2, 4 and 8 s. It waits so long only
where a sentence seems unfinished, which a pause does not tell."""

ENCODINGS: dict[str, Encoding] = {"audio/pcm": "pcm_s16le", "audio/pcmu": "mulaw", "audio/pcma": "alaw"}
TYPES = {encoding: type for type, encoding in ENCODINGS.items()}
RATES = {"audio/pcm": 24_000, "audio/pcmu": 8_000, "audio/pcma": 8_000}
"""Where a client says nothing else."""


class Format(Struct):
    type: Literal["audio/pcm", "audio/pcmu", "audio/pcma"]
    rate: int | None = None

    def read(self) -> AudioFormat:
        """Raises BadRequest for a rate that is out of range."""
        try:
            return AudioFormat(ENCODINGS[self.type], self.rate or RATES[self.type])
        except ValueError as error:
            raise BadRequest(str(error), param="session.audio.input.format.rate") from None


class Transcription(Struct):
    model: str | UnsetType | None = UNSET
    language: str | UnsetType | None = UNSET
    languages: list[str] | UnsetType | None = UNSET
    prompt: str | UnsetType | None = UNSET
    keywords: list[str] | UnsetType | None = UNSET
    delay: Any = None

    @property
    def codes(self) -> tuple[str, ...] | UnsetType:
        """The languages that may occur, none to detect."""
        if self.language is UNSET and self.languages is UNSET:
            return UNSET
        named = [*(self.languages or ()), self.language or ""]
        return tuple(dict.fromkeys(code(each) for each in named if each))


class TurnDetection(Struct):
    type: Literal["server_vad", "semantic_vad"]
    prefix_padding_ms: float | None = None
    silence_duration_ms: float | None = None
    threshold: float | None = None
    eagerness: Eagerness | None = None
    idle_timeout_ms: Any = None


class Input(Struct):
    format: Format | None = None
    transcription: Transcription | None = None
    noise_reduction: Any = None
    turn_detection: TurnDetection | UnsetType | None = UNSET


class AudioOfSession(Struct):
    input: Input | None = None


class Wanted(Struct):
    """A `session` of `session.update`; what it does not have is to stay as it is."""

    type: str = "transcription"
    audio: AudioOfSession | None = None
    include: Any = None

    @property
    def input(self) -> Input:
        return (self.audio and self.audio.input) or Input()

    @property
    def not_honoured(self) -> list[str]:
        """Names of the options that no session of ours honours."""
        heard = self.input.transcription
        turns = self.input.turn_detection or None
        asked = {
            "include": self.include,
            "noise_reduction": self.input.noise_reduction,
            "transcription.delay": heard and heard.delay,
            "turn_detection.threshold": turns and turns.threshold != ONSET and turns.threshold is not None,
            "turn_detection.idle_timeout_ms": turns and turns.idle_timeout_ms,
        }
        return [name for name, value in asked.items() if value]


class Turns:
    """How utterances end, as the client has it. The defaults are `server_vad`'s."""

    def __init__(self) -> None:
        self.eagerness: Eagerness | None = None
        self.endpointing: EndpointOptions | None = EndpointOptions()

    @property
    def manual(self) -> bool:
        """Whether only the client ends them, by committing."""
        return self.endpointing is None

    def take(self, wanted: TurnDetection | None) -> None:
        """Values out of range become the nearest ones; those that are left out stay, or are the defaults of a type that
        is new."""
        if wanted is None:
            self.endpointing = None
            return
        semantic = wanted.type == "semantic_vad"
        same = self.endpointing is not None and semantic == (self.eagerness is not None)
        before = (self.endpointing if same else None) or EndpointOptions()
        self.eagerness = (wanted.eagerness or (self.eagerness if same else None) or "auto") if semantic else None
        silence = HANGOVER_MS[self.eagerness] if self.eagerness else wanted.silence_duration_ms
        self.endpointing = EndpointOptions(
            silence_ms=_within("silence_ms", silence, before.silence_ms),
            preroll_ms=_within("preroll_ms", wanted.prefix_padding_ms, before.preroll_ms),
        )

    def effective(self, endpointing: EndpointOptions | None) -> dict[str, Any] | None:
        """What holds in a session, as OpenAI writes it."""
        if endpointing is None:
            return None
        if self.eagerness and endpointing.silence_ms == HANGOVER_MS[self.eagerness]:
            return {"type": "semantic_vad", "eagerness": self.eagerness}
        return {
            "type": "server_vad",
            "threshold": ONSET,
            "prefix_padding_ms": endpointing.preroll_ms,
            "silence_duration_ms": endpointing.silence_ms,
            "idle_timeout_ms": None,
        }


def effective(id: str, expires_at: int, options: SessionOptions, turns: Turns) -> dict[str, Any]:
    """The session as it is; what can't be honoured is shown as what holds instead. expires_at: Unix time."""
    audio, languages = options.audio, options.languages
    type = TYPES[audio.encoding]
    rate = {} if type != "audio/pcm" and audio.sample_rate == RATES[type] else {"rate": audio.sample_rate}
    return {
        "type": "transcription",
        "object": "realtime.transcription_session",
        "id": id,
        "expires_at": expires_at,
        "audio": {
            "input": {
                "format": {"type": type, **rate},
                "transcription": {
                    "model": options.model,
                    "language": languages[0] if len(languages) == 1 else None,
                    "languages": list(languages) or None,
                    "prompt": options.prompt,
                    "keywords": list(options.keywords) or None,
                    "delay": None,
                },
                "noise_reduction": None,
                "turn_detection": turns.effective(options.endpointing),
            }
        },
        "include": None,
    }


def _within(name: str, asked: float | None, otherwise: int) -> int:
    if asked is None:
        return otherwise
    least, most = RANGES[name]
    return int(min(max(asked, least), most))
