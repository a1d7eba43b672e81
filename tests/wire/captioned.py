"""Golden captions: finals, and the captions that the server and its clients make of them.

A file of `captions/` is a JSON object:

    about      what it shows
    finals     [{"channel": 0, "words": [[" text", start_ms, end_ms], ...]}, ...]; a final's text is that of its words
    captions   [[channel, start_ms, end_ms, [line, ...]], ...]
    srt, vtt   lines of the documents; in some files only

`python -m tests.wire.captioned FILE...` writes anew what the server makes of the finals.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.base import SAMPLE_RATE, Word
from stream.events import Final, Latency
from stream.subtitles import captions, srt, vtt

DOCUMENTS = {"srt": srt, "vtt": vtt}
SAMPLES_PER_MS = SAMPLE_RATE // 1000


def final(words: Sequence[tuple[str, int, int]], channel: int = 0) -> Final:
    """A final of (text, start, end) in milliseconds."""
    said = tuple(Word(text, start * SAMPLES_PER_MS, end * SAMPLES_PER_MS) for text, start, end in words)
    return Final(
        segment=0,
        channel=channel,
        start=said[0].start if said else 0,
        end=said[-1].end if said else 0,
        words=said,
        language=None,
        reason="endpoint",
        latency=Latency(endpoint=0, queue=0, decode=0, decoded_at=0),
    )


def finals(golden: dict[str, Any]) -> list[Final]:
    return [final(one["words"], one["channel"]) for one in golden["finals"]]


def made(golden: dict[str, Any]) -> dict[str, Any]:
    """The golden file with what the server makes of its finals."""
    said = finals(golden)
    shown = [[one.channel, one.start_ms, one.end_ms, list(one.lines)] for one in captions(said)]
    documents = {name: write(said).splitlines() for name, write in DOCUMENTS.items() if name in golden}
    return {**golden, "captions": shown, **documents}


def dump(golden: dict[str, Any]) -> str:
    """A line for each final, caption and line of a document."""

    def told(value: Any) -> str:
        if isinstance(value, list) and value:
            return "[\n" + ",\n".join(f"  {json.dumps(one, ensure_ascii=False)}" for one in value) + "\n]"
        return json.dumps(value, ensure_ascii=False)

    return "{\n" + ",\n".join(f"{json.dumps(name)}: {told(value)}" for name, value in golden.items()) + "\n}\n"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(dump(made(json.loads(path.read_text("utf-8")))), "utf-8")
