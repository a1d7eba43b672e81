"""A live session's audio that comes in a container: pieces of a file in as they come, samples out as they are decoded.

The process that decodes is that of recordings, with its limits. Knows nothing of sessions, sockets and protocols.
"""

from __future__ import annotations

from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from models.base import SAMPLE_RATE
from stream.media import Reports, end, garbled, launch
from stream.media_messages import Block, Ended, MediaLimits, MediaOrder, Taken


class Unpacker:
    """One file, while it is being written: after each `push`, and after `finish`, await `next` until there is no more.

    The process waits while nobody does.
    """

    def __init__(self, process: Process, limits: MediaLimits) -> None:
        assert process.stdin is not None
        self._pipe = process.stdin
        self._reports = Reports(process, limits)
        self._given = self._taken = 0
        self._left = int(limits.max_audio_s * SAMPLE_RATE)
        self._finished = False

    def push(self, piece: bytes) -> None:
        """The next bytes, cut wherever."""
        self._given += len(piece)
        self._pipe.write(piece)

    def finish(self) -> None:
        """There are no more bytes."""
        self._finished = True
        self._pipe.close()

    async def next(self) -> bytes | None:
        """Up to a second more, as mono pcm_s16le at 16 kHz; None once all that can be made of what was pushed has come.

        Raises UnsupportedMedia for what is no audio, or of a kind that is not decoded; BadMedia for what is damaged, or
        takes more memory or time than allowed; TooLarge for more audio than allowed; Overloaded where this machine has
        had no time for it; EngineFailed for a bug. It is over then.
        """
        while self._finished or self._taken < self._given:
            match await self._reports.next():
                case Block(samples):
                    self._left -= len(samples) // 2
                    if self._left < 0 or len(samples) % 2:
                        raise garbled()
                    return samples
                case Taken(size):
                    self._taken = size
                case Ended():
                    break
        return None


@asynccontextmanager
async def unpacking(limits: MediaLimits) -> AsyncIterator[Unpacker]:
    """An unpacker, whose process ends with the context."""
    process = await launch(MediaOrder(SAMPLE_RATE, True, limits, live=True), PIPE)
    try:
        yield Unpacker(process, limits)
    finally:
        await end(process)
