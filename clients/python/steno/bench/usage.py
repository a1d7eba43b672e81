"""What a server says that it uses of its machine, at `/metrics`: CPU time and memory, its own and its workers'.

Knows nothing of sessions.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin

from steno.errors import StenoError
from steno.fetch import fetch
from steno.protocol import endpoint

EVERY_S = 1.0
FIELDS = {
    "process_cpu_seconds_total": "server_cpu_s",
    "process_resident_memory_bytes": "server_bytes",
    "stt_workers_cpu_seconds_total": "workers_cpu_s",
    "stt_workers_resident_memory_bytes": "workers_bytes",
    "stt_audio_received_seconds_total": "audio_s",
}
LINE = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{.*\})? (\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Seconds since the server's start, and bytes. `at` is on the clock of the run."""

    at: float
    server_cpu_s: float
    workers_cpu_s: float
    audio_s: float
    server_bytes: float
    workers_bytes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """CPU seconds for each second of audio that was accepted, and the most memory that was seen (RSS).

    cores: CPU seconds a second, server and workers together.
    """

    server_cpu: float
    workers_cpu: float
    cores: float
    server_mb: float
    workers_mb: float


def parsed(text: str, at: float) -> Reading | None:
    """A reading of Prometheus text, summed over labels; None where it lacks a figure."""
    totals: dict[str, float] = {}
    for line in text.splitlines():
        if (found := LINE.fullmatch(line)) and (field := FIELDS.get(found[1])):
            totals[field] = totals.get(field, 0.0) + float(found[2])
    return Reading(at=at, **totals) if len(totals) == len(FIELDS) else None


def usage(readings: Sequence[Reading]) -> Usage | None:
    """Between the first reading and the last; None where nothing was heard in between."""
    if not readings or (audio_s := readings[-1].audio_s - readings[0].audio_s) <= 0:
        return None
    server = readings[-1].server_cpu_s - readings[0].server_cpu_s
    workers = readings[-1].workers_cpu_s - readings[0].workers_cpu_s
    return Usage(
        server_cpu=server / audio_s,
        workers_cpu=workers / audio_s,
        cores=(server + workers) / (readings[-1].at - readings[0].at),
        server_mb=max(reading.server_bytes for reading in readings) / 1e6,
        workers_mb=max(reading.workers_bytes for reading in readings) / 1e6,
    )


async def watch(url: str, api_key: str | None, readings: list[Reading], clock: Callable[[], float]) -> None:
    """Take readings until cancelled, or until the server has none."""
    address = urljoin(endpoint(url, "http", "stream"), "../metrics")
    while True:
        try:
            text = await asyncio.to_thread(fetch, address, api_key)
        except (StenoError, OSError):
            return
        if (reading := parsed(text.decode(errors="replace"), clock())) is None:
            return
        readings.append(reading)
        await asyncio.sleep(EVERY_S)
