"""Who may open a session, have a recording transcribed or chat, and which engine serves it.

Knows nothing of sockets and wire formats.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from models.base import ModelCard
from stream.engine import Engine
from stream.errors import Draining, Overloaded, QuotaExceeded, Unsupported
from stream.events import SessionOptions
from stream.rest.names import resolve
from stream.webhooks import Webhooks


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionOptions:
    max_sessions: int | None = field(
        default=None,
        metadata={
            "help": "sessions open at once, all keys together (default: as many as can be decoded in time, by measure)"
        },
    )
    max_sessions_per_key: int = field(default=100, metadata={"help": "sessions open at once with one API key"})
    max_recordings: int = field(
        default=4,
        metadata={"help": "recordings transcribed at once, and chats read at once; some more wait for their turn"},
    )
    max_recordings_per_key: int = field(
        default=20, metadata={"help": "recordings and chats of one API key that are worked on or wait at once"}
    )

    def __post_init__(self) -> None:
        if self.max_recordings < 1:
            raise ValueError(f"max_recordings must be above 0, not {self.max_recordings}")


WAITING = 16
"""Recordings and chats that may be there for each recording that is transcribed, itself included: each has a file on
disk."""


class Admission:
    """The first engine is the default. `draining` refuses every newcomer, `closing` ends recordings, too.

    turn: to be held while a recording is transcribed. chat_turn: while the server has a chat's audio. webhooks: None
    where sessions may have none.
    """

    def __init__(
        self, engines: Mapping[str, Engine], options: AdmissionOptions, webhooks: Webhooks | None = None
    ) -> None:
        self.engines = engines
        self.webhooks = webhooks
        self.draining = self.closing = False
        self.turn = asyncio.Semaphore(options.max_recordings)
        # Of their own: chats may wait long for a model's memory, and recordings not for them.
        self.chat_turn = asyncio.Semaphore(options.max_recordings)
        self._options = options
        self._seats: Counter[str | None] = Counter()
        self._places: Counter[str | None] = Counter()

    @property
    def cards(self) -> dict[str, ModelCard | None]:
        """The models by name; None for one that isn't ready."""
        return {name: engine.card if engine.ready else None for name, engine in self.engines.items()}

    @contextmanager
    def seat(self, key: str | None) -> Iterator[None]:
        """A place for one session of `key`; raises Draining, Overloaded or QuotaExceeded."""
        self._require_open()
        self._require_somewhere(lambda engine: engine.require_channel())
        most = self._options.max_sessions
        if most is None:
            self._require_somewhere(lambda engine: engine.require_room())
        elif self._seats.total() >= most:
            raise Overloaded(f"all {most} sessions are taken", retry_after_s=10)
        if key is not None and self._seats[key] >= self._options.max_sessions_per_key:
            raise QuotaExceeded(
                f"this key has all its {self._options.max_sessions_per_key} sessions open", retry_after_s=10
            )
        self._seats[key] += 1
        try:
            yield
        finally:
            self._seats[key] -= 1

    @contextmanager
    def place(self, key: str | None) -> Iterator[None]:
        """A place for one recording or chat of `key`; raises Draining, Overloaded or QuotaExceeded."""
        self._require_open()
        if self._places.total() >= self._options.max_recordings * WAITING:
            raise Overloaded("too many recordings and chats wait for their turn", retry_after_s=30)
        if key is not None and self._places[key] >= self._options.max_recordings_per_key:
            raise QuotaExceeded(
                f"{self._options.max_recordings_per_key} recordings and chats of this key are worked on or wait",
                retry_after_s=30,
            )
        self._places[key] += 1
        try:
            yield
        finally:
            self._places[key] -= 1

    def require_going_on(self) -> None:
        """Raises Draining once recordings are no longer waited for."""
        if self.closing:
            raise Draining("the server is shutting down", retry_after_s=5)

    def _require_open(self) -> None:
        if self.draining:
            raise Draining("the server is shutting down", retry_after_s=5)

    def _require_somewhere(self, require: Callable[[Engine], None]) -> None:
        """Which engine it will be is not always known before `start`."""
        for number, engine in enumerate(self.engines.values(), 1):
            try:
                require(engine)
            except Overloaded:
                if number == len(self.engines):
                    raise
            else:
                return

    def engine(self, options: SessionOptions, former: Engine | None = None) -> Engine:
        """The engine for a session, which can do all that is asked; a vendor's name stands for one of ours.

        former: the one that has room for this session already.
        Raises UnknownModel, Unsupported, and what `Webhooks.require`, `Engine.require_ready` and `require_room` raise.
        """
        if options.webhook is not None:
            self._require_webhook(options.webhook)
        name = options.model or next(iter(self.engines))
        engine = self.engines[resolve(name, self.cards, options.task, options.languages)]
        engine.require_ready()
        if self._options.max_sessions is None and engine is not former:
            engine.require_room()
        fitted(options, engine)
        return engine

    def _require_webhook(self, url: str) -> None:
        if self.webhooks is None:
            raise Unsupported("this server posts to no webhook", param="webhook")
        self.webhooks.require(url)


def fitted(options: SessionOptions, engine: Engine) -> SessionOptions:
    """The options, checked, without hints that the engine's model can't use if they may be left out."""
    if options.lenient:
        card = engine.card
        options = replace(
            options,
            prompt=options.prompt if card.prompt else None,
            keywords=options.keywords if card.keywords else (),
        )
    check(options, engine)
    return options


def check(options: SessionOptions, engine: Engine) -> None:
    """Raise Unsupported for an option that the engine's model can't honour; nothing is ever ignored."""
    card = engine.card
    unknown = [code for code in options.languages if code not in card.languages]
    if unknown:
        known = f"it has {_listed(card.languages)}" if len(card.languages) < 10 else "see GET /v1/models"
        raise Unsupported(f"model `{engine.name}` has no language {_listed(unknown)}", hint=known)
    if len(options.languages) > 1 and not card.detects:
        raise Unsupported(f"model `{engine.name}` can't detect languages", hint="name one `language`")
    if len(options.languages) > 1 and not card.narrows:
        raise Unsupported(
            f"model `{engine.name}` can't detect among some languages only", hint="name one `language`, or none"
        )
    if options.task not in card.tasks:
        raise Unsupported(f"model `{engine.name}` can't {options.task}")
    if options.prompt is not None and not card.prompt:
        raise Unsupported(f"model `{engine.name}` takes no `prompt`")
    if options.keywords and not card.keywords:
        raise Unsupported(f"model `{engine.name}` takes no `keywords`")


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
