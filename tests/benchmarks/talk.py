"""A client that talks in real time: what it sent when, what it heard when, and how it went segment by segment.

Open loop: audio is due when a microphone would have heard it, whatever the server does. A client that can't keep that
up tells so by its `lateness`, and its other figures mean nothing then. All times are in seconds since the first sample.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import soundfile

import steno

CHUNK_S = 0.1


@dataclass
class Segment:
    """One segment's events; each `*_at` is when it was heard. `ended` is None where the session broke off."""

    started: steno.SpeechStarted
    started_at: float
    partials: list[steno.Partial] = field(default_factory=list)
    partials_at: list[float] = field(default_factory=list)
    ended: steno.SpeechEnded | None = None
    last: steno.Final | steno.Suppressed | None = None
    last_at: float = 0.0

    @property
    def final(self) -> steno.Final | None:
        return self.last if isinstance(self.last, steno.Final) else None

    @property
    def gaps(self) -> list[float]:
        """Between partials while speech goes on, the last one to the end of speech."""
        assert self.ended
        during = [at for at in self.partials_at if at < self.ended.at]
        return [after - before for before, after in pairwise([*during, self.ended.at])] if during else []

    @property
    def revised(self) -> int:
        """Times that text once promised stable was taken back."""
        texts = [(each.text, each.stable) for each in self.partials]
        if self.last:
            texts.append((self.final.text, 0) if self.final else ("", 0))
        return sum(not text.startswith(before[:stable]) for (before, stable), (text, _) in pairwise(texts))


@dataclass
class Talk:
    """A session from its first sample to Done."""

    lateness: list[float] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    done: steno.Done | None = None

    @property
    def finals(self) -> list[steno.Final]:
        return [segment.final for segment in self.segments if segment.final]

    @property
    def text(self) -> str:
        return " ".join(final.text for final in self.finals)

    def hear(self, event: steno.Event, at: float) -> None:
        match event:
            case steno.SpeechStarted():
                assert event.segment == len(self.segments)
                self.segments.append(Segment(event, at))
            case steno.Partial():
                self.segments[event.segment].partials.append(event)
                self.segments[event.segment].partials_at.append(at)
            case steno.SpeechEnded():
                self.segments[event.segment].ended = event
            case steno.Final() | steno.Suppressed():
                segment = self.segments[event.segment]
                assert segment.last is None
                segment.last, segment.last_at = event, at
            case steno.Warned():
                self.warnings.append(event.code)
            case steno.Done():
                self.done = event


async def talk(url: str, chunks: Iterable[bytes], *, paced: bool = True, **options: Any) -> Talk:
    """Stream `chunks` of CHUNK_S each until all is transcribed; unpaced: as fast as the protocol allows."""
    told, loop = Talk(), asyncio.get_running_loop()
    async with steno.connect(url, **options) as session:
        began = loop.time()

        async def due() -> AsyncIterator[bytes]:
            for number, chunk in enumerate(chunks, 1):
                if paced:
                    at = began + number * CHUNK_S
                    await asyncio.sleep(at - loop.time())
                    told.lateness.append(loop.time() - at)
                yield chunk

        session.feed(due())
        async for event in session:
            told.hear(event, loop.time() - began)
    return told


def speech(path: Path) -> tuple[list[bytes], dict[str, Any]]:
    """A file's chunks of CHUNK_S, and the options that tell a server of what kind they are."""
    with soundfile.SoundFile(path) as file:
        chunks = [block.astype("<i2").tobytes() for block in file.blocks(int(file.samplerate * CHUNK_S), dtype="int16")]
        return chunks, {"sample_rate": file.samplerate, "channels": file.channels}


def looped(chunks: list[bytes], seconds: float) -> Iterator[bytes]:
    for number in range(round(seconds / CHUNK_S)):
        yield chunks[number % len(chunks)]
