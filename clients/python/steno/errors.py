"""What can go wrong with a session, each kind with the facts that it takes to go on.

StenoError              all of them; `str()` says what happened, and what to do about it where that is known
├── ConnectError        no session came about: nothing listens there, no answer in time, not a Steno server
│   └── RefusedError    the server said no before the session: status, code, message, retry_after
├── SessionError        the server ended the session: code, message, hint, received, durable
├── IncompleteError     the connection ended before `done`: received, durable
├── RequestError        the server refused one request, the session goes on: code, message, hint
└── ProtocolError       the server said something that version 1 of the protocol doesn't allow

`durable` counts the samples per channel that are safe: finals cover them. To go on, open a session with
`offset=error.durable` and send the audio from there. Knows nothing of sockets.
"""

from __future__ import annotations


class StenoError(Exception):
    pass


class ConnectError(StenoError):
    pass


class RefusedError(ConnectError):
    """`status` is HTTP's, `retry_after` is in seconds where the server named a time."""

    def __init__(self, status: int, code: str, message: str, retry_after: float | None = None) -> None:
        again = "" if retry_after is None else f"; try again in {retry_after:g} s"
        super().__init__(f"{message} ({code}, HTTP {status}){again}")
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after


class SessionError(StenoError):
    def __init__(self, code: str, message: str, hint: str | None, *, received: int, durable: int) -> None:
        super().__init__(_explained(code, message, hint))
        self.code = code
        self.message = message
        self.hint = hint
        self.received = received
        self.durable = durable


class IncompleteError(StenoError):
    def __init__(self, message: str, *, received: int, durable: int) -> None:
        super().__init__(f"{message}; of {received} samples that the server received, {durable} are covered by finals")
        self.received = received
        self.durable = durable


class RequestError(StenoError):
    def __init__(self, code: str, message: str, hint: str | None) -> None:
        super().__init__(_explained(code, message, hint))
        self.code = code
        self.message = message
        self.hint = hint


class ProtocolError(StenoError):
    pass


class AudioError(StenoError):
    pass


def _explained(code: str, message: str, hint: str | None) -> str:
    return f"{message} ({code})" + (f"; {hint}" if hint else "")
