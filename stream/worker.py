"""A worker process: owns a model, its utterances and chats; receives orders, chooses, steps, reports.

Knows nothing of sessions, and never the reason of an order.
"""

from __future__ import annotations

import faulthandler
import logging
import math
import os
import signal
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import BinaryIO, cast

import numpy as np

from models import registry
from models.base import Kind, Model, Utterance
from models.chat import ChatModel
from stream import trial
from stream.batch import Job, choose
from stream.beat import Beat
from stream.chats import Chats
from stream.costs import Costs
from stream.messages import (
    Begin,
    BeginChat,
    Cancel,
    ChatAudio,
    Failed,
    Finish,
    Heard,
    Load,
    Loaded,
    LoadFailed,
    Measure,
    Measured,
    Order,
    Push,
    Report,
    Started,
    Stepped,
    frame,
    read_order,
)
from stream.pace import Pace

PAUSE_S = 0.7
"""Somewhat more than most pauses last until they end an utterance: a final waits for whatever step is under way then,
even if it has been decoded on suspicion."""
STEP_S = 0.6
"""What one step may take, if it is for several utterances: a final that becomes due waits for it."""
FILE_STEP_S = 0.2
"""The same for files while people talk: no more than a live final takes."""
TALK_S = 10.0
"""Whoever spoke less than this ago may go on at any time."""
PROGRESS_S = 0.1
"""Between two Heard reports, each of which speaks of all utterances."""

log = logging.getLogger("steno.worker")


@dataclass(slots=True, eq=False)
class _Open:
    """An utterance and its part in the queue. `finished`: when its audio was complete, None before. `since`: when its
    need arose, None while it has none. `stepped`: when its last step began. `paused`: when the pause
    began in which its audio is, None while it is in speech."""

    utterance: Utterance
    live: bool
    solo: bool
    finished: float | None = None
    since: float | None = None
    stepped: float = -math.inf
    paused: float | None = None
    heard: int = 0
    reported: int = 0

    @property
    def finishing(self) -> bool:
        return self.finished is not None

    def pausing(self, now: float) -> bool:
        """Someone has just fallen silent, and may have finished."""
        return self.live and not self.finishing and self.paused is not None and now - self.paused < PAUSE_S


