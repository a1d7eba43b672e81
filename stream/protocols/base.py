"""The seam of wire protocols: messages to commands, events to messages, without I/O and without a clock of their own.

Knows nothing of sockets, sessions or models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from stream.errors import StreamError
from stream.events import Command, Event, Limits, Start


@dataclass(frozen=True, slots=True)
class Request:
    """What a WebSocket handshake asked for. `query` keeps repeated names in order."""

    path: str
    query: Sequence[tuple[str, str]] = ()
    subprotocols: Sequence[str] = ()


class WireProtocol(Protocol):
    """One connection's dialect. Made by `open`, then fed each message once, in order."""

    paths: ClassVar[tuple[str, ...]]
    """Where the dialect is served."""
    subprotocol: str | None
    """What the handshake's answer selects."""
    start: Start | None
    """The session's options where the request already carried them."""

    @classmethod
    def open(cls, request: Request, limits: Limits) -> WireProtocol:
        """Read the handshake; raises a ClientError, which is answered as HTTP before the upgrade."""

    def receive(self, message: str | bytes) -> Command:
        """Read one message. Raises a ClientError for a wrong one; unless that is fatal, the next is welcome."""

    def send(self, event: Event, seq: int | None, now: float) -> list[str | bytes]:
        """Messages that say `event`; `seq` is its number if it has one, `now` the clock of its times."""

    def close_code(self, error: StreamError) -> int:
        """The close code that follows a fatal error."""
