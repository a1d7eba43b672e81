"""A client that talks in real time.

Open loop: audio is due when a microphone would have heard it, whatever the server does. A client that can't keep that
up tells so by its `lateness`, and its other figures mean nothing then. Knows nothing of what is said.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Unpack

from steno.bench.heard import Talk
from steno.client import Session, connect
from steno.options import Options
from steno.protocol import SAMPLE_BYTES

CHUNK_S = 0.1


async def talk(
    url: str,
    chunks: Iterable[bytes],
    *,
    api_key: str | None = None,
    paced: bool = True,
    speed: float = 1.0,
    told: Talk | None = None,
    **options: Unpack[Options],
) -> Talk:
    """Stream `chunks` until all is transcribed; unpaced: as fast as the protocol allows. Raises what `connect` does.

    speed: times real time, where paced.
    told: where to put it, for whoever wants what came before an error.
    """
    told = Talk() if told is None else told
    loop = asyncio.get_running_loop()
    async with connect(url, api_key=api_key, **options) as session:
        told.model, told.began = session.ready.model, loop.time()
        session.feed(_due(session, chunks, told, speed if paced else None))
        async for event in session:
            told.hear(event, loop.time() - told.began)
    return told


async def _due(session: Session, chunks: Iterable[bytes], told: Talk, speed: float | None) -> AsyncIterator[bytes]:
    """Each chunk when its last sample has been heard."""
    now, granted = asyncio.get_running_loop().time, session.ready.options
    rate, ahead = granted["sample_rate"], session.ready.limits.ahead_s * granted["sample_rate"]
    sample_bytes = SAMPLE_BYTES[granted["encoding"]] * granted["channels"]
    freed = told.began
    for chunk in chunks:
        told.sent += len(chunk) // sample_bytes
        if speed:
            at = told.began + told.sent / rate / speed
            await asyncio.sleep(at - now())
            told.lateness.append(now() - max(at, freed))
        held = told.sent - session.received > ahead
        asked = now()
        yield chunk
        if held:
            freed = now()
            told.held_s += freed - asked
