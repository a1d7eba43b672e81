"""A file of speech as the chunks that a client sends. Knows nothing of servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from steno.bench.talk import CHUNK_S
from steno.recording import describe


def speech(path: Path) -> tuple[list[bytes], dict[str, Any]]:
    """A file's chunks of CHUNK_S, and the options that tell a server of what kind they are."""
    recording = describe(str(path))
    return list(recording.chunks(CHUNK_S)), {"sample_rate": recording.sample_rate, "channels": recording.channels}


def looped(chunks: list[bytes], seconds: float) -> Iterator[bytes]:
    for number in range(round(seconds / CHUNK_S)):
        yield chunks[number % len(chunks)]
