"""One connection: what its client sends is worked on in order, what there is to tell is sent in order.

Three tasks: read (socket to inbox), work (inbox to transcriber) and write (outbox to socket). Knows nothing of any
protocol's messages, of HTTP, or of who may connect.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from typing import Any, Protocol

from models.base import SAMPLE_RATE
from stream.admission import Admission, check, fitted
from stream.engine import Engine, Lease
from stream.errors import BadRequest, ClientError, Draining, EngineFailed, NotStarted, SlowReader, StreamError, TimedOut
from stream.events import (
    Accepted,
    Audio,
    Clear,
    Command,
    Configure,
    Configured,
    Event,
    Failed,
    Final,
    Finalize,
    GoingAway,
    KeepAlive,
    Limits,
    Partial,
    Ready,
    Replied,
    Reply,
    SessionOptions,
    Start,
    Stop,
    Warned,
)
from stream.media_messages import MediaLimits
from stream.metrics import Metrics
from stream.outbox import Outbox
from stream.protocols.base import WireProtocol
from stream.transcriber import Transcriber
from stream.unpack import Unpacker, unpacking

log = logging.getLogger(__name__)

BEFORE_AUDIO = {"audio", "model", "task"}
"""What `Configure` may change only before the first audio."""
SLICE_S = 0.5
"""Channel-seconds of audio that are worked on before other sessions get their turn on the loop."""
SEND_S = 10.0
"""How long one message may take to be sent."""
TOO_SLOW = "the client takes too long to read"
MAX_WAITING = 1000
"""Events that may wait to be sent before nothing more is read; twice as many are too many."""


@asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    """For what a client is sent: raises SlowReader where it takes longer than SEND_S."""
    try:
        async with asyncio.timeout(SEND_S):
            yield
    except TimeoutError:
        raise SlowReader(TOO_SLOW) from None


class Socket(Protocol):
    async def receive(self) -> str | bytes | None:
        """The next message; None once the peer is gone."""

    async def send(self, message: str | bytes) -> None:
        """Raises ConnectionError once the peer is gone."""

    async def close(self, code: int, reason: str) -> None: ...


class Session:
    """Made with a seat from `admission`; `prepare` before the upgrade, then `run` until either side has closed."""

    def __init__(
        self,
        socket: Socket,
        protocol: WireProtocol,
        admission: Admission,
        limits: Limits,
        metrics: Metrics,
        clock: Callable[[], float],
        id: str,
    ) -> None:
        """id: 128 random bits, since whoever knows it may be let in to listen."""
        self.id = id
        self.outcome = "gone"
        self.tap: Callable[[int | None, Event], None] | None = None
        """Is given each event as it is said, with its number if it has one."""
        self._socket = socket
        self._protocol = protocol
        self._admission = admission
        self._limits = limits
        self._metrics = metrics
        self._clock = clock
        self._inbox: deque[Command] = deque()
        self._unaccepted = self._unaccepted_max = 0
        self._arrived = asyncio.Event()
        self._advanced = asyncio.Event()
        self._outbox = Outbox()
        self._due = asyncio.Event()
        self._engine: Engine | None = None
        self._lease: Lease | None = None
        self._transcriber: Transcriber | None = None
        self._held = AsyncExitStack()
        self._unpacker: Unpacker | None = None
        self._started = self._stopped = False
        self._ending = False
        self._error: StreamError | None = None
        self._last: Event | None = None

    def prepare(self) -> None:
        """Open at once where the handshake carried the options; a StreamError is to be answered as HTTP."""
        if self._protocol.start:
            self._expect(self._protocol.start.options)
            self._open(self._protocol.start.options)

    async def run(self) -> None:
        self._metrics.sessions.inc()
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(task) for task in (self._read(), self._write(), self._work())]
                for task in tasks[:2]:  # once either side is done with the socket there is nothing left to do
                    task.add_done_callback(lambda _: [each.cancel() for each in tasks])
        except* SlowReader:
            await self._farewell(SlowReader(f"{self._outbox.waiting + 1} events could not be sent and are lost"))
        except* ConnectionError:
            pass
        except* Exception as bugs:
            log.error("session %s failed", self.id, exc_info=bugs)
            await self._farewell(EngineFailed("the server failed; nothing more will come of this session"))
        finally:
            self.release()
            await self._held.aclose()
            self._metrics.sessions.dec()
            self._metrics.sessions_total.labels(outcome=self.outcome).inc()
            self._metrics.coalesced.inc(self._outbox.superseded)
            received = self._transcriber.received if self._transcriber else 0
            log.info("session %s ended: %s, %d samples received", self.id, self.outcome, received)

    def release(self) -> None:
        """Give back what `prepare` and `run` have taken; idempotent."""
        if self._transcriber:
            self._transcriber.close()
        if self._lease:
            self._lease.release()
            self._lease = None

    def go_away(self, deadline_s: float) -> None:
        """Tell the client that the server is draining."""
        self._say(GoingAway(deadline_s=deadline_s))

    def shut_down(self) -> None:
        """Take no more audio, finish what is open, close with 1012."""
        self._end(Draining("the server is shutting down", fatal=True))

    # -- read -----------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        opened = loop.time()
        while not self._ending:
            limit_s, since, what = self._patience(opened, loop.time())
            try:
                async with asyncio.timeout_at(since + limit_s):
                    message = await self._socket.receive()
            except TimeoutError:
                self._end(TimedOut(f"{what} for {limit_s:g} s", fatal=True))
                break
            if message is None:
                await self._outlive()
                return
            try:
                wake = self._protocol.wake
                for command in self._protocol.receive(message):
                    self._take(command)
                if self._protocol.wake != wake:
                    self._due.set()
            except ClientError as error:
                self._complain(error)
            await self._room_to_read()
        while await self._socket.receive() is not None:
            pass  # the write task closes the socket when it has said all
        await self._outlive()

    async def _outlive(self) -> None:
        """The peer is gone. If that is how the protocol's sessions end, what was accepted still gets its finals."""
        commands = self._protocol.hung_up()
        if not (commands and self._started):
            return
        for command in () if self._stopped else commands:
            self._take(command)
        await asyncio.Event().wait()  # the write task ends this one when all is said

    def _patience(self, opened: float, now: float) -> tuple[float, float, str]:
        """How long to wait for the next message, from when on, and what is missing then."""
        if not self._started:
            return self._limits.start_s, opened, "no `start`"
        session_left = opened + self._limits.session_s - now
        idle_s = self._limits.idle_s if self._protocol.idle_s is None else self._protocol.idle_s
        if self._stopped or session_left < idle_s:
            return self._limits.session_s, opened, "the session has lasted"
        return idle_s, now, "no message"

    def _take(self, command: Command) -> None:
        if self._stopped:
            raise BadRequest("nothing is taken after `stop`; this message was ignored")
        if isinstance(command, Start):
            self._expect(command.options)
        elif not self._started and not isinstance(command, KeepAlive | Reply):
            raise NotStarted("the session has not been started; this message was ignored", hint="send `start` first")
        elif isinstance(command, Audio):
            self._unaccepted += len(command.payload)
        self._stopped = isinstance(command, Stop)
        self._inbox.append(command)
        self._arrived.set()

    def _expect(self, options: SessionOptions) -> None:
        self._started = True
        audio = options.audio
        self._unaccepted_max = int(self._limits.ahead_s * audio.sample_rate) * audio.sample_bytes

    async def _room_to_read(self) -> None:
        """Stop reading while a client has sent more than it may, or takes fewer answers than it causes."""
        if self._unaccepted > self._unaccepted_max:
            self._say(
                Warned(
                    code="too_fast",
                    message=f"more than {self._limits.ahead_s:g} s of audio past the last `ack`; nothing is read until "
                    "decoding has caught up",
                )
            )
        while not self._ending and (
            self._unaccepted > self._unaccepted_max
            or len(self._inbox) > MAX_WAITING
            or self._outbox.waiting > MAX_WAITING
        ):
            self._advanced.clear()
            await self._advanced.wait()

    # -- work -----------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        while not self._ending:
            while not self._inbox:
                self._arrived.clear()
                await self._arrived.wait()
            command = self._inbox.popleft()
            try:
                if isinstance(command, Audio):
                    await self._hear(command.payload)
                else:
                    if isinstance(command, Stop):
                        await self._finish_unpacking()
                    self._obey(command)
            except StreamError as error:
                self._complain(error)

    async def _hear(self, payload: bytes) -> None:
        options = self._opened().options
        if options.container:
            if self._unpacker is None:
                limits = MediaLimits(max_audio_s=self._limits.session_s)
                self._unpacker = await self._held.enter_async_context(unpacking(limits))
            self._unpacker.push(payload)
            self._unaccepted -= len(payload)
            await self._accept_unpacked(self._unpacker)
        else:
            await self._accept(payload)
        if self._protocol.answers_audio:
            self._say(Accepted())

    async def _finish_unpacking(self) -> None:
        if self._unpacker:
            self._unpacker.finish()
            await self._accept_unpacked(self._unpacker)

    async def _accept_unpacked(self, unpacker: Unpacker) -> None:
        """All that can be made of what has come by now, so that whatever is asked next holds behind it."""
        try:
            while not self._ending and (samples := await unpacker.next()) is not None:
                self._unaccepted += len(samples)
                await self._accept(samples)
        except StreamError as error:
            error.fatal = True
            raise

    async def _accept(self, payload: bytes) -> None:
        """In slices, so that one session's large frames don't hold up the loop; each waits until decoding keeps up."""
        transcriber = self._opened()
        audio = transcriber.options.audio
        window_s = self._limits.ahead_s * (2 if transcriber.options.mode == "file" else 1)
        size = max(1, int(SLICE_S * audio.sample_rate / audio.channels)) * audio.sample_bytes
        for start in range(0, len(payload), size):
            while transcriber.backlog_s >= window_s:
                self._advanced.clear()
                await self._advanced.wait()
            if self._ending:
                return
            piece = payload[start : start + size] if len(payload) > size else payload
            transcriber.accept(piece)
            self._unaccepted -= len(piece)
            self._advanced.set()
            await asyncio.sleep(0)

    def _obey(self, command: Command) -> None:
        match command:
            case Start(options):
                self._open(options)
            case Finalize(id):
                self._opened().finalize(id)
            case Configure(changes):
                self._configure(self._opened(), changes)
            case Clear():
                self._opened().clear()
            case Reply(messages):
                self._say(Replied(messages=messages))
            case Stop():
                self._end(None)

    def _configure(self, transcriber: Transcriber, changes: Mapping[str, Any]) -> None:
        assert self._engine is not None
        try:
            options = transcriber.options.merged(changes)
        except ValueError as error:
            raise BadRequest(f"in `configure`: {error}") from None
        if BEFORE_AUDIO & changes.keys():
            self._begin_anew(transcriber, options)
        else:
            check(options, self._engine)
            transcriber.configure(options)

    def _begin_anew(self, transcriber: Transcriber, options: SessionOptions) -> None:
        """As if the session had been opened with these options."""
        if transcriber.received:
            raise BadRequest(f"{', '.join(sorted(BEFORE_AUDIO))} can't be changed once audio has come")
        self._begin(options)
        self._say(Configured(options=self._opened().options))

    def _begin(self, options: SessionOptions) -> None:
        """Raises what keeps the session from being as `options` say; then all is as before."""
        engine = self._admission.engine(options, self._engine)
        former, self._lease = self._lease, engine.admit(options.audio.channels, self._lease)
        if former:
            former.release()
        self._engine = engine
        options = replace(fitted(options, engine), model=engine.name)
        self._expect(options)
        self._transcriber = Transcriber(options, engine, self._say, self._progressed, self._clock, self._metrics)

    def _open(self, options: SessionOptions) -> None:
        try:
            self._begin(options)
        except StreamError as error:
            error.fatal = True
            raise
        assert self._engine is not None
        self._say(
            Ready(
                session=self.id,
                token=secrets.token_urlsafe(16),
                model=self._engine.name,
                options=self._opened().options,
                resume_window_s=0.0,
                limits=self._limits,
            )
        )

    def _opened(self) -> Transcriber:
        """Nothing but `start` gets into the inbox before it, and a `start` that fails ends the session."""
        assert self._transcriber is not None
        return self._transcriber

    # -- write ----------------------------------------------------------------------------------------------------

    def _say(self, event: Event) -> None:
        if isinstance(event, Warned):
            self._metrics.warnings.labels(code=event.code).inc()
        seq = self._outbox.put(event)
        if self.tap:
            self.tap(seq, event)
        self._due.set()

    async def _write(self) -> None:
        while True:
            while (entry := self._outbox.take()) is None:
                if self._transcriber and self._transcriber.bug:
                    raise self._transcriber.bug
                self._due.clear()
                await self._until_due()
            seq, event = entry
            if self._outbox.waiting > 2 * MAX_WAITING:
                raise SlowReader(TOO_SLOW)
            async with _in_time():
                await self._send(event, seq)
            if event is self._last:
                return
            self._advanced.set()

    async def _until_due(self) -> None:
        """Until there is something to say, or the protocol was woken and has said what is due."""
        wake = self._protocol.wake
        try:
            async with asyncio.timeout(None if wake is None else max(0.0, wake - self._clock())):
                await self._due.wait()
        except TimeoutError:
            async with _in_time():
                await self._put(self._protocol.tick(self._clock()))

    async def _send(self, event: Event, seq: int | None) -> None:
        if isinstance(event, Replied):
            await self._put(event.messages)
        else:
            await self._put(self._protocol.send(event, seq, self._clock()))
        self._observe(event)
        if event is self._last:
            await self._close(event.error if isinstance(event, Failed) else None)

    async def _put(self, messages: Sequence[str | bytes]) -> None:
        for message in messages:
            await self._socket.send(message)

    def _observe(self, event: Event) -> None:
        if isinstance(event, Partial):
            self._metrics.partial_delay.observe(event.lag / SAMPLE_RATE)
        elif isinstance(event, Final):
            latency = event.latency
            sending = self._clock() - latency.decoded_at
            self._metrics.final_delay.observe((latency.endpoint + latency.queue + latency.decode) / 1000 + sending)
            self._metrics.queue.observe(latency.queue / 1000)

    def _complain(self, error: StreamError) -> None:
        if error.fatal:
            self._end(error)
        else:
            self._say(Failed(error=error))

    # -- the end --------------------------------------------------------------------------------------------------

    def _end(self, error: StreamError | None) -> None:
        """Take nothing more. Once all that was accepted has had its final, say `done`, or the fatal `error`."""
        if self._ending:
            return
        self._ending = True
        self._error = error
        if self._transcriber:
            self._transcriber.stop()
        self._progressed()

    def _progressed(self) -> None:
        self._advanced.set()
        self._due.set()
        transcriber = self._transcriber
        if not self._ending or self._last or (transcriber and not transcriber.settled):
            return
        if self._error:
            self._last = Failed(error=self._error)
        elif transcriber:
            self._last = transcriber.done()
        else:
            return
        self._say(self._last)

    async def _close(self, error: StreamError | None) -> None:
        self.outcome = error.code if error else "done"
        code, reason = self._protocol.closing(error)
        self._metrics.closes.labels(code=str(code)).inc()
        await self._socket.close(code, reason)

    async def _farewell(self, error: StreamError) -> None:
        """Out of turn: the write task is no more."""
        error.fatal = True
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(SEND_S):
                await self._send(Failed(error=error), None)
                await self._close(error)
