"""Decodes utterances and answers chats on worker processes, and replaces those that die or hang: no utterance is lost.

Knows nothing of sessions and wire formats, nor of what a link runs over.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from models.base import SAMPLE_RATE, DecodeOptions, ModelCard
from models.chat import Delta
from models.registry import ModelSpec
from stream.chat_ticket import ChatTicket
from stream.errors import EngineFailed, Overloaded, StreamError
from stream.link import Launch, Link, start_process
from stream.load import SPAN_S
from stream.load import Load as Busyness
from stream.messages import (
    BeginChat,
    Cancel,
    ChatRefused,
    Chatted,
    Failed,
    Finish,
    Heard,
    Load,
    Loaded,
    LoadFailed,
    Measure,
    Measured,
    Order,
    Report,
    Started,
    Stepped,
)
from stream.metrics import Metrics
from stream.pace import Rung
from stream.ticket import Decoded, GaveUp, Progress, Restarted, Ticket, Update

__all__ = [
    "Decoded",
    "Engine",
    "EngineOptions",
    "GaveUp",
    "Layout",
    "Lease",
    "Progress",
    "Restarted",
    "Ticket",
    "Update",
]

LOAD_S = 600.0
"""A model that takes longer to load is taken for hung."""
LOADS_FAILED = 3
"""Failed loads in a row after which a finished utterance no longer waits for the next."""
BACKOFF_S, BACKOFF_MAX_S = 0.5, 30.0
"""Pause before the next load, doubled with every failure."""
SPEECH_WITHOUT_TEXT_S = 8.0
"""No speaker pauses for so long without a detector's notice; then the decoder has lost its way."""
WORTH, QUICK = 1.5, 2.0
"""What more workers must decode, beside fewer, and clips a second that each must: it has fewer threads, so a step takes
longer, and fewer utterances to share it."""
CHANNELS_PER_SLOT = 2
"""Channels admitted for each utterance that a model has room for, where it doesn't say: nobody talks all the time."""

UNLOADABLE = "the model can't be loaded again"

log = logging.getLogger("steno.engine")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    step_timeout_s: float = field(
        default=30.0, metadata={"help": "seconds that a decoding step may take before its worker is killed"}
    )

    def __post_init__(self) -> None:
        if self.step_timeout_s <= 0:
            raise ValueError(f"step_timeout_s must be above 0, not {self.step_timeout_s}")


@dataclass(frozen=True, slots=True)
class Layout:
    """How many worker processes there are, each with the model's weights, and how many threads a step of each has."""

    replicas: int
    threads: int


class Lease:
    """Room for a session's channels, from `Engine.admit` to `release`, which is idempotent."""

    def __init__(self, leases: set[Lease], channels: int) -> None:
        self._leases = leases
        self.channels = channels
        self.since = time.monotonic()
        leases.add(self)

    def release(self) -> None:
        self._leases.discard(self)


