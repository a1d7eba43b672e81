"""What `steno transcribe` and `steno mic` do: audio into a session, its events onto the screen and into a document.

Knows nothing of arguments or exit codes.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterable, Callable, Iterable
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from steno.client import connect
from steno.events import Done, Final
from steno.formats import FORMATS
from steno.live import LiveView, summary
from steno.microphone import Microphone
from steno.options import Options
from steno.recording import describe, paced

REALTIME_CHUNK_S = 0.1
FILE_CHUNK_S = 1.0
MICROPHONE_RATE = 16_000


async def transcribe(
    url: str,
    api_key: str | None,
    options: Options,
    file: str,
    *,
    realtime: bool,
    format: str | None,
    output: Path | None,
) -> None:
    """Show finals on standard output as they come; or, with a format, write a document there or to `output`.

    A session that is cut short leaves the document of what came before its error is raised.
    """
    recording = describe(file)
    options = {
        **options,
        "sample_rate": recording.sample_rate,
        "channels": recording.channels,
        "mode": "live" if realtime else "file",
    }
    chunks: Iterable[bytes] | AsyncIterable[bytes] = recording.chunks(FILE_CHUNK_S)
    if realtime:
        chunks = paced(recording.chunks(REALTIME_CHUNK_S), REALTIME_CHUNK_S)
    finals: list[Final] = []
    async with connect(url, api_key=api_key, **options) as session:
        session.feed(chunks)
        try:
            with LiveView(_console(format, output), recording.duration_s) as view:
                async for event in session:
                    view.show(event)
                    if isinstance(event, Final):
                        finals.append(event)
        finally:
            if format:
                _write(FORMATS[format](sorted(finals, key=lambda final: final.start)), output)
        _sum_up(await session.stop())


async def mic(url: str, api_key: str | None, options: Options) -> None:
    """Show what the microphone hears, until Ctrl-C; then wait for the last finals."""
    options = {**options, "sample_rate": MICROPHONE_RATE}
    async with connect(url, api_key=api_key, **options) as session:
        with Microphone(MICROPHONE_RATE) as microphone, LiveView(Console()) as view:
            _at_interrupt(microphone.stop)
            session.feed(microphone)
            async for event in session:
                view.show(event)
        _sum_up(await session.stop())


def _at_interrupt(stop: Callable[[], None]) -> None:
    """Let the first Ctrl-C call `stop`, a second one interrupt as ever."""
    loop = asyncio.get_running_loop()

    def interrupted() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        stop()

    with suppress(NotImplementedError):  # on Windows
        loop.add_signal_handler(signal.SIGINT, interrupted)


def _console(format: str | None, output: Path | None) -> Console:
    """Where to show what comes: beside a document on standard output only if the two have different screens."""
    if format and output is None:
        return Console(stderr=True, quiet=sys.stdout.isatty() or not sys.stderr.isatty())
    return Console()


def _write(document: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(document)
    else:
        output.write_text(document, encoding="utf-8")


def _sum_up(done: Done) -> None:
    Console(stderr=True, quiet=not sys.stderr.isatty()).print(summary(done))
