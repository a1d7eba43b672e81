"""Audio files as chunks of PCM, read as they are needed and never whole.

Knows nothing of sessions.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import soundfile

from steno.errors import AudioError

RATES = range(8_000, 48_001)
CHANNELS = range(1, 9)


@dataclass(frozen=True, slots=True)
class Recording:
    path: str
    sample_rate: int
    channels: int
    duration_s: float

    def chunks(self, seconds: float) -> Iterator[bytes]:
        """Interleaved pcm_s16le in chunks of so many seconds. The generator opens the file and closes it."""
        with _opened(self.path) as file:
            for block in file.blocks(round(seconds * self.sample_rate), dtype="float32", always_2d=True):
                # As floats, since files of floats aren't scaled when read as integers. Exact for 16 bits.
                yield np.clip(np.rint(block * 32768), -32768, 32767).astype("<i2").tobytes()


def describe(path: str) -> Recording:
    """What a file holds, by its header. Raises AudioError for what can't be read, or can't be sent as it is."""
    with _opened(path) as file:
        if file.samplerate not in RATES:
            raise AudioError(
                f"{path} has {file.samplerate} samples per second, a session takes {RATES[0]} to {RATES[-1]}; "
                "convert it first, for instance with `ffmpeg -i IN -ar 16000 OUT.wav`"
            )
        if file.channels not in CHANNELS:
            raise AudioError(f"{path} has {file.channels} channels, a session takes up to {CHANNELS[-1]}")
        return Recording(path, file.samplerate, file.channels, file.frames / file.samplerate)


async def paced(chunks: Iterable[bytes], seconds: float) -> AsyncIterator[bytes]:
    """Chunks of so many seconds at the pace of a microphone: each comes when its last sample would have been heard."""
    now = asyncio.get_running_loop().time
    due = now()
    for chunk in chunks:
        due += seconds
        await asyncio.sleep(due - now())
        yield chunk


def _opened(path: str) -> soundfile.SoundFile:
    try:
        return soundfile.SoundFile(path)
    except (OSError, RuntimeError) as error:
        raise AudioError(str(error)) from None
