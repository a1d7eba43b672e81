"""A conversation on its way to an answer: its clips decoded in one process, the answer written by a model in another.

Knows nothing of where the clips are from, nor of what is made of the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from msgspec.structs import replace

from models.base import SAMPLE_RATE
from models.chat import ChatOptions, Clip, Conversation, Delta, Role, Turn
from stream.chat_ticket import ChatTicket
from stream.engine import Engine
from stream.errors import ClientError, StreamError, TooLarge
from stream.media import opened
from stream.media_messages import MediaLimits
from stream.metrics import Metrics
from stream.outcomes import counted


@dataclass(frozen=True, slots=True)
class Recorded:
    """A clip that is yet to be decoded. `where`: what errors call it; `open`: its file, at its start."""

    where: str
    open: Callable[[], AbstractAsyncContextManager[BinaryIO]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a Conversation is made of, once its clips are decoded. `stop`: texts before which the answer ends."""

    messages: Sequence[tuple[Role, Sequence[str | Recorded]]]
    options: ChatOptions
    stop: tuple[str, ...] = ()


class Chatting:
    """One answer; iterate `deltas` once, and close it if that isn't to its end.

    turn: held until there is a first text, for until then all audio is kept. limits: of all clips together. go_on:
    called for every second of audio and every delta; what it raises ends all. heard: samples at 16 kHz that were read.
    """

    def __init__(
        self,
        asked: Asked,
        engine: Engine,
        metrics: Metrics,
        limits: MediaLimits,
        turn: asyncio.Semaphore,
        go_on: Callable[[], None] = lambda: None,
    ) -> None:
        self.heard = 0
        self._asked, self._engine, self._metrics = asked, engine, metrics
        self._limits, self._turn, self._go_on = limits, turn, go_on

    async def deltas(self) -> AsyncGenerator[Delta, None]:
        """Those that have text, and the last. Raises what `media.opened` and reading it does, TooLarge for more audio
        than the model takes, BadRequest for another conversation that it doesn't, and EngineFailed."""
        with counted(self._metrics.chats):
            async with aclosing(self._answered()) as answered:
                async with self._turn:
                    first = await anext(answered)
                yield first
                async for delta in answered:
                    yield delta

    async def _answered(self) -> AsyncGenerator[Delta, None]:
        updates: asyncio.Queue[Delta | StreamError] = asyncio.Queue()
        self._engine.require_ready()
        ticket = self._engine.chat(updates.put_nowait)
        try:
            turns = [Turn(role, await self._content(ticket, content)) for role, content in self._asked.messages]
            ticket.begin(Conversation(turns=tuple(turns), options=self._asked.options), self._asked.stop)
            while True:
                update = await updates.get()
                self._go_on()
                if isinstance(update, StreamError):
                    raise update
                if update.text or update.finish:
                    yield update
                if update.finish:
                    return
        finally:
            ticket.cancel()

    async def _content(self, ticket: ChatTicket, content: Sequence[str | Recorded]) -> tuple[str | Clip, ...]:
        return tuple([part if isinstance(part, str) else await self._hear(ticket, part) for part in content])

    async def _hear(self, ticket: ChatTicket, clip: Recorded) -> Clip:
        before = self.heard
        with about(clip.where):
            async with clip.open() as file, opened(file, replace(self._limits, max_audio_s=self._left_s)) as media:
                async for block in media:
                    self._go_on()
                    self.heard += block.shape[1]
                    ticket.push(block[0])
        return Clip(self.heard - before)

    @property
    def _left_s(self) -> float:
        """Raises TooLarge where there is nothing left."""
        most_s = min(self._limits.max_audio_s, self._engine.card.chat_audio_s or 0.0)
        left_s = most_s - self.heard / SAMPLE_RATE
        if left_s <= 0:
            raise TooLarge(f"the recordings of a conversation may last {most_s:g} s in all")
        return left_s


@contextmanager
def about(where: str) -> Iterator[None]:
    """Says which clip a client's fault is about."""
    try:
        yield
    except ClientError as error:
        raise type(error)(f"`{where}`: {error.message}", hint=error.hint, param="messages") from error
