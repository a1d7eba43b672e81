"""OpenAI's messages: reading those of clients, and what those about items hold.

Knows nothing of sessions and of when anything is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from stream.errors import BadAudio, BadRequest, TooLarge
from stream.protocols.openai_beta import Flat
from stream.protocols.openai_items import Item
from stream.protocols.openai_session import Wanted

AUDIO_BYTES = 15 << 20
"""The most that one append may hold, as OpenAI's documentation has it."""
TEXT_CHARS = 65_536
"""Of any other message."""
TRANSCRIPTION = "conversation.item.input_audio_transcription"


class _Identified(Struct):
    event_id: str | None = None


class Update(_Identified, tag="session.update", kw_only=True):
    session: Wanted


class FlatUpdate(_Identified, tag="transcription_session.update", kw_only=True):
    session: Flat


class Append(_Identified, tag="input_audio_buffer.append", kw_only=True):
    audio: bytes


class Commit(_Identified, tag="input_audio_buffer.commit"):
    pass


class ClearBuffer(_Identified, tag="input_audio_buffer.clear"):
    pass


class Header(Struct):
    type: Any = None
    event_id: Any = None


Message = Append | Commit | ClearBuffer | Update | FlatUpdate
_messages = msgspec.json.Decoder(Message)
_headers = msgspec.json.Decoder(Header)
KNOWN = {kind.__struct_config__.tag for kind in (Append, Commit, ClearBuffer, Update, FlatUpdate)}


def read(message: str | bytes) -> Message:
    """Raises BadAudio, BadRequest or TooLarge for what is no message."""
    if isinstance(message, bytes):
        raise BadAudio("a binary frame; it was dropped", hint="append audio in base64")
    try:
        known: Message = _messages.decode(message)
    except (msgspec.DecodeError, RecursionError) as error:
        kind = _header(message).type
        if not isinstance(kind, str) or kind in KNOWN:
            raise BadRequest(str(error)) from None
        raise BadRequest(f"a transcription session takes no `{kind[:60]}`; it was ignored", param="type") from None
    if not isinstance(known, Append):
        if len(message) > TEXT_CHARS:
            raise TooLarge(f"a message of more than {TEXT_CHARS} characters; it was ignored")
    elif len(known.audio) > AUDIO_BYTES:
        raise TooLarge(f"{len(known.audio)} bytes of audio in one message are over the limit, {AUDIO_BYTES}")
    return known


def event_id(message: str | bytes) -> str | None:
    """What a client calls its message, however wrong that is."""
    named = None if isinstance(message, bytes) else _header(message).event_id
    return named if isinstance(named, str) else None


def _header(message: str) -> Header:
    try:
        return _headers.decode(message)
    except (msgspec.DecodeError, RecursionError):
        return Header()


Said = tuple[str, dict[str, Any]]
"""The type and the other fields of a server's message."""


def committed(item: Item, previous: str | None) -> Iterator[Said]:
    """An item has come into being behind the `previous` one."""
    fields = {"id": item.id, "type": "message", "object": "realtime.item", "role": "user", "status": "completed"}
    whole = {"previous_item_id": previous, "item": {**fields, "content": [{"type": "input_audio", "transcript": None}]}}
    yield "input_audio_buffer.committed", {"item_id": item.id, "previous_item_id": previous}
    yield "conversation.item.added", whole
    yield "conversation.item.done", whole


def completed(item: Item) -> Said:
    """An item's last message."""
    fields: dict[str, Any] = {"item_id": item.id, "content_index": 0}
    if item.failed and not item.passage.text:
        error = {"type": "server_error", "code": "transcription_failed", "message": "decoding failed", "param": None}
        return f"{TRANSCRIPTION}.failed", {**fields, "error": error}
    return f"{TRANSCRIPTION}.completed", {
        **fields,
        "transcript": item.passage.text,
        "usage": {"type": "duration", "seconds": item.seconds},
        "languages": [{"code": code} for code in item.languages],
    }
