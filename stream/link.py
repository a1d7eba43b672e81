"""How an engine reaches a worker: the `Link` seam, over the pipes of a child process or to a thread of this one.

Knows nothing of what is said.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Protocol

from stream.messages import HEADER, Order, Report, decode_report, frame

Serve = Callable[[SimpleQueue[Order | None], Callable[[Report], None]], None]
"""A worker's whole life: takes orders until a None, and hands out reports."""


class Link(Protocol):
    """One worker, from its start to its end; whoever launched it closes it."""

    @property
    def pid(self) -> int | None:
        """Its process; None where it has none of its own."""

    def send(self, order: Order) -> None:
        """Returns at once; lost when the worker is gone."""

    async def receive(self) -> Report | None:
        """The next report; None once the worker is gone."""

    def kill(self) -> None:
        """End the worker, whatever it does; idempotent."""

    async def close(self) -> None:
        """Kill it and wait until nothing of it is left."""


Launch = Callable[[], Awaitable[Link]]


class ProcessLink:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._orders = process.stdin
        self._reports = process.stdout

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, order: Order) -> None:
        # Never drained: the worker reads even while it steps, and what sessions may have in flight is bounded.
        if not self._orders.is_closing():
            self._orders.write(frame(order))

    async def receive(self) -> Report | None:
        try:
            (length,) = HEADER.unpack(await self._reports.readexactly(HEADER.size))
            report: Report = decode_report(await self._reports.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        return report

    def kill(self) -> None:
        kill(self._process)

    async def close(self) -> None:
        self.kill()
        self._orders.close()
        with suppress(ConnectionError):
            await self._orders.wait_closed()
        await self._process.wait()


def kill(process: asyncio.subprocess.Process) -> None:
    """End a child, whatever it does; idempotent."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            if sys.platform == "win32":
                process.kill()
            else:
                # Before Python 3.13 process.kill() reaps a child that has just ended, and asyncio misses its status.
                os.kill(process.pid, signal.SIGKILL)


def own_path() -> str:
    """PYTHONPATH for a child that is to run the same code as this process."""
    return os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])])


async def start_process(module: str = "stream.worker") -> Link:
    """A worker in a process of its own, running the same code as this one; `module` is what it runs."""
    # -P and an explicit path, because the working directory may well hold a folder named `models`.
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", module),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": own_path()},
    )
    return ProcessLink(process)


class ThreadLink:
    """For tests: quick to start, but a step that hangs or crashes is not survived."""

    pid = None

    def __init__(self, serve: Serve) -> None:
        self._orders: SimpleQueue[Order | None] = SimpleQueue()
        self._reports: asyncio.Queue[Report | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._gone = False
        self._thread = Thread(target=self._run, args=(serve,), daemon=True)
        self._thread.start()

    def _run(self, serve: Serve) -> None:
        try:
            serve(self._orders, self._report)
        finally:
            self._report(None)

    def _report(self, report: Report | None) -> None:
        with suppress(RuntimeError):  # the loop has been closed
            self._loop.call_soon_threadsafe(self._reports.put_nowait, report)

    def send(self, order: Order) -> None:
        self._orders.put(order)

    async def receive(self) -> Report | None:
        report = None if self._gone else await self._reports.get()
        self._gone = self._gone or report is None
        return report

    def kill(self) -> None:
        self._orders.put(None)
        self._reports.put_nowait(None)

    async def close(self) -> None:
        self.kill()
        await asyncio.to_thread(self._thread.join)


def in_thread(serve: Serve) -> Launch:
    async def start() -> Link:
        return ThreadLink(serve)

    return start
