"""The microphone as chunks of PCM.

Knows nothing of sessions.
"""

from __future__ import annotations

import asyncio
import sys
from types import TracebackType
from typing import Any

from steno.errors import AudioError

CHUNK_S = 0.1


class Microphone:
    """Records the default input device, mono pcm_s16le, while its `with` block runs; `stop` ends its iteration.

    Made and used on an event loop. Raises AudioError, on entering, where there is nothing to record with.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> Microphone:
        try:
            import sounddevice
        except OSError:
            raise AudioError("recording needs the PortAudio library (on Debian: apt install libportaudio2)") from None
        try:
            self._device = sounddevice.RawInputStream(
                samplerate=self._rate,
                channels=1,
                dtype="int16",
                blocksize=round(self._rate * CHUNK_S),
                callback=self._heard,
            )
            self._device.start()
        except sounddevice.PortAudioError as error:
            raise AudioError(f"no microphone: {error}") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._device.close()

    def stop(self) -> None:
        """No more than was heard so far."""
        self._chunks.put_nowait(None)

    def __aiter__(self) -> Microphone:
        return self

    async def __anext__(self) -> bytes:
        chunk = await self._chunks.get()
        if chunk is None:
            raise StopAsyncIteration
        return chunk

    def _heard(self, samples: Any, count: int, time: Any, status: Any) -> None:
        """Called by PortAudio, in a thread of its own."""
        if status:
            print(f"steno: the microphone lost audio: {status}", file=sys.stderr)
        self._loop.call_soon_threadsafe(self._chunks.put_nowait, bytes(samples))
