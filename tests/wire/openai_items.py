"""What a client of OpenAI's makes of a transcription session's messages, and the promises that these have to keep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

TRANSCRIPTION = "conversation.item.input_audio_transcription"


def transcripts(messages: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Texts of the items that were completed, by id, in the order of their audio.

    Raises AssertionError where an event has no id of its own, an item isn't committed once behind its predecessor, has
    more than one end or text behind it, or its deltas don't make up its transcript.
    """
    ids = [message["event_id"] for message in messages]
    assert len(set(ids)) == len(ids)
    deltas: dict[str, str] = {}
    ended: dict[str, str] = {}
    order: list[str] = []
    for message in messages:
        kind, item = message["type"], message.get("item_id")
        if kind == "input_audio_buffer.committed":
            assert message["previous_item_id"] == (order[-1] if order else None)
            assert item not in order
            order.append(message["item_id"])
        elif kind in ("conversation.item.added", "conversation.item.done"):
            assert message["item"]["id"] == order[-1]
        elif kind == f"{TRANSCRIPTION}.delta":
            assert item not in ended
            deltas[message["item_id"]] = deltas.get(message["item_id"], "") + message["delta"]
        elif kind in (f"{TRANSCRIPTION}.completed", f"{TRANSCRIPTION}.failed"):
            assert item in order
            assert item not in ended
            ended[message["item_id"]] = message.get("transcript", "")
            assert deltas.get(message["item_id"], "") == ended[message["item_id"]]
    return {item: ended[item] for item in order if item in ended}
