"""How each dialect is spoken: what a client says to open a session, to send audio and to end it, and where words are.

A new dialect is held to what all keep (`check_protocol.py`) and measured (`benchmarks/protocol_cost.py`) by a row here.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from stream.audio import AudioFormat
from stream.events import Limits
from stream.protocols.base import Request, WireProtocol
from tests.stream import calls

Message = str | bytes
COMPLETED = "conversation.item.input_audio_transcription.completed"

CHUNK_S = 0.1
"""Of audio in a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """start, end: what comes before the first audio and behind the last one. audio: the message that holds the chunk of
    a number, from 0, of mono audio in `format`. words: those of a session's finals, in order, from all its messages;
    None where the client is told none. leaves: whether a client that has heard all these messages closes, in a dialect
    without a message for the end."""

    query: tuple[tuple[str, str], ...] = ()
    start: tuple[Message, ...] = ()
    format: AudioFormat = field(default_factory=AudioFormat)
    audio: Callable[[int, bytes], Message]
    end: tuple[Message, ...]
    words: Callable[[Sequence[dict[str, Any]]], list[str]] | None
    leaves: Callable[[Sequence[dict[str, Any]]], bool] | None = None


def texts(kind: str, field: str = "text") -> Callable[[Sequence[dict[str, Any]]], list[str]]:
    """Words of the texts of messages of a `type`."""
    return lambda messages: [
        word for message in messages if message.get("type") == kind for word in message[field].split()
    ]


def based(type: str) -> Callable[[int, bytes], str]:
    """A JSON message whose `audio` is in base64."""
    return lambda number, chunk: json.dumps({"audio": base64.b64encode(chunk).decode(), "type": type})


def bare(number: int, chunk: bytes) -> bytes:
    """A frame of nothing but audio."""
    return chunk


SPOKEN: dict[str, Spoken] = {
    "native": Spoken(
        start=('{"type": "start"}',),
        audio=bare,
        end=('{"type": "stop"}',),
        words=texts("final"),
    ),
    "deepgram": Spoken(
        query=(("encoding", "linear16"), ("sample_rate", "16000"), ("endpointing", "500"), ("interim_results", "true")),
        audio=bare,
        end=('{"type": "CloseStream"}',),
        words=lambda messages: [
            word["word"]
            for message in messages
            if message.get("is_final")
            for word in message["channel"]["alternatives"][0]["words"]
        ],
    ),
    "mistral": Spoken(
        start=('{"type":"session.update","session":{"language":"en","turn_detection":{"min_silence_ms":400}}}',),
        audio=based("input_audio.append"),
        end=('{"type":"input_audio.flush"}', '{"type":"input_audio.end"}'),
        words=texts("transcription.done"),
    ),
    "openai": Spoken(
        start=(
            '{"type":"session.update","session":{"type":"transcription","audio":{"input":{"format":'
            '{"type":"audio/pcm","rate":16000},"transcription":{"model":"whisper-1","language":"en"}}}}}',
        ),
        audio=based("input_audio_buffer.append"),
        end=('{"type":"input_audio_buffer.commit"}',),
        words=texts(COMPLETED, "transcript"),
        leaves=lambda messages: sum(message["type"] == COMPLETED for message in messages) == 2,
    ),
    "twilio": Spoken(
        start=(json.dumps(calls.CONNECTED), json.dumps(calls.start(("inbound",)))),
        format=AudioFormat("mulaw", 8_000),
        audio=lambda number, chunk: json.dumps(calls.media(round(number * CHUNK_S / 0.02), "inbound", chunk)),
        end=(json.dumps(calls.STOP),),
        words=None,
    ),
    "vosk": Spoken(
        start=('{"config": {"sample_rate": 16000, "phrase_list": []}}',),
        audio=bare,
        end=('{"eof" : 1}',),
        words=lambda messages: [word for message in messages for word in message.get("text", "").split()],
    ),
}
"""By the names of the dialects' files, as in `tests.wire.conversation.DIALECTS`."""


def opened(protocol: type[WireProtocol], spoken: Spoken, *messages: Message) -> WireProtocol:
    """A dialect that has heard some messages."""
    dialect = protocol.open(request(protocol, spoken), Limits())
    for message in messages:
        dialect.receive(message)
    return dialect


def request(protocol: type[WireProtocol], spoken: Spoken) -> Request:
    return Request(protocol.paths[0], spoken.query, session="session")
