"""Recordings as audio: any file that people have, decoded to what a model hears, in a process that may be lost.

Knows nothing of containers and codecs, nor of sessions. How many recordings are decoded at once is up to the caller.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np

from models.base import SAMPLE_RATE, Samples
from stream.errors import BadMedia, EngineFailed, Overloaded, StreamError, TooLarge, UnsupportedMedia
from stream.link import kill, own_path
from stream.media_messages import (
    HEADER,
    LONGEST,
    Block,
    Described,
    Ended,
    MediaLimits,
    MediaOrder,
    Refused,
    Report,
    Taken,
    decode_report,
)

CHILD = "stream.media_child"
KEPT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
"""Variables that the child may see. The others may hold keys."""

DEFAULT = MediaLimits()

log = logging.getLogger("steno.media")


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """`channels`: of the file, whatever is made of them. `duration_s`: what the file claims, or None."""

    channels: int
    duration_s: float | None


class Media:
    """A recording that is being decoded: iterate once. The process waits while nobody reads.

    skipped: packets that could not be decoded, too few to be an error; known once the last block has come.
    """

    def __init__(self, reports: Reports, described: Described, max_audio_s: float) -> None:
        self.info = MediaInfo(described.file_channels, described.duration_s)
        self.skipped = 0
        self._reports = reports
        self._channels = described.channels
        self._left = int(max_audio_s * SAMPLE_RATE)

    async def __aiter__(self) -> AsyncIterator[Samples]:
        """Blocks of a second, the last one shorter: (channels, n) int16 at 16 kHz.

        All that can be decoded comes; if that was not all, BadMedia is raised behind it. TooLarge is raised where the
        recording goes on beyond its limit, and what `opened` raises can be raised here too.
        """
        while not isinstance(report := await self._reports.next(), Ended):
            if not isinstance(report, Block) or len(report.samples) % (2 * self._channels):
                raise garbled()
            block = np.frombuffer(report.samples, np.int16).reshape(-1, self._channels).T
            self._left -= block.shape[1]
            if self._left < 0:
                raise garbled()
            yield block
        self.skipped = report.skipped


@asynccontextmanager
async def opened(source: Path | BinaryIO, limits: MediaLimits = DEFAULT, *, mono: bool = True) -> AsyncIterator[Media]:
    """Decode the first audio of a file, its channels mixed or each on its own; the process ends with the context.

    source: a path, or a file of the system's that is open at its start, and is to stay so.

    Time is that of the samples, as ffmpeg's decoders count them: the delay that an encoder added is taken off, and gaps
    between the times of packets are not filled.

    Raises UnsupportedMedia for what is no audio, or of a kind that is not decoded; BadMedia where none can be decoded,
    or only by more memory or time than allowed; TooLarge where the header says that it is too long; Overloaded where
    this machine has had no time for it; EngineFailed for a bug; OSError if the file can't be opened.
    """
    with source.open("rb") if isinstance(source, Path) else nullcontext(source) as file:
        process = await launch(MediaOrder(SAMPLE_RATE, mono, limits), file)
    try:
        reports = Reports(process, limits)
        described = await reports.next()
        if not isinstance(described, Described) or described.channels < 1:
            raise garbled()
        yield Media(reports, described, limits.max_audio_s)
    finally:
        await end(process)


async def launch(order: MediaOrder, file: BinaryIO | int) -> Process:
    """The process that decodes `file`, which may be subprocess.PIPE; to be given to `end`, whatever happens."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    argument = msgspec.json.encode(order).decode()
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", CHILD, argument), stdin=file, stdout=PIPE, env={**kept, "PYTHONPATH": own_path()}
    )


class Reports:
    """What the child says, checked: it may have been taken over by what it decodes."""

    def __init__(self, process: Process, limits: MediaLimits) -> None:
        assert process.stdout is not None
        self._process = process
        self._pipe = process.stdout
        self._stall_s = limits.stall_s

    async def next(self) -> Described | Block | Taken | Ended:
        """Raises what `opened` does."""
        try:
            async with asyncio.timeout(self._stall_s):
                report = await self._read()
        except TimeoutError:
            raise Overloaded(f"no second of the recording was decoded in {self._stall_s:g} s") from None
        if isinstance(report, Refused):
            raise _refused(report)
        return report

    async def _read(self) -> Report:
        try:
            (length,) = HEADER.unpack(await self._pipe.readexactly(HEADER.size))
            if length > LONGEST:
                raise garbled()
            report: Report = decode_report(await self._pipe.readexactly(length))
        except asyncio.IncompleteReadError:
            raise _died(await self._process.wait()) from None
        except msgspec.DecodeError:
            raise garbled() from None
        return report


def garbled() -> StreamError:
    """What to raise for a report that makes no sense."""
    return BadMedia("the recording confused its decoder")


def _refused(report: Refused) -> StreamError:
    if report.why == "failed":
        log.error("decoding a recording failed: %s", report.message)
        return EngineFailed("the recording could not be decoded")
    kinds = {"unsupported": UnsupportedMedia, "damaged": BadMedia, "too_long": TooLarge}
    return kinds[report.why](f"the recording can't be used: {report.message}")


def _died(status: int) -> StreamError:
    if status == -getattr(signal, "SIGXCPU", 0):
        return BadMedia("the recording takes too much time to decode")
    if status < 0 and status != -signal.SIGKILL:
        log.warning("the decoder of a recording died of signal %d", -status)
        return BadMedia("the recording is damaged in a way that ended its decoder")
    return EngineFailed(f"the decoder of the recording ended with status {status}")


async def end(process: Process) -> None:
    """Leave nothing behind: no process, no pipe."""
    kill(process)
    assert process.stdout is not None
    # A pipe that is held back by a full buffer doesn't notice its end, and the process is awaited until it does.
    while await process.stdout.read(1 << 16):
        pass
    await process.wait()
