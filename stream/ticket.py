"""The server's half of one utterance: keeps its audio and its promise, so that it can be begun again anywhere.

Knows nothing of workers: orders go to `send`, and what is learnt comes in as calls.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from models.base import DecodeOptions, Hypothesis, Samples
from stream.messages import Begin, Cancel, Finish, Order, Push
from stream.promise import Promise

DEATHS = 3
"""Failures of an utterance after which it is given up."""

log = logging.getLogger("steno.engine")


@dataclass(frozen=True, slots=True)
class Decoded:
    """A hypothesis, safe to publish. `started` and `ended` are its step's, in seconds of time.monotonic()."""

    hypothesis: Hypothesis
    started: float
    ended: float


@dataclass(frozen=True, slots=True)
class Progress:
    """`Ticket.pending` has shrunk, but there is nothing to publish."""


@dataclass(frozen=True, slots=True)
class Restarted:
    """The utterance is begun again from its audio; what was stable stays."""

    message: str


@dataclass(frozen=True, slots=True)
class GaveUp:
    """It can't be decoded. Its final follows at once, made of the stable words, even before `finish`."""

    message: str


Update = Decoded | Progress | Restarted | GaveUp


class Ticket:
    """What `Engine.begin` gives out for an utterance. All calls return at once.

    Updates come on the event loop, in order, never from inside a call. The final comes exactly once and last, unless
    `cancel` comes first; calls after it do nothing.
    """

    def __init__(
        self,
        id: int,
        options: DecodeOptions,
        deliver: Callable[[Update], None],
        send: Callable[[Order], None],
        *,
        carry: str | None,
        live: bool,
    ) -> None:
        self.id = id
        self.live = live
        self.finished_at: float | None = None
        """By time.monotonic()."""
        self._options = options
        self._deliver = deliver
        self._send = send
        self._carry = carry
        self._promise = Promise()
        self._orders: list[Push | Finish] = []
        self._end: int | None = None
        self._pushed = 0
        self._heard = 0
        self._deaths = 0
        self._told = 0
        self._unsaid = 0
        self._restarted = False
        self._over = False

    @property
    def pending(self) -> int:
        """Samples that count and that no step has yet taken account of."""
        return 0 if self._over else max(0, self._length - self._heard)

    @property
    def unsaid(self) -> int:
        """Samples of speech since text last grew, while partials are wanted."""
        return self._unsaid if self._options.partials and not self.finished and not self._over else 0

    @property
    def finished(self) -> bool:
        return self._end is not None

    @property
    def _length(self) -> int:
        return self._pushed if self._end is None else self._end

    def push(self, samples: Samples, speech: bool) -> None:
        """The utterance's next samples, with VAD's verdict on them. Never called after `finish`."""
        if self._over:
            return
        self._pushed += len(samples)
        self._unsaid += speech * len(samples)
        self._order(Push(self.id, samples.tobytes(), speech))

    def finish(self, end: int) -> None:
        """No more audio comes; only samples before `end` count."""
        if self._over:
            return
        self._end = end
        self.finished_at = time.monotonic()
        self._order(Finish(self.id, end))

    def cancel(self) -> None:
        """Nobody wants to know any more."""
        if self._over:
            return
        self._leave()
        self._send(Cancel(self.id))

    # -- for the engine alone: what becomes of the utterance --

    def replay(self) -> None:
        """Have a worker that knows nothing of the utterance begin it."""
        self._heard = 0
        self._send(
            Begin(
                self.id,
                live=self.live,
                solo=self._deaths > 0,
                options=self._options,
                stable=self._promise.words,
                carry=self._carry,
                so_far=tuple(self._orders),
            )
        )

    def hear(self, hypothesis: Hypothesis, started: float, ended: float) -> None:
        """A step's outcome."""
        self._heard = max(self._heard, hypothesis.covers)
        if self._end is not None:
            hypothesis = _until(hypothesis, self._end)
        if not hypothesis.trusted and not hypothesis.final:
            self._tell(Progress())
            return
        hypothesis = self._promise.push(hypothesis)
        if hypothesis.words and hypothesis.words[-1].end > self._told:
            self._told, self._unsaid = hypothesis.words[-1].end, 0
        if hypothesis.final:
            self._leave()
        self._tell(Decoded(hypothesis, started, ended))

    def advance(self, heard: int) -> None:
        """No step was worth doing for samples before `heard`."""
        self._heard = max(self._heard, heard)
        self._tell(Progress())

    def shake(self, message: str) -> None:
        """Have it begun again because nothing comes of it; once, as there may be nothing to hear in it."""
        self._unsaid = 0
        if not self._restarted:
            self._restarted = True
            self._tell(Restarted(message))
            if not self._over:
                self.replay()

    def fail(self, message: str, *, blamed: bool) -> None:
        """The worker has lost the utterance, perhaps because of it; if this is not once too often, `replay` is due."""
        self._deaths += blamed
        if self._deaths >= DEATHS:
            self.give_up(message)
        else:
            self._tell(Restarted(message))

    def give_up(self, message: str) -> None:
        if not self._over:
            self._tell(GaveUp(message))
        if not self._over:
            self._send(Cancel(self.id))
            now = time.monotonic()
            self.hear(Hypothesis(covers=self._length, final=True, rejected="failed"), now, now)

    def _order(self, order: Push | Finish) -> None:
        self._orders.append(order)
        self._send(order)

    def _leave(self) -> None:
        self._over = True
        self._orders = []

    def _tell(self, update: Update) -> None:
        try:
            self._deliver(update)
        except Exception:
            # One session's fault must not reach those that share its worker.
            log.exception("utterance %d is dropped: its session failed", self.id)
            self.cancel()


def _until(hypothesis: Hypothesis, end: int) -> Hypothesis:
    """A hypothesis without what lies behind `end`: made before the utterance was cut there, or by a careless model."""
    words = tuple(word for word in hypothesis.words if word.start + word.end < 2 * end)
    agreed = min(hypothesis.agreed, len(words))
    return replace(hypothesis, words=words, agreed=agreed, covers=min(hypothesis.covers, end))
