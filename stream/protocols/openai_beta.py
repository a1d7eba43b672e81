"""OpenAI's realtime transcription as it was in beta: the same but for a flat session and the names of some messages.

Knows nothing of how messages come about.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from stream.protocols.base import Request
from stream.protocols.openai_session import AudioOfSession, Format, Input, Transcription, TurnDetection, Wanted

HEADER = ("openai-beta", "realtime=v1")
SUBPROTOCOL = "openai-beta.realtime-v1"
TYPES: dict[str, Any] = {"pcm16": "audio/pcm", "g711_ulaw": "audio/pcmu", "g711_alaw": "audio/pcma"}
FORMATS = {ours: theirs for theirs, ours in TYPES.items()}
RENAMED = {
    "session.created": "transcription_session.created",
    "session.updated": "transcription_session.updated",
    "conversation.item.added": "conversation.item.created",
}


class Flat(Struct):
    """A `session` of `transcription_session.update`."""

    input_audio_format: Literal["pcm16", "g711_ulaw", "g711_alaw"] | None = None
    input_audio_transcription: Transcription | None = None
    turn_detection: TurnDetection | UnsetType | None = UNSET
    input_audio_noise_reduction: Any = None
    include: Any = None

    def nested(self) -> Wanted:
        """The same as it is written now."""
        return Wanted(
            audio=AudioOfSession(
                Input(
                    format=Format(TYPES[self.input_audio_format]) if self.input_audio_format else None,
                    transcription=self.input_audio_transcription,
                    noise_reduction=self.input_audio_noise_reduction,
                    turn_detection=self.turn_detection,
                )
            ),
            include=self.include,
        )


def spoken(request: Request) -> bool:
    """Whether a client speaks it."""
    name, value = HEADER
    return value in request.headers.get(name, "") or SUBPROTOCOL in request.subprotocols


def rewritten(message: dict[str, Any]) -> dict[str, Any] | None:
    """A server's message as it was then; None for one that there was not."""
    if message["type"] == "conversation.item.done":
        return None
    message = message | {"type": RENAMED.get(message["type"], message["type"])}
    if "session" in message:
        message["session"] = _flat(message["session"])
    return message


def _flat(session: dict[str, Any]) -> dict[str, Any]:
    audio = session["audio"]["input"]
    return {
        **{name: session[name] for name in ("id", "object", "expires_at")},
        "input_audio_format": FORMATS[audio["format"]["type"]],
        "input_audio_transcription": {name: audio["transcription"][name] for name in ("model", "language", "prompt")},
        "turn_detection": audio["turn_detection"],
        "input_audio_noise_reduction": audio["noise_reduction"],
        "include": session["include"],
    }
