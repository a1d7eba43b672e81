"""Live speech-to-text: `steno.connect` opens a session with a Steno server, `steno.sync.connect` one without asyncio.

Shares no code with the server; the contract is the native protocol, version 1.
"""

from steno.client import Session, connect
from steno.errors import (
    ConnectError,
    IncompleteError,
    ProtocolError,
    RefusedError,
    RequestError,
    SessionError,
    StenoError,
)
from steno.events import (
    Ack,
    Configured,
    Done,
    Event,
    Failed,
    Final,
    Finalized,
    Gap,
    GoingAway,
    Partial,
    Ready,
    SpeechEnded,
    SpeechStarted,
    Suppressed,
    Warned,
    Word,
)
from steno.options import Changes, Endpointing, Options

__all__ = [
    "Ack",
    "Changes",
    "Configured",
    "ConnectError",
    "Done",
    "Endpointing",
    "Event",
    "Failed",
    "Final",
    "Finalized",
    "Gap",
    "GoingAway",
    "IncompleteError",
    "Options",
    "Partial",
    "ProtocolError",
    "Ready",
    "RefusedError",
    "RequestError",
    "Session",
    "SessionError",
    "SpeechEnded",
    "SpeechStarted",
    "StenoError",
    "Suppressed",
    "Warned",
    "Word",
    "connect",
]