class Worker:
    """Call `take` with each order and `turn` whenever there is none to take."""

    def __init__(
        self, model: Model, report: Callable[[Report], None], clock: Callable[[], float], costs: Costs | None = None
    ) -> None:
        """costs: what is known already of the model's steps."""
        self._model = model
        self._costs = costs or Costs()
        self._pace = Pace()
        self._beat = None if model.card.tick_s is None else Beat(model.card.tick_s)
        self._report = report
        self._clock = clock
        self._open: dict[int, _Open] = {}
        self._chats = Chats(cast("ChatModel", model), report, clock)  # stays empty unless the model chats
        self._talked_at = self._filed_at = -math.inf
        self._reported_at = clock()

    @property
    def rest_s(self) -> float | None:
        """When to call `turn` again if no order comes before; None where nothing can be done without one."""
        if any(mine.since is not None for mine in self._open.values()):
            return (self._beat.rest_s(self._clock()) if self._beat else 0.0) or PROGRESS_S
        return PROGRESS_S if self._chats.waiting or any(self._idle()) else None

    def take(self, order: Order) -> None:
        """Orders for an utterance that has failed or is over are ignored: they crossed that report."""
        match order:
            case Measure():
                self._report(Measured(trial.rate(self._model, order.clip, self._costs)))
            case ChatAudio():
                self._chats.hear(order)
            case BeginChat():
                self._chats.begin(order)
            case Cancel() if order.id not in self._open:
                self._chats.cancel(order.id)
            case Begin() | Push() | Finish() | Cancel():
                self._take(order)

    def _take(self, order: Begin | Push | Finish | Cancel) -> None:
        try:
            if isinstance(order, Begin):
                if order.id in self._open:  # begun again because nothing came of it
                    self._close(order.id)
                utterance = self._model.begin(order.options, order.stable, order.carry)
                mine = self._open[order.id] = _Open(utterance, order.live, order.solo)
                for earlier in order.so_far:
                    self._tell(mine, earlier)
            elif order.id in self._open:
                self._tell(self._open[order.id], order)
        except Exception as error:
            self._fail(order.id, error)

    def _tell(self, mine: _Open, order: Push | Finish | Cancel) -> None:
        match order:
            case Push():
                samples = np.frombuffer(order.samples, np.int16)
                mine.utterance.accept(samples, order.speech)
                mine.heard += len(samples)
                if order.speech:
                    mine.paused = None
                elif mine.paused is None:
                    mine.paused = self._clock()
            case Finish():
                mine.utterance.finish(order.end)
                mine.finished, mine.since = self._clock(), None
            case Cancel():
                self._close(order.id)

    def turn(self) -> bool:
        """Do one step, if one is worth doing; say so."""
        now = self._clock()
        if self._beat is None:
            self._pace.update(sum(mine.live and not mine.finishing for mine in self._open.values()))
        jobs = [*self._jobs(now), *self._chats.jobs(now)]
        if now - self._reported_at >= PROGRESS_S and (heard := [(id, mine.heard) for id, mine in self._idle()]):
            self._report(Heard(heard, self._pace.rung))
            self._reported_at = now
            for id, position in heard:
                self._open[id].reported = position
        if any(mine.live for mine in self._open.values()):
            self._talked_at = now
        near = any(mine.pausing(now) for mine in self._open.values())
        ids = choose(jobs, now, self._room, self._filed_at, near)
        if ids:
            [chosen, *_] = [job for job in jobs if job.id == ids[0]]
            if not chosen.live:
                self._filed_at = now
            if chosen.id in self._chats:
                # Where it had to go before those who talk, it won't soon again: it has as long as a file's step.
                urgent = near or any(job.live for job in jobs)
                self._chats.run(ids, chosen.need.key, FILE_STEP_S if urgent else 0)
            else:
                self._step(ids, chosen.need.key)
        return bool(ids)

    def _room(self, job: Job) -> int:
        if self._beat:
            return self._model.card.max_batch
        hurried = not job.live and self._clock() - self._talked_at < TALK_S
        seconds = FILE_STEP_S if hurried else STEP_S
        costs = self._chats.costs if job.id in self._chats else self._costs
        return costs.rows(job.need.key, job.need.rows or self._model.card.max_batch, seconds)

    def _jobs(self, now: float) -> Iterator[Job]:
        for id, mine in list(self._open.items()):
            try:
                need = mine.utterance.need
            except Exception as error:
                self._fail(id, error)
                continue
            # A file's audio comes as fast as it is read: its pauses have ended before there is time to suspect an end.
            if need is None or (need.kind is Kind.SPECULATIVE and not mine.live):
                mine.since = None
                continue
            partial = need.kind in (Kind.FIRST, Kind.PARTIAL)
            mine.since = now if mine.since is None else mine.since
            if self._beat is None:
                waited = now - mine.stepped
                if partial and waited < self._pace.every_s / 2:
                    continue
                early = partial and waited < self._pace.every_s
            else:
                early = partial and self._beat.rest_s(now) > 0
            yield Job(id, need, mine.since, mine.finishing, mine.live, mine.solo, early)

    def _idle(self) -> Iterator[tuple[int, _Open]]:
        """Utterances that need no step and have heard more than was reported; no slot, no progress."""
        for place, (id, mine) in enumerate(self._open.items()):
            if place == self._model.card.capacity:
                return
            if mine.since is None and mine.heard > mine.reported:
                yield id, mine

    def _step(self, ids: list[int], key: Hashable) -> None:
        self._report(Started(ids))
        started = self._clock()
        try:
            hypotheses = self._model.step([self._open[id].utterance for id in ids])
            told = list(zip(ids, hypotheses, strict=True))
        except Exception as error:
            if len(ids) == 1:
                self._fail(ids[0], error)
                return
            log.warning("a step of %d utterances failed; trying each alone", len(ids), exc_info=error)
            for id in ids:
                self._step([id], key)
            return
        ended = self._clock()
        self._report(Stepped(told, started, ended, self._pace.rung))
        self._costs.observe(key, len(ids), ended - started)
        self._pace.observe(len(ids), ended - started)
        if self._beat:
            self._beat.stepped(started, ended)
        for id, hypothesis in told:
            mine = self._open[id]
            mine.since, mine.stepped = None, started
            if hypothesis.final:
                if mine.live and mine.finished is not None:
                    self._pace.final(ended - mine.finished)
                self._close(id)

    def _fail(self, id: int, error: Exception) -> None:
        log.error("utterance %d failed", id, exc_info=error)
        if id in self._open:
            self._close(id)
        self._report(Failed(id))

    def _close(self, id: int) -> None:
        self._model.close(self._open.pop(id).utterance)


def serve(orders: SimpleQueue[Order | None], report: Callable[[Report], None]) -> None:
    """A worker's life: load as the first order says, then work until a None is ordered."""
    first = orders.get()
    if not isinstance(first, Load):
        return
    try:
        model = registry.load(first.spec)
        costs = Costs()
        if first.clip is not None:
            trial.pass_through(model, first.clip, costs)
    except Exception as error:
        if not isinstance(error, OSError | ValueError | ImportError):  # these say all that there is to say
            log.exception("loading %s failed", first.spec.name)
        report(LoadFailed(str(error) or type(error).__name__))
        return
    report(Loaded(model.card))
    worker = Worker(model, report, time.monotonic, costs)
    wait_s: float | None = None
    while True:
        for order in _drained(orders, wait_s):
            if order is None:
                return
            worker.take(order)
        stepped = worker.turn()
        wait_s = 0 if stepped else worker.rest_s


def _drained(orders: SimpleQueue[Order | None], wait_s: float | None) -> Iterator[Order | None]:
    """All orders that are there, waiting for the first; None waits for ever."""
    with suppress(Empty):
        yield orders.get(timeout=wait_s)
        while True:
            yield orders.get_nowait()


def _read(pipe: BinaryIO, orders: SimpleQueue[Order | None]) -> None:
    """Runs on a thread of its own, so that the server's end is noticed even while a step runs."""
    while (order := read_order(pipe)) is not None:
        orders.put(order)
    os._exit(0)


def main() -> None:
    # The server decides when a worker ends, by closing its pipe: a terminal's Ctrl-C reaches both.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    faulthandler.enable()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(name)s: %(message)s")
    # Libraries print, and that must not get between the reports.
    reports = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # A reader of its own, since the interpreter can't end while a thread waits for sys.stdin.
    pipe = os.fdopen(os.dup(0), "rb")
    orders: SimpleQueue[Order | None] = SimpleQueue()
    Thread(target=_read, args=(pipe, orders), daemon=True).start()

    def report(message: Report) -> None:
        reports.write(frame(message))
        reports.flush()

    with suppress(BrokenPipeError):
        serve(orders, report)


if __name__ == "__main__":
    main()
