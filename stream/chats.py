"""The chats of a worker: begun, stepped beside its utterances, and closed.

Knows nothing of the server's side; when a step is due and who goes first is decided in `worker` and `batch`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np

from models.base import Samples
from models.chat import BadConversation, Chat, ChatModel, Clip, Conversation, Delta
from stream.batch import Job
from stream.costs import Costs
from stream.messages import BeginChat, ChatAudio, ChatRefused, Chatted, Failed, Report, Started
from stream.stops import Stops

log = logging.getLogger("steno.worker")


@dataclass(slots=True, eq=False)
class _Open:
    """`since`: when its next step became worth doing, None while there is none."""

    chat: Chat
    solo: bool
    stops: Stops
    since: float | None = None


class Chats:
    """What a step costs is learned apart from utterances: theirs say nothing of it."""

    def __init__(self, model: ChatModel, report: Callable[[Report], None], clock: Callable[[], float]) -> None:
        self._model = model
        self._report = report
        self._clock = clock
        self._costs = Costs()
        self._audio: dict[int, list[bytes]] = {}
        self._open: dict[int, _Open] = {}

    def __contains__(self, id: int) -> bool:
        return id in self._open

    @property
    def waiting(self) -> bool:
        return any(mine.since is not None for mine in self._open.values())

    def hear(self, order: ChatAudio) -> None:
        self._audio.setdefault(order.id, []).append(order.samples)

    def begin(self, order: BeginChat) -> None:
        samples = np.frombuffer(b"".join(self._audio.pop(order.id, ())), np.int16)
        try:
            chat = self._model.begin_chat(order.conversation, _clips(order.conversation, samples))
        except BadConversation as error:
            self._report(ChatRefused(order.id, str(error)))
        except Exception as error:
            self._fail(order.id, error)
        else:
            self._open[order.id] = _Open(chat, order.solo, Stops(order.stop))

    def cancel(self, id: int) -> None:
        self._audio.pop(id, None)
        if id in self._open:
            self._close(id)

    def jobs(self, now: float) -> Iterator[Job]:
        """Someone waits for each, as for a file's last words; nobody is listening meanwhile."""
        for id, mine in list(self._open.items()):
            try:
                need = mine.chat.need
            except Exception as error:
                self._fail(id, error)
                continue
            if need is None:
                mine.since = None
                continue
            mine.since = now if mine.since is None else mine.since
            yield Job(id, need, mine.since, finishing=True, live=False, solo=mine.solo)

    def rows(self, key: Hashable, seconds: float) -> int:
        """How many chats a step may have so that it takes no more than `seconds`."""
        return self._costs.rows(key, self._model.card.max_batch, seconds)

    def run(self, ids: Sequence[int], key: Hashable, seconds: float) -> None:
        """A step, and more of the same, as many as will have ended after so long."""
        ends = self._clock() + seconds
        self.step(ids, key)
        while True:
            now = self._clock()
            ids = [job.id for job in self.jobs(now) if job.id in ids and job.need.key == key]
            if not ids or now + self._costs.seconds(key, len(ids)) >= ends:
                return
            self.step(ids, key)

    def step(self, ids: Sequence[int], key: Hashable) -> None:
        self._report(Started(list(ids)))
        started = self._clock()
        try:
            deltas = self._model.step_chats([self._open[id].chat for id in ids])
            told = [(id, self._told(id, delta)) for id, delta in zip(ids, deltas, strict=True)]
        except Exception as error:
            if len(ids) == 1:
                self._fail(ids[0], error)
                return
            log.warning("a step of %d chats failed; trying each alone", len(ids), exc_info=error)
            for id in ids:
                self.step([id], key)
            return
        ended = self._clock()
        self._costs.observe(key, len(ids), ended - started)
        self._report(Chatted(told, started, ended))
        for id, delta in told:
            self._open[id].since = None
            if delta.finish is not None:
                self._close(id)

    def _told(self, id: int, delta: Delta) -> Delta:
        """The step's outcome, up to where the answer is to stop."""
        stops = self._open[id].stops
        text = stops.push(delta.text, last=delta.finish is not None)
        return replace(delta, text=text, finish="stop" if stops.hit else delta.finish)

    def _fail(self, id: int, error: Exception) -> None:
        log.error("chat %d failed", id, exc_info=error)
        if id in self._open:
            self._close(id)
        self._report(Failed(id))

    def _close(self, id: int) -> None:
        self._model.close_chat(self._open.pop(id).chat)


def _clips(conversation: Conversation, samples: Samples) -> list[Samples]:
    lengths = [part.length for turn in conversation.turns for part in turn.content if isinstance(part, Clip)]
    ends = list(accumulate(lengths))
    assert sum(lengths) == len(samples)
    return [samples[end - length : end] for length, end in zip(lengths, ends, strict=True)]
