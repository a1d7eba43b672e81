"""The seam of wire protocols: messages to commands, events to messages, without I/O and without a clock of their own.

Knows nothing of sockets, sessions or models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import ClassVar, Protocol

from stream.errors import StreamError
from stream.events import Command, Event, Limits, Start

Messages = list[str | bytes]
EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Request:
    """What a WebSocket handshake asked for. `query` keeps repeated names in order; `headers` are by lower-case names.

    session: the id of the session that it opens. at: when it came.
    """

    path: str
    query: Sequence[tuple[str, str]] = ()
    subprotocols: Sequence[str] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    session: str = ""
    at: datetime = EPOCH


class WireProtocol(Protocol):
    """One connection's dialect, which derives from this and says what is otherwise with it. Made by `open`, then fed
    each message once, in order. `now` is the clock of the events' times, in seconds."""

    paths: ClassVar[tuple[str, ...]]
    """Where the dialect is served."""
    answers_audio: ClassVar[bool] = False
    """Whether it is told, by an Accepted, of each Audio that was taken in."""
    idle_s: ClassVar[float | None] = None
    """Seconds without any message that end a session, if the dialect says so itself."""
    subprotocol: str | None = None
    """What the handshake's answer selects."""
    start: Start | None = None
    """The session's options where the request already carried them."""
    wake: float | None = None
    """When `tick` is due; None for never. Looked at after each call."""
    labels: Mapping[str, str] = MappingProxyType({})
    """Names that others have for the session, a call's id say; some are known only once it has started."""

    @classmethod
    def open(cls, request: Request, limits: Limits) -> WireProtocol:
        """Read the handshake; raises a ClientError, which is answered as HTTP before the upgrade."""

    def receive(self, message: str | bytes) -> Sequence[Command]:
        """Read one message. Raises a ClientError for a wrong one; unless that is fatal, the next is welcome."""

    def hung_up(self) -> Sequence[Command]:
        """What it means that the peer is gone. Nothing: nobody waits for what is left. Else these are the last
        commands, a Stop at their end, and all that was accepted gets its finals."""
        return ()

    def send(self, event: Event, seq: int | None, now: float) -> Messages:
        """Messages that say `event`; `seq` is its number if it has one."""

    def tick(self, now: float) -> Messages:
        """Messages that are due because time has passed."""
        return []

    def closing(self, error: StreamError | None) -> tuple[int, str]:
        """The close code and reason at the end: after a fatal error, or without one."""
        return (1000, "done") if error is None else (error.close_code, error.code)
