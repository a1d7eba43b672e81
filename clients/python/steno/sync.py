"""The client for code without asyncio: the asynchronous session, on an event loop in a thread of its own.

Knows nothing that `client.py` knows: every method hands over to it and waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any, TypeVar, Unpack

from steno import client
from steno.events import Configured, Done, Event, Finalized, Ready
from steno.options import Changes, Options

T = TypeVar("T")


@contextmanager
def connect(url: str, *, api_key: str | None = None, **options: Unpack[Options]) -> Iterator[Session]:
    """Like `steno.connect`, for `with`."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        loop = runner.get_loop()
        thread = Thread(target=loop.run_forever, name="steno", daemon=True)
        thread.start()
        opening = client.connect(url, api_key=api_key, **options)
        try:
            session = _wait(loop, opening.__aenter__())
            try:
                yield Session(loop, session)
            finally:
                _wait(loop, opening.__aexit__(None, None, None))
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()


class Session:
    """`steno.Session`, with the same promises; its methods block and may be called from several threads."""

    def __init__(self, loop: asyncio.AbstractEventLoop, session: client.Session) -> None:
        self._loop = loop
        self._session = session

    @property
    def ready(self) -> Ready:
        return self._session.ready

    @property
    def received(self) -> int:
        return self._session.received

    @property
    def durable(self) -> int:
        return self._session.durable

    def send(self, audio: bytes | bytearray | memoryview) -> None:
        _wait(self._loop, self._session.send(audio))

    def feed(self, chunks: Iterable[bytes]) -> None:
        async def begin() -> None:
            self._session.feed(chunks)

        _wait(self._loop, begin())

    def finalize(self, id: str | None = None) -> Finalized:
        return _wait(self._loop, self._session.finalize(id))

    def configure(self, **changes: Unpack[Changes]) -> Configured:
        return _wait(self._loop, self._session.configure(**changes))

    def stop(self) -> Done:
        return _wait(self._loop, self._session.stop())

    def __iter__(self) -> Iterator[Event]:
        async def next_event() -> Event | None:
            return await anext(self._session, None)

        while (event := _wait(self._loop, next_event())) is not None:
            yield event


def _wait(loop: asyncio.AbstractEventLoop, step: Coroutine[Any, Any, T]) -> T:
    """What `step` returns or raises; giving up (Ctrl-C) cancels it."""
    future = asyncio.run_coroutine_threadsafe(step, loop)
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise
