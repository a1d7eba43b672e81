"""Read-only viewers of live sessions, and their webhooks: told in native events whatever the session itself speaks.

A session is never held up by who watches it. Knows nothing of HTTP, nor of who may watch.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace

import msgspec

from stream.errors import BadRequest, ClientError, NotFound, QuotaExceeded, SlowReader
from stream.events import (
    Configured,
    Done,
    Event,
    Failed,
    Final,
    GoingAway,
    Limits,
    Partial,
    Ready,
    Suppressed,
    Warned,
)
from stream.protocols.native import NativeProtocol
from stream.session import Session, Socket
from stream.webhooks import Delivery, Webhooks

KEPT = 600
"""Numbered events of a session that late viewers can have: three for each segment."""
MAX_VIEWERS = 100
"""Of one session."""
MAX_WAITING = 2 * KEPT
"""Messages that may wait for a viewer before it is too slow; all that is kept may wait for one who has just come."""
SEND_S = 10.0
"""How long a viewer may take to be sent one message."""
CLOSE_S = 1.0
"""How long one that is sent away may take to hear it."""

Deliver = Callable[[str, str], Delivery]
"""Opens the webhook of a session: its URL and the session's id."""
Labels = Callable[[], Mapping[str, str]]


class Viewer:
    """What waits to be told to one viewer: numbered events, all of them; of partials the latest of each segment."""

    def __init__(self) -> None:
        self.over: str | None = None
        """How the session has ended, once it has."""
        self._queue: dict[Hashable, str] = {}
        self._due = asyncio.Event()

    def put(self, event: Event | None, seq: int | None, text: str) -> None:
        key: Hashable = seq or object()
        if isinstance(event, Partial | Final | Suppressed):
            partial = ("partial", event.segment)
            self._queue.pop(partial, None)
            key = seq or partial
        self._queue[key] = text
        self._due.set()

    def end(self, outcome: str) -> None:
        self.over = outcome
        self._due.set()

    async def run(self, socket: Socket) -> None:
        """Until the session is over or the viewer has left; who is too slow is closed with 4408."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._write(socket)), group.create_task(self._read(socket))]
                for task in tasks:
                    task.add_done_callback(lambda _: [each.cancel() for each in tasks])
        except* ConnectionError:
            pass
        except* ClientError as errors:
            error = errors.exceptions[0]
            assert isinstance(error, ClientError)
            with suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(CLOSE_S):
                    await socket.close(error.close_code, error.code)

    async def _read(self, socket: Socket) -> None:
        if await socket.receive() is not None:
            raise BadRequest("a viewer has nothing to say")

    async def _write(self, socket: Socket) -> None:
        while True:
            if len(self._queue) > MAX_WAITING:
                raise SlowReader("the viewer takes too long to read")
            if self._queue:
                try:
                    async with asyncio.timeout(SEND_S):
                        await socket.send(self._queue.pop(next(iter(self._queue))))
                except TimeoutError:
                    raise SlowReader("the viewer takes too long to read") from None
            elif self.over is not None:
                await socket.close(1000, self.over)
                return
            else:
                self._due.clear()
                await self._due.wait()


class Broadcast:
    """One live session as its viewers see it.

    key: the id of the key that it belongs to. since: Unix seconds. Each event is put into words once, for all viewers.
    """

    def __init__(
        self,
        session: str,
        key: str | None,
        labels: Labels,
        since: float,
        clock: Callable[[], float],
        deliver: Deliver,
    ) -> None:
        self.session = session
        self.key = key
        self.since = since
        self.model: str | None = None
        self.seq = 0
        """The number of the latest numbered event."""
        self.viewers: set[Viewer] = set()
        self._labels = labels
        self._clock = clock
        self._deliver = deliver
        self._delivery: Delivery | None = None
        self._native = NativeProtocol(Limits(), None, None)
        self._told: deque[tuple[int, str]] = deque(maxlen=KEPT)
        self._partials: dict[int, Partial] = {}

    @property
    def labels(self) -> Mapping[str, str]:
        """What the session's client calls it, like a call's id."""
        return self._labels()

    def answers_to(self, name: str) -> bool:
        return name == self.session or name in self.labels.values()

    def hear(self, seq: int | None, event: Event) -> None:
        """The session's tap."""
        text = ""
        if isinstance(event, Ready):
            self.model = event.model
            self._native.send(event, None, 0.0)  # it reads times and words from it
            if event.options.webhook is not None:
                self._delivery = self._deliver(event.options.webhook, self.session)
        elif isinstance(event, Configured):
            self.model = event.options.model
            # What people are called or talk about is none of a viewer's business.
            event = replace(event, options=replace(event.options, prompt=None, keywords=(), webhook=None))
        elif isinstance(event, Partial):
            self._partials[event.segment] = event
        elif isinstance(event, Final | Suppressed):
            self._partials.pop(event.segment, None)
        if seq is not None:
            self.seq = seq
            text = self._said(event, seq)
            self._told.append((seq, text))
            if self._delivery and isinstance(event, Final | Suppressed | Done):
                told = {"session": self.session, "labels": dict(self.labels), "event": msgspec.Raw(text.encode())}
                self._delivery.put(seq, msgspec.json.encode(told))
        elif self.viewers and _concerns_viewers(event):
            text = self._said(event, None)
        if text:
            for viewer in self.viewers:
                viewer.put(event, seq, text)

    @contextmanager
    def watched(self, first: int) -> Iterator[Viewer]:
        """By one more viewer, who wants numbered events from `first` on, as far as they are kept.

        Raises QuotaExceeded.
        """
        if len(self.viewers) >= MAX_VIEWERS:
            raise QuotaExceeded(f"this session has {MAX_VIEWERS} viewers already", retry_after_s=10)
        viewer = Viewer()
        first = min(first, self.seq + 1)
        oldest = self._told[0][0] if self._told else self.seq + 1
        watching = {
            "type": "watching",
            "session": self.session,
            "model": self.model,
            "first_seq": max(first, oldest),
            "missed": max(0, oldest - first),
        }
        viewer.put(None, None, msgspec.json.encode(watching).decode())
        for seq, text in self._told:
            if seq >= first:
                viewer.put(None, seq, text)
        for partial in self._partials.values():
            viewer.put(partial, None, self._said(partial, None))
        self.viewers.add(viewer)
        try:
            yield viewer
        finally:
            self.viewers.discard(viewer)

    def end(self, outcome: str) -> None:
        for viewer in self.viewers:
            viewer.end(outcome)
        if self._delivery:
            self._delivery.finish()

    def _said(self, event: Event, seq: int | None) -> str:
        [text] = self._native.send(event, seq, self._clock())
        assert isinstance(text, str)
        return text