class Engine:
    """One model, on one or more workers. `card` is there once `start` has returned.

    clip: a file of 16 kHz speech that every worker decodes before it counts as ready.
    layouts: how the workers may be laid out, fewest first. One with more is kept if it decodes WORTH times as much of
        the clip at once, and each of its workers QUICK clips a second. Without any it is one worker.
    """

    card: ModelCard

    def __init__(
        self,
        spec: ModelSpec,
        options: EngineOptions | None = None,
        *,
        clip: Path | None = None,
        layouts: Sequence[Layout] = (),
        metrics: Metrics | None = None,
        launch: Launch = start_process,
    ) -> None:
        options = options or EngineOptions()
        metrics = metrics or Metrics()
        metrics.backlog.labels(spec.name).set_function(lambda: self.backlog_s)
        self.name = spec.name
        self._leases: set[Lease] = set()
        self._spec, self._options, self._metrics, self._launch = spec, options, metrics, launch
        self._clip = None if clip is None else str(clip)
        self._layouts = tuple(layouts) or (Layout(1, spec.threads),)
        self._busyness = Busyness(0)
        self._replicas: list[_Replica] = []
        self._ids = itertools.count()
        self._tasks: list[asyncio.Task[None]] = []
        metrics.workers.follow(spec.name, lambda: [replica.pid for replica in self._replicas if replica.pid])

    @property
    def channels(self) -> int:
        """Of all leases."""
        return sum(lease.channels for lease in self._leases)

    @property
    def ready(self) -> bool:
        """A worker is there to decode."""
        return any(replica.ready for replica in self._replicas)

    @property
    def failure(self) -> str | None:
        """Why no worker can load the model any more, for the operator; it is still tried."""
        failures = [replica.failure for replica in self._replicas]
        return failures[0] if failures and all(failures) else None

    @property
    def rung(self) -> Rung:
        """What has to be given up to keep up, on the worker that has to give up most."""
        return max((replica.rung for replica in self._replicas), default=Rung.KEEPING_UP)

    @property
    def backlog_s(self) -> float:
        """Seconds of audio, over all open utterances, that no step has yet taken account of."""
        return sum(replica.pending for replica in self._replicas) / SAMPLE_RATE

    async def start(self) -> None:
        """Returns once all workers have loaded the model; raises EngineFailed if one can't."""
        best = 0.0
        for layout in self._layouts:
            try:
                replicas = await self._laid_out(layout)
            except EngineFailed:
                if self._replicas:  # there may be no memory for so many
                    break
                raise
            rate = 0.0
            if len(self._layouts) > 1 and self._clip is not None:
                # All at once, as they will work: they share the cores and the memory's bandwidth.
                rate = sum(await asyncio.gather(*(replica.measure(self._clip) for replica in replicas)))
                log.info("%s: %s decode %.1f clips a second", self.name, layout, rate)
            given_up = replicas
            quick = rate >= QUICK * layout.replicas
            if not self._replicas or (quick and rate > WORTH * best):
                given_up, self._replicas, best = self._replicas, replicas, rate
                self.card = replicas[0].card
            await asyncio.gather(*(replica.stop() for replica in given_up))
        self._busyness.workers = len(self._replicas)
        self._tasks = [asyncio.create_task(replica.run()) for replica in self._replicas]

    async def _laid_out(self, layout: Layout) -> list[_Replica]:
        """Workers with the model loaded, all of them or none; raises EngineFailed."""
        load = Load(replace(self._spec, threads=layout.threads), self._clip)
        replicas = [
            _Replica(self._launch, load, self._options.step_timeout_s, self._metrics, self._busyness)
            for _ in range(layout.replicas)
        ]
        outcomes = await asyncio.gather(*(replica.start() for replica in replicas), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                await asyncio.gather(*(replica.stop() for replica in replicas))
                raise EngineFailed(f"model `{self.name}` can't be loaded: {outcome}") from outcome
        return replicas

    async def stop(self) -> None:
        """Ends the workers; utterances that are still open get nothing more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(replica.stop() for replica in self._replicas))

    def require_ready(self) -> None:
        """Raises Overloaded while there is no worker, EngineFailed without hope for one; `card` may be missing then."""
        if self.failure is not None:
            raise EngineFailed(f"model `{self.name}` can't be loaded")
        if not self.ready:
            raise Overloaded(f"model `{self.name}` is being loaded", retry_after_s=5)

    def require_channel(self) -> None:
        """Raises Overloaded while all channels that the model has are taken."""
        if self.ready:
            self._require_channels(1)

    def require_room(self) -> None:
        """Raises Overloaded while those who talk already are as many as can be decoded in time."""
        now = time.monotonic()
        measured = sum(lease.channels * min(1.0, (now - lease.since) / SPAN_S) for lease in self._leases)
        if reason := self._busyness.overload(now, (self.channels - measured) / max(1.0, measured)):
            raise Overloaded(f"model `{self.name}` is at its limit: {reason}", retry_after_s=10)

    def admit(self, channels: int, former: Lease | None = None) -> Lease:
        """Room for a session; raises Overloaded or EngineFailed when the engine can't serve it.

        former: what the session has already, and gives back for it; perhaps elsewhere.
        """
        self.require_ready()
        self._require_channels(channels - (former.channels if former in self._leases else 0))
        return Lease(self._leases, channels)

    def _require_channels(self, more: int) -> None:
        most = self.card.channels
        if most is None and self.card.capacity is not None:
            most = self.card.capacity * CHANNELS_PER_SLOT
        if most is not None and self.channels + more > most * len(self._replicas):
            raise Overloaded(f"model `{self.name}` has no room for another session", retry_after_s=10)

    def begin(
        self, options: DecodeOptions, deliver: Callable[[Update], None], *, carry: str | None = None, live: bool = True
    ) -> Ticket:
        """Open an utterance on the worker that is least behind.

        carry: the latest `Hypothesis.carry` of its channel. live: someone is listening; a file's utterance waits for
        those of live ones.
        """
        replica = min(self._replicas, key=lambda replica: (not replica.ready, replica.pending, len(replica.tickets)))
        ticket = Ticket(next(self._ids), options, deliver, replica.send, carry=carry, live=live)
        replica.adopt(ticket)
        return ticket

    def chat(self, deliver: Callable[[Delta | StreamError], None]) -> ChatTicket:
        """Open a chat, on the worker that has fewest; only where the card has `chat_audio_s`."""
        replica = min(self._replicas, key=lambda replica: (not replica.ready, len(replica.chats), replica.pending))
        ticket = ChatTicket(next(self._ids), deliver, replica.send)
        replica.chats[ticket.id] = ticket
        return ticket


class _Replica:
    """One worker, or its successor, the utterances it has to decode and the chats it has to answer."""

    def __init__(self, launch: Launch, load: Load, step_timeout_s: float, metrics: Metrics, busyness: Busyness) -> None:
        self.tickets: dict[int, Ticket] = {}
        self.chats: dict[int, ChatTicket] = {}
        self.rung = Rung.KEEPING_UP
        self._busyness = busyness
        self.failure: str | None = None
        self._launch = launch
        self._load = load
        self._step_timeout_s = step_timeout_s
        self._steps = metrics.decode.labels(load.spec.name)
        self._batches = metrics.batch.labels(load.spec.name)
        self._restarts = metrics.restarts.labels(load.spec.name)
        self._link: Link | None = None
        self._stepping: list[int] = []
        self._deadline: asyncio.TimerHandle | None = None
        self._overdue = False

    @property
    def ready(self) -> bool:
        return self._link is not None

    @property
    def pid(self) -> int | None:
        return None if self._link is None else self._link.pid

    @property
    def pending(self) -> int:
        return sum(ticket.pending for ticket in self.tickets.values())

    @property
    def _open(self) -> list[Ticket | ChatTicket]:
        return [*self.tickets.values(), *self.chats.values()]

    def adopt(self, ticket: Ticket) -> None:
        self.tickets[ticket.id] = ticket
        ticket.replay()

    def send(self, order: Order) -> None:
        """Without a worker there is nobody to tell; its successor is told everything."""
        if isinstance(order, Cancel):
            self.tickets.pop(order.id, None)
            self.chats.pop(order.id, None)
        elif isinstance(order, Finish) and self.failure is not None:
            asyncio.get_running_loop().call_soon(self.tickets[order.id].give_up, UNLOADABLE)
        elif isinstance(order, BeginChat) and self.failure is not None:
            asyncio.get_running_loop().call_soon(self.chats[order.id].give_up, UNLOADABLE)
        if self._link is not None:
            self._link.send(order)

    async def start(self) -> None:
        """Have a new worker load the model, then begin all that is open on it; raises EngineFailed."""
        try:
            link = await self._launch()
            try:
                link.send(self._load)
                async with asyncio.timeout(LOAD_S):
                    report = await link.receive()
                if isinstance(report, LoadFailed):
                    raise EngineFailed(report.message)
                if not isinstance(report, Loaded):
                    raise EngineFailed("the worker died while loading it")
            except BaseException:
                await link.close()
                raise
        except TimeoutError as error:
            raise EngineFailed(f"still loading after {LOAD_S:g} s") from error
        except OSError as error:
            raise EngineFailed(f"no worker process: {error}") from error
        self.card, self.failure = report.card, None
        self._link = link
        for ticket in self._open:
            ticket.replay()

    async def measure(self, clip: str) -> float:
        """How many utterances of the clip the worker decodes a second; raises EngineFailed. Comes before `run`."""
        assert self._link is not None
        self._link.send(Measure(clip))
        try:
            async with asyncio.timeout(LOAD_S):
                report = await self._link.receive()
        except TimeoutError as error:
            raise EngineFailed(f"still being tried out after {LOAD_S:g} s") from error
        if not isinstance(report, Measured):
            raise EngineFailed("the worker died while it was tried out")
        return report.rate

    async def run(self) -> None:
        """Follow the worker and replace it whenever it is lost, until cancelled."""
        while self._link is not None:
            await self._follow(self._link)
            link, self._link = self._link, None
            await link.close()
            self._lost()
            await self._restart()

    async def stop(self) -> None:
        if self._link is not None:
            await self._link.close()

    async def _follow(self, link: Link) -> None:
        try:
            while (report := await link.receive()) is not None:
                self._take(report)
        except Exception:
            # Whatever is wrong with it, a worker that can't be understood is replaced like one that died.
            log.exception("a worker's report could not be taken")
        finally:
            self._stop_clock()

    def _take(self, report: Report) -> None:
        match report:
            case Started():
                self._stop_clock()
                self._stepping = report.ids
                self._deadline = asyncio.get_running_loop().call_later(self._step_timeout_s, self._kill)
            case Stepped():
                self._stop_clock()
                self._stepping = []
                self._steps.observe(report.ended - report.started)
                self._batches.observe(len(report.hypotheses))
                self.rung = report.rung
                self._note_busyness(report)
                for id, hypothesis in report.hypotheses:
                    if ticket := self.tickets.pop(id, None) if hypothesis.final else self.tickets.get(id):
                        ticket.hear(hypothesis, report.started, report.ended)
                self._watch_text()
            case Heard():
                self.rung = report.rung
                for id, heard in report.heard:
                    if ticket := self.tickets.get(id):
                        ticket.advance(heard)
                self._watch_text()
            case Chatted():
                self._stop_clock()
                self._stepping = []
                for id, delta in report.deltas:
                    if chat := self.chats.get(id) if delta.finish is None else self.chats.pop(id, None):
                        chat.hear(delta)
            case ChatRefused():
                if refused := self.chats.get(report.id):
                    refused.refuse(report.message)
            case Failed():
                self._stop_clock()
                self._stepping = []
                if failed := self.tickets.get(report.id) or self.chats.get(report.id):
                    failed.fail("the decoder failed", blamed=True)
                    if report.id in self.tickets or report.id in self.chats:
                        failed.replay()
            case _:
                raise TypeError(f"{type(report).__name__} from a worker at work")

    def _watch_text(self) -> None:
        if self.rung is Rung.SELDOM:
            return
        for ticket in list(self.tickets.values()):
            if ticket.unsaid > SPEECH_WITHOUT_TEXT_S * SAMPLE_RATE:
                ticket.shake(f"speech without text for {SPEECH_WITHOUT_TEXT_S:g} s")

    def _note_busyness(self, report: Stepped) -> None:
        """Files take what time is left, and as long as they take: they say nothing of how busy a worker is."""
        live = [
            (ticket, hypothesis)
            for id, hypothesis in report.hypotheses
            if (ticket := self.tickets.get(id)) and ticket.live
        ]
        # Steps for ticks fill whatever time there is: such a model has room for as many as it has channels.
        if live and self.card.tick_s is None:
            self._busyness.stepped(report.started, report.ended)
        for ticket, hypothesis in live:
            if hypothesis.final and ticket.finished_at is not None:
                self._busyness.final(ticket.finished_at, report.ended)

    def _kill(self) -> None:
        self._overdue = True
        if self._link is not None:
            self._link.kill()

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _lost(self) -> None:
        """Blame those in the step that never ended. With none running, it can have been any of those open."""
        reason = f"a step took over {self._step_timeout_s:g} s" if self._overdue else "the decoder died"
        log.error(
            "worker of %s lost, %d utterances and %d chats open: %s",
            *(self._load.spec.name, len(self.tickets), len(self.chats), reason),
        )
        suspects = set(self._stepping or [*self.tickets, *self.chats])
        self._stepping, self._overdue = [], False
        self._restarts.inc()
        for ticket in self._open:
            ticket.fail(reason, blamed=ticket.id in suspects)

    async def _restart(self) -> None:
        for failures in itertools.count(1):
            try:
                await self.start()
                return
            except EngineFailed as error:
                log.error("loading %s again failed: %s", self._load.spec.name, error.message)
                if failures >= LOADS_FAILED:
                    self.failure = error.message
                    for ticket in list(self.tickets.values()):
                        if ticket.finished:
                            ticket.give_up(UNLOADABLE)
                    for chat in list(self.chats.values()):
                        if chat.begun:
                            chat.give_up(UNLOADABLE)
            await asyncio.sleep(min(BACKOFF_S * 2**failures, BACKOFF_MAX_S))
