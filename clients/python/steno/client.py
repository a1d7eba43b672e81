"""The asynchronous client: a WebSocket, the tasks that serve it, and what a caller waits for.

Knows nothing of the protocol's messages, which are `protocol.py`'s, nor of where audio comes from.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Unpack

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_socket
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from steno.errors import ConnectError, IncompleteError, RequestError
from steno.events import Configured, Done, Event, Failed, Finalized, Ready
from steno.inbox import Inbox
from steno.options import Changes, Options
from steno.protocol import Conversation, endpoint, refusal

OPEN_TIMEOUT_S = 10.0
"""For the handshake, and again for the server's `ready`."""

Answer = asyncio.Future[Event]


@asynccontextmanager
async def connect(url: str, *, api_key: str | None = None, **options: Unpack[Options]) -> AsyncIterator[Session]:
    """Open a session: `async with steno.connect("ws://127.0.0.1:8765", language="en") as session`.

    url:     ws(s) or http(s), with or without the path.
    options: see `steno.Options`; what the server can't honour, it refuses.

    Leaving the block closes the connection. Whoever wants every final calls `stop()` first, or ends with `feed()`.

    Raises ValueError for a bad url, ConnectError or its RefusedError, SessionError for a refused option.
    """
    session = Session(await _dial(endpoint(url, "ws", "stream"), api_key))
    try:
        await session._open(options)
        yield session
    finally:
        await session._close()


