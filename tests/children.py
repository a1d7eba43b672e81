"""The processes that a test, or a server that it runs, has started."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

import psutil


def processes(module: str, children: Iterable[psutil.Process] | None = None) -> list[psutil.Process]:
    """Those that run a module, of this process's children unless others are given; some may end meanwhile."""
    found = []
    for child in psutil.Process().children() if children is None else children:
        with suppress(psutil.NoSuchProcess):
            if module in child.cmdline():
                found.append(child)
    return found
