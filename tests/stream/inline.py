"""A worker inside the test: steps as soon as it is told anything, so that a conversation always goes the same way."""

from __future__ import annotations

import asyncio

from models import registry
from stream.engine import Engine
from stream.link import Link
from stream.messages import Load, Loaded, Order, Report
from stream.worker import Worker


def stopped() -> float:
    """A clock that stands still: no latency is ever measured."""
    return 0.0


class InlineLink:
    pid = None

    def __init__(self) -> None:
        self._reports: asyncio.Queue[Report | None] = asyncio.Queue()
        self._worker: Worker | None = None

    def send(self, order: Order) -> None:
        if isinstance(order, Load):
            model = registry.load(order.spec)
            self._worker = Worker(model, self._reports.put_nowait, stopped)
            self._reports.put_nowait(Loaded(model.card))
            return
        assert self._worker is not None
        self._worker.take(order)
        while self._worker.turn():
            pass

    async def receive(self) -> Report | None:
        return await self._reports.get()

    def kill(self) -> None:
        self._reports.put_nowait(None)

    async def close(self) -> None:
        self.kill()


async def start_inline() -> Link:
    return InlineLink()


async def scripted_engine(name: str = "scripted", kind: str = "scripted") -> Engine:
    engine = Engine(registry.ModelSpec(name=name, kind=kind), launch=start_inline)
    await engine.start()
    return engine
