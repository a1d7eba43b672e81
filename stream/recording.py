"""A recording on its way to finals: through the same channel and engine as live audio, behind those who talk.

Knows nothing of files, formats and routes.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from dataclasses import replace

from models.base import SAMPLE_RATE, Samples
from stream.audio import AudioFormat
from stream.engine import Engine
from stream.errors import EngineFailed
from stream.events import Event, Final, SessionOptions, Suppressed
from stream.metrics import Metrics
from stream.transcriber import Transcriber

AHEAD_S = 120.0
"""Audio that the engine may have before it: utterances enough to fill its steps."""
FORMAT = AudioFormat(sample_rate=SAMPLE_RATE)


async def finals(
    blocks: AsyncIterable[Samples], options: SessionOptions, engine: Engine, metrics: Metrics
) -> AsyncGenerator[Final, None]:
    """What is said, segment by segment and in order, told while the recording is still being read.

    blocks: mono at 16 kHz, of a second or so: each is heard in one go. options: checked by `admission.check`; audio
    format, mode and partials are set here. Raises what reading a block does, what `Engine.admit` does, and EngineFailed
    where a segment can't be decoded: a transcript with a hole in it is none. To be closed if it isn't read to its end.
    """
    said: deque[Event] = deque()
    advanced = asyncio.Event()
    lease = engine.admit(1)
    options = replace(options, audio=FORMAT, mode="file", partials=False)
    transcriber = Transcriber(options, engine, said.append, advanced.set, time.monotonic, metrics)

    async def due(enough: Callable[[], bool]) -> AsyncIterator[Final]:
        while True:
            while said:
                if final := _final(said.popleft()):
                    yield final
            if transcriber.bug:
                raise transcriber.bug
            if enough():
                return
            advanced.clear()
            await advanced.wait()

    try:
        async for block in blocks:
            transcriber.accept(block.tobytes())
            await asyncio.sleep(0)
            async for final in due(lambda: transcriber.backlog_s < AHEAD_S):
                yield final
        transcriber.stop()
        async for final in due(lambda: transcriber.settled):
            yield final
    finally:
        transcriber.close()
        lease.release()


def _final(event: Event) -> Final | None:
    match event:
        case Final():
            return event
        case Suppressed(start=start, end=end, reason="failed"):
            raise EngineFailed(
                f"what is said from {start / SAMPLE_RATE:.1f} to {end / SAMPLE_RATE:.1f} s can't be decoded"
            )
        case _:
            return None
