"""What the routes for recordings and chats share: where a file comes from, which model hears it, and when.

Knows nothing of dialects' words, nor of what is made of the finals.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, BinaryIO, TypeVar

from starlette.types import Receive

from stream.admission import Admission, check
from stream.chatting import Asked, Chatting
from stream.engine import Engine
from stream.errors import BadRequest, UnknownModel
from stream.files import Arriving, FileStore
from stream.hearing import Hearing
from stream.links import Links
from stream.media_messages import MediaLimits
from stream.metrics import Metrics
from stream.rest.fetch import Fetcher
from stream.rest.names import resolve, resolve_chat
from stream.rest.request import FileId, FileUrl, Source, TranscriptionRequest

Done = TypeVar("Done")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingOptions:
    max_recording_h: float = field(default=4.0, metadata={"help": "hours that a recording may last"})

    def __post_init__(self) -> None:
        if not 0 < self.max_recording_h <= 1000:
            raise ValueError(f"max_recording_h must be above 0 and at most 1000, not {self.max_recording_h}")


class Desk:
    """busy: entered for as long as the server, when it shuts down, is to wait for a request."""

    def __init__(
        self,
        admission: Admission,
        metrics: Metrics,
        store: FileStore,
        links: Links,
        fetcher: Fetcher,
        options: RecordingOptions,
        busy: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.admission = admission
        self._busy = busy
        self.store = store
        self._metrics = metrics
        self._links = links
        self._fetcher = fetcher
        self._limits = MediaLimits(max_audio_s=options.max_recording_h * 3600)

    @contextmanager
    def place(self, key: str | None) -> Iterator[None]:
        """For one request, from before its body is read; raises what `Admission.place` does."""
        with self.admission.place(key), self._busy():
            yield

    def receive(self, key: str | None) -> Arriving:
        """Where a file of this key goes that is not kept; discard it. Blocks."""
        return self.store.receive(self.store.owner(key))

    def chosen(self, request: TranscriptionRequest) -> tuple[TranscriptionRequest, Engine]:
        """The model that is to hear it, and the request as that model can honour it.

        Raises UnknownModel, Unsupported, and what `Engine.require_ready` does.
        """
        cards = self.admission.cards
        if not cards:
            raise UnknownModel("this server has no model")
        engine = self.admission.engines[resolve(request.model, cards, request.task, request.languages)]
        engine.require_ready()
        honoured = request.honoured_by(engine.card)
        check(honoured.options(engine.name), engine)
        return honoured, engine

    def chatting(self, model: str | None) -> Engine:
        """The one that is to answer. Raises UnknownModel, Unsupported, and what `Engine.require_ready` does."""
        engine = self.admission.engines[resolve_chat(model, self.admission.cards)]
        engine.require_ready()
        return engine

    @asynccontextmanager
    async def opened(self, key: str | None, source: Source, arrived: Arriving | None) -> AsyncIterator[BinaryIO]:
        """The file, open at its start. arrived: the one in the request, whole.

        Raises NotFound, and what `Fetcher.fetch` does for a URL that is not our own.
        """
        if isinstance(source, FileId):
            file = await _opened(lambda: self._stored(key, source.id))
        elif isinstance(source, FileUrl):
            file = await self._of_url(key, source.url)
        else:
            assert arrived is not None
            file = await _opened(arrived.open)
        with file:
            yield file

    async def is_own(self, url: str) -> bool:
        """Whether it is a signed URL of ours, which is not fetched."""
        return await asyncio.to_thread(self._links.own_file, url) is not None

    @asynccontextmanager
    async def fetched(self, key: str | None, url: str) -> AsyncIterator[Arriving]:
        """What is at a URL of others', for as long as the context lasts. Raises what `Fetcher.fetch` does."""
        self._fetcher.require_on()
        arriving = await asyncio.to_thread(self.receive, key)
        try:
            await self._fetcher.fetch(url, arriving, self.store.max_file)
            await asyncio.to_thread(arriving.end)
            yield arriving
        finally:
            await asyncio.to_thread(arriving.discard)

    def hearing(self, file: BinaryIO, request: TranscriptionRequest, engine: Engine) -> Hearing:
        options = request.options(engine.name)
        return Hearing(file, options, engine, self._metrics, self._limits, self.admission.require_going_on)

    def answering(self, asked: Asked, engine: Engine) -> Chatting:
        admission = self.admission
        return Chatting(asked, engine, self._metrics, self._limits, admission.chat_turn, admission.require_going_on)

    def _stored(self, key: str | None, file_id: str) -> BinaryIO:
        return self.store.read(self.store.owner(key), file_id)[1]

    async def _of_url(self, key: str | None, url: str) -> BinaryIO:
        if own := await asyncio.to_thread(self._links.own_file, url):
            return await _opened(lambda: self.store.read_linked(own)[1])
        async with self.fetched(key, url) as arriving:
            # What is open stays readable.
            return await _opened(arriving.open)


async def _opened(opening: Callable[[], BinaryIO]) -> BinaryIO:
    """What a thread opens; where nobody waits for it any more, it is closed."""
    opened = asyncio.ensure_future(asyncio.to_thread(opening))
    try:
        return await asyncio.shield(opened)
    except asyncio.CancelledError:
        opened.add_done_callback(lambda done: done.exception() or done.result().close())
        raise


class Gone(BadRequest):
    """The client has left: nobody hears this."""


async def unless_gone(receive: Receive, work: Coroutine[Any, Any, Done]) -> Done:
    """What `work` comes to. The request's body has been read; when its client leaves, `work` is cancelled and Gone
    raised."""
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_left(receive))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise Gone("the client is gone")
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.wait((working, leaving))
        if not working.cancelled():
            working.exception()  # whoever left it unfinished doesn't want to know


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
