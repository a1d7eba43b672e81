"""Runs the server as its command would, and notes which callbacks kept its event loop busy, for how long.

    python -m tests.benchmarks.launch FILE serve ...

writes to FILE, when the server has ended, a JSON list of Callback for all above KEEP_S. The time is CPU time of the
loop's thread: what other processes and threads take from it doesn't count.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stream import cli

KEEP_S = 0.002


@dataclass(frozen=True, slots=True)
class Callback:
    """at: end, by `time.time()`. cpu_s: of which the garbage collector took collecting_s."""

    name: str
    at: float
    cpu_s: float
    collecting_s: float


def main(path: str, *arguments: str) -> int:
    slow: list[Callback] = []
    _time_callbacks(slow)
    try:
        return cli.main(arguments)
    finally:
        Path(path).write_text(json.dumps([asdict(callback) for callback in slow]))


def _time_callbacks(slow: list[Callback]) -> None:
    run, now = asyncio.Handle._run, time.thread_time
    collected = began_collecting = 0.0

    def follow(phase: str, info: dict[str, int]) -> None:
        nonlocal collected, began_collecting
        if phase == "start":
            began_collecting = now()
        else:
            collected += now() - began_collecting

    def timed(handle: asyncio.Handle) -> None:
        nonlocal collected
        collected, began = 0.0, now()
        run(handle)
        if (took := now() - began) > KEEP_S:
            slow.append(Callback(_name(handle), time.time(), took, collected))

    gc.callbacks.append(follow)
    asyncio.Handle._run = timed  # type: ignore[assignment,method-assign]


def _name(handle: Any) -> str:
    """A task's coroutine, or the function that was called."""
    callback = handle._callback
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        callback = owner.get_coro()
    return getattr(callback, "__qualname__", repr(callback))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
