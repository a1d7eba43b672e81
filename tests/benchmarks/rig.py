"""A server in a process of its own, and what it and its workers use of the machine.

Knows nothing of sessions. CPU is in seconds, memory in MB (10^6 bytes).
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).parents[2]
STOP_S = 30


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one process or several. `shared` is PSS: pages that processes share are split among them; `rss` counts them
    in full."""

    cpu: float = 0.0
    rss: float = 0.0
    shared: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.cpu + other.cpu, self.rss + other.rss, self.shared + other.shared)


@dataclass
class Peaks:
    """The most memory seen in use: the parent's RSS, the whole's PSS."""

    parent: float = 0.0
    whole: float = 0.0


class Server:
    def __init__(self, address: str, pid: int) -> None:
        self.address = address
        self._parent = psutil.Process(pid)

    @property
    def parent(self) -> Usage:
        return _usage(self._parent)

    @property
    def workers(self) -> Usage:
        return sum(map(_usage, self._parent.children(recursive=True)), Usage())

    def loop_lags(self) -> dict[float, float]:
        """Timers that the event loop has run at most so many seconds late, by those seconds."""
        with urllib.request.urlopen(f"{self.address}/metrics") as response:
            families = text_string_to_metric_families(response.read().decode())
        return {
            float(sample.labels["le"]): sample.value
            for family in families
            for sample in family.samples
            if sample.name == "stt_event_loop_lag_seconds_bucket"
        }

    @asynccontextmanager
    async def watched(self, every_s: float = 1.0) -> AsyncIterator[Peaks]:
        """Samples memory meanwhile."""
        peaks = Peaks()

        async def watch() -> None:
            while True:
                parent, workers = await asyncio.to_thread(lambda: (self.parent, self.workers))
                peaks.parent = max(peaks.parent, parent.rss)
                peaks.whole = max(peaks.whole, parent.shared + workers.shared)
                await asyncio.sleep(every_s)

        watching = asyncio.create_task(watch())
        try:
            yield peaks
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


@contextmanager
def serving(*arguments: str, program: Sequence[str] = ("stream",)) -> Iterator[Server]:
    """`steno-server serve` with more arguments, on a free port; `program` is the module to run it by, and what
    that wants before `serve`."""
    with tempfile.TemporaryFile("w+") as log:
        command = [sys.executable, "-m", *program, "serve", "--port", "0", "--offline", "--drain-s", "0", *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT)
        assert process.stdout
        try:
            ready = re.match(r"Steno is ready at (\S+)$", process.stdout.readline())
            if not ready:
                log.seek(0)
                raise SystemExit(f"the server did not start:\n{log.read()}")
            yield Server(ready[1], process.pid)
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_S)
            process.kill()
            process.wait()
            process.stdout.close()


def _usage(process: psutil.Process) -> Usage:
    times, memory = process.cpu_times(), process.memory_full_info()
    return Usage(times.user + times.system, memory.rss / 1e6, memory.pss / 1e6)
