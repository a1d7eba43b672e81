"""A recording's file on its way to finals: decoded in one process, heard by a model in another.

Knows nothing of where the file is from, nor of what is made of the finals.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import BinaryIO

from models.base import Samples
from stream import recording
from stream.engine import Engine
from stream.events import Final, SessionOptions
from stream.media import Media, opened
from stream.media_messages import MediaLimits
from stream.metrics import Metrics
from stream.outcomes import counted


class Hearing:
    """One recording; iterate `finals` once, and close it if that isn't to its end.

    source and limits: as `media.opened` takes them; options: as `recording.finals` does. go_on: called for every second
    of audio; what it raises ends all. duration: samples at 16 kHz that were read, of all of it in the end. claimed_s:
    the seconds that the file says it has, None until it is opened or where it doesn't say.
    """

    def __init__(
        self,
        source: Path | BinaryIO,
        options: SessionOptions,
        engine: Engine,
        metrics: Metrics,
        limits: MediaLimits,
        go_on: Callable[[], None] = lambda: None,
    ) -> None:
        self.duration = 0
        self.claimed_s: float | None = None
        self._source, self._limits, self._go_on = source, limits, go_on
        self._options, self._engine, self._metrics = options, engine, metrics

    async def finals(self) -> AsyncGenerator[Final, None]:
        """What is said, in order, while the file is still being read. Raises what those two do."""
        with counted(self._metrics.recordings):
            async with opened(self._source, self._limits) as media:
                self.claimed_s = media.info.duration_s
                heard = recording.finals(self._read(media), self._options, self._engine, self._metrics)
                async with aclosing(heard):
                    async for final in heard:
                        yield final

    async def _read(self, media: Media) -> AsyncIterator[Samples]:
        async for block in media:
            self._go_on()
            self.duration += block.shape[1]
            yield block[0]