class Session:
    """A live session. Its methods may be called from several tasks of one event loop.

    Iterating yields events until the session is over: it ends after Done, and raises the StenoError that cut it short.
    Everything that is awaited raises that error as well. Who reads slowly misses only partials that are out of date.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._talk = Conversation()
        self._inbox = Inbox()
        self._news = asyncio.Event()
        self._over = False
        self._error: Exception | None = None
        self._sending = asyncio.Lock()
        self._quiet = True
        self._finalizing: deque[Answer] = deque()
        self._configuring: deque[Answer] = deque()
        self._listening = asyncio.create_task(self._listen())
        self._living: asyncio.Task[None] | None = None
        self._feeding: asyncio.Task[None] | None = None

    @property
    def ready(self) -> Ready:
        """What the server granted: model, options in effect, limits."""
        assert self._talk.ready is not None
        return self._talk.ready

    @property
    def received(self) -> int:
        """Samples per channel that the server has accepted, offset included."""
        return self._talk.received

    @property
    def durable(self) -> int:
        """Samples per channel that are safe: covered by finals, silence or declared gaps."""
        return self._talk.durable

    # -- what a caller does ---------------------------------------------------------------------------------------

    async def send(self, audio: bytes | bytearray | memoryview) -> None:
        """Send audio: whole samples of all channels in the session's encoding, any number of them.

        Waits while the server is `limits.ahead_s` behind. Raises ValueError for a part of a sample.
        """
        rest = memoryview(audio).cast("B")
        async with self._sending:
            while rest:
                if frame := self._talk.frame(rest):
                    await self._transmit(frame)
                    rest = rest[len(frame) :]
                else:
                    await self._wait()

    def feed(self, chunks: AsyncIterable[bytes] | Iterable[bytes]) -> None:
        """Send every chunk in the background, then `stop`. A plain iterable is drawn from in a thread and may block.

        What `chunks` raises ends the session, and comes out where events are read.
        """
        if self._feeding is not None:
            raise RuntimeError("the session is being fed already")
        self._feeding = asyncio.create_task(self._feed(chunks))

    async def finalize(self, id: str | None = None) -> Finalized:
        """Ask for the finals of all audio sent so far; returns once they have come. The session goes on."""
        answer = await self._ask(self._talk.finalize(id), self._finalizing)
        assert isinstance(answer, Finalized)
        return answer

    async def configure(self, **changes: Unpack[Changes]) -> Configured:
        """Change options for segments that open from now on. Raises RequestError if refused: nothing has changed."""
        answer = await self._ask(self._talk.configure(changes), self._configuring)
        if isinstance(answer, Failed):
            raise RequestError(answer.code, answer.message, answer.hint)
        assert isinstance(answer, Configured)
        return answer

    async def stop(self) -> Done:
        """Say that no more audio comes, ending `feed`, and wait until all is transcribed; events remain to be read."""
        if self._feeding is not None:
            self._feeding.cancel()
        await self._say_stop()
        await self._until(lambda: self._talk.done is not None)
        assert self._talk.done is not None
        return self._talk.done

    def __aiter__(self) -> Session:
        return self

    async def __anext__(self) -> Event:
        while not self._inbox:
            if self._over and self._error is None:
                raise StopAsyncIteration
            await self._wait()
        return self._inbox.take()

    # -- tasks ----------------------------------------------------------------------------------------------------

    async def _open(self, options: Options) -> None:
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                await self._transmit(self._talk.start(options))
                await self._until(lambda: self._talk.ready is not None)
        except TimeoutError:
            raise ConnectError(f"the server did not open the session within {OPEN_TIMEOUT_S:g} s") from None
        except IncompleteError as error:
            raise ConnectError("the server closed the connection before the session was open") from error
        self._living = asyncio.create_task(self._keep_alive())

    async def _close(self) -> None:
        for task in (self._living, self._feeding):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        await self._socket.close()
        await self._listening

    async def _listen(self) -> None:
        """Takes in what the server says, however slowly events are read, until the session is over."""
        try:
            while self._talk.done is None:
                event = self._talk.receive(await self._socket.recv())
                if event is not None:
                    self._inbox.put(event)
                    self._settle(event)
                    self._tell()
            self._end(None if self._talk.stopped else self._talk.broken("the server ended the session"))
        except ConnectionClosed as closed:
            self._end(self._talk.broken(f"the connection was lost: {closed}"))
        except Exception as error:
            self._end(error)
        await self._socket.close()

    def _settle(self, event: Event) -> None:
        """Answers come in the order of the questions; refused audio is an error that answers none."""
        match event:
            case Finalized() if self._finalizing:
                self._finalizing.popleft().set_result(event)
            case Configured() if self._configuring:
                self._configuring.popleft().set_result(event)
            case Failed(code=code) if self._configuring and code != "bad_audio":
                self._configuring.popleft().set_result(event)

    async def _feed(self, chunks: AsyncIterable[bytes] | Iterable[bytes]) -> None:
        try:
            async for chunk in chunks if isinstance(chunks, AsyncIterable) else _drawn(chunks):
                await self.send(chunk)
            await self._say_stop()
        except Exception as error:
            self._end(error)

    async def _keep_alive(self) -> None:
        """Never quiet for longer than two thirds of the time that the server allows."""
        while not self._talk.stopped:
            self._quiet = True
            await asyncio.sleep(self.ready.limits.idle_s / 3)
            if self._quiet and not self._talk.stopped:
                await self._transmit(self._talk.keepalive())

    # -- smaller steps --------------------------------------------------------------------------------------------

    async def _transmit(self, frame: str | memoryview) -> None:
        if self._over:
            raise self._reason()
        self._quiet = False
        try:
            await self._socket.send(frame)
        except ConnectionClosed:
            # A fatal error that came before the close may still have to be read.
            await asyncio.shield(self._listening)
            raise self._reason() from None

    async def _say_stop(self) -> None:
        async with self._sending:
            if not self._talk.stopped:
                await self._transmit(self._talk.stop())

    async def _ask(self, frame: str, waiting: deque[Answer]) -> Event:
        answer: Answer = asyncio.get_running_loop().create_future()
        waiting.append(answer)
        await self._transmit(frame)
        await self._until(answer.done)
        return answer.result()

    async def _until(self, met: Callable[[], bool]) -> None:
        while not met():
            await self._wait()

    async def _wait(self) -> None:
        """Return when the server has said more; raise what ended the session, if it is over."""
        if self._over:
            raise self._reason()
        await self._news.wait()

    def _reason(self) -> Exception:
        return self._error or self._talk.broken("the session is over")

    def _end(self, error: Exception | None) -> None:
        if not self._over:
            self._over, self._error = True, error
            self._tell()

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


async def _drawn(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    source = iter(chunks)
    while (chunk := await asyncio.to_thread(next, source, None)) is not None:
        yield chunk


async def _dial(address: str, api_key: str | None) -> ClientConnection:
    headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
    try:
        # PCM hardly deflates, and the server doesn't offer it.
        return await open_socket(
            address, additional_headers=headers, compression=None, open_timeout=OPEN_TIMEOUT_S, close_timeout=2
        )
    except InvalidStatus as refused:
        response = refused.response
        raise refusal(response.status_code, response.headers.get("Retry-After"), response.body or b"") from None
    except (OSError, WebSocketException) as error:
        raise ConnectError(f"no session at {address}: {error}") from error
