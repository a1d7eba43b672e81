"""The command `steno-server demo`: a server on a free port, a clip streamed to it in real time, and what comes back.

Uses the client as anyone would, over a real socket; knows nothing of the server's inside.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from importlib import import_module
from typing import Any

import soundfile

from stream import startup
from stream.config import Config
from stream.engines import CLIP, ModelOptions
from stream.errors import BackendUnavailable
from stream.listener import ServingOptions

CHUNK_S = 0.1


def run(options: ModelOptions) -> int:
    """Show the demo; raises what `startup` raises, and BackendUnavailable without the client."""
    try:
        import_module("steno.live")
    except ImportError as error:
        raise BackendUnavailable(
            f"the demo shows the client at work, and that is not installed: {error}",
            hint="pip install './clients/python[cli]' from Steno's sources",
        ) from None
    logging.getLogger("stream").setLevel(logging.WARNING)
    began = time.monotonic()
    prepared = startup.prepare(Config(serving=ServingOptions(port=0, drain_s=0), models=options))
    asyncio.run(_show(prepared, began))
    return 0


async def _show(prepared: startup.Prepared, began: float) -> None:
    from rich.console import Console

    import steno
    from steno.live import LiveView, summary

    console = Console()
    for note in prepared.notes:
        console.print(note, style="yellow", highlight=False, markup=False)
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    server = asyncio.create_task(startup.run(prepared, address.set_result))
    try:
        waited_for: list[asyncio.Future[Any]] = [server, address]
        with console.status("Loading the model …"):
            await asyncio.wait(waited_for, return_when=asyncio.FIRST_COMPLETED)
        if not address.done():
            return await server
        with soundfile.SoundFile(CLIP) as clip:
            length_s = clip.frames / clip.samplerate
            async with steno.connect(await address, sample_rate=clip.samplerate) as session:
                console.print(
                    f"{session.ready.model} is ready at {await address} after {time.monotonic() - began:.1f} s. "
                    f"Streaming {length_s:.0f} s in real time:\n",
                    highlight=False,
                )
                session.feed(_in_real_time(clip))
                with LiveView(console, length_s) as view:
                    async for event in session:
                        view.show(event)
                        if isinstance(event, steno.Done):
                            done = event
        console.print()
        console.print(summary(done))
    finally:
        server.cancel()
        await asyncio.gather(server, return_exceptions=True)


async def _in_real_time(clip: soundfile.SoundFile) -> AsyncIterator[bytes]:
    """The clip in chunks, each when a microphone would have heard it."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    for block in clip.blocks(int(clip.samplerate * CHUNK_S), dtype="int16"):
        due += CHUNK_S
        await asyncio.sleep(due - loop.time())
        yield block.tobytes()
