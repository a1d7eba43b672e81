"""Plays a plan against a server: all its seats at once, in real time.

Knows nothing of what is measured.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from functools import cache

from steno.bench.corpus import Entry, sound
from steno.bench.plan import PAUSE_S, Seat
from steno.bench.run import Attempt, Run
from steno.bench.talk import CHUNK_S, talk
from steno.bench.usage import watch
from steno.errors import StenoError
from steno.options import Options

SAMPLE_BYTES = 2


async def load(url: str, seats: Sequence[Seat], *, api_key: str | None, options: Options) -> Run:
    """Returns when the last session is over. A seat that is refused, or whose session breaks off, stays empty."""
    loop = asyncio.get_running_loop()
    for entry in {entry for seat in seats for session in seat.sessions for entry in session}:
        await asyncio.to_thread(_sound, entry)
    told = Run(loop.time())
    watching = asyncio.create_task(watch(url, api_key, told.readings, lambda: loop.time() - told.began))
    try:
        async with asyncio.TaskGroup() as group:
            for seat in seats:
                group.create_task(_sit(url, seat, api_key, options, told))
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    return told


async def _sit(url: str, seat: Seat, api_key: str | None, options: Options, told: Run) -> None:
    await asyncio.sleep(seat.delay_s)
    for entries in seat.sessions:
        attempt = Attempt(entries)
        told.attempts.append(attempt)
        language, rate = entries[0].kind
        asked: Options = {**options, "sample_rate": rate}
        if language is not None:
            asked["language"] = language
        try:
            await talk(url, _chunks(entries), api_key=api_key, told=attempt.talk, **asked)
        except StenoError as error:
            attempt.error = error
            return


def _chunks(entries: Sequence[Entry]) -> Iterator[bytes]:
    """Each recording and the pause behind it."""
    for entry in entries:
        rate = entry.recording.sample_rate
        size = round(CHUNK_S * rate) * SAMPLE_BYTES
        for part in (_sound(entry), bytes(round(PAUSE_S * rate) * SAMPLE_BYTES)):
            for start in range(0, len(part), size):
                yield part[start : start + size]


@cache
def _sound(entry: Entry) -> bytes:
    """Kept for good: several sessions play the same, and nobody reads files while they talk."""
    return sound(entry)