class Hub:
    """The live sessions of a server, for those who may watch them.

    clock: the sessions' own. now: Unix seconds. busy: entered until all that is for a webhook is posted, or given up.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        webhooks: Webhooks | None = None,
        busy: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._clock = clock
        self._now = now
        self._webhooks = webhooks
        self._busy = busy
        self._deliveries: set[Delivery] = set()
        self._live: dict[str, Broadcast] = {}

    @contextmanager
    def broadcasting(self, session: Session, key: str | None, labels: Labels) -> Iterator[None]:
        """While this lasts, a session can be watched; it must not have begun yet."""
        live = Broadcast(session.id, key, labels, self._now(), self._clock, self._deliver)
        self._live[session.id] = live
        session.tap = live.hear
        try:
            yield
        finally:
            del self._live[session.id]
            live.end(session.outcome)

    def sessions(self, key: str | None, every_key: bool, labels: Mapping[str, str] | None = None) -> list[Broadcast]:
        """The sessions of a key, or of all keys, that have all these labels; newest first."""
        wanted = (labels or {}).items()
        return [
            live
            for live in reversed(self._live.values())
            if (every_key or live.key == key) and wanted <= live.labels.items()
        ]

    def find(self, key: str | None, every_key: bool, name: str) -> Broadcast:
        """The session of that id, else the newest with a label of that value. Raises NotFound."""
        found = self.sessions(key, every_key)
        for live in sorted(found, key=lambda each: each.session != name):
            if live.answers_to(name):
                return live
        raise NotFound("no such live session")

    def _deliver(self, url: str, session: str) -> Delivery:
        assert self._webhooks  # who opened the session has asked them
        delivery = Delivery(self._webhooks, self._webhooks.require(url), session, self._busy)
        self._deliveries.add(delivery)
        delivery.task.add_done_callback(lambda _: self._deliveries.discard(delivery))
        return delivery


def _concerns_viewers(event: Event) -> bool:
    return isinstance(event, Partial | Warned | GoingAway) or (isinstance(event, Failed) and event.error.fatal)
