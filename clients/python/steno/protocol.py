"""One session of the native protocol, version 1: which frames to send, how much audio may go now, what came back.

Knows nothing of sockets, tasks or clocks; `client.py` moves the frames.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

from steno.errors import IncompleteError, ProtocolError, RefusedError, SessionError
from steno.events import Ack, Done, Event, Failed, Ready, decode
from steno.options import Options

SAMPLE_BYTES = {"pcm_s16le": 2, "pcm_s32le": 4, "pcm_f16le": 2, "pcm_f32le": 4, "mulaw": 1, "alaw": 1}


def endpoint(url: str, scheme: Literal["ws", "http"], resource: str) -> str:
    """The address of a server's `resource`, by what a user calls the server.

    url:    ws(s) or http(s), with or without the path `/v1/stream`, which may have a prefix.
    scheme: of the address, made secure if the url's is.
    Raises ValueError, also for a query or credentials: options are arguments, and a key is a header.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss", "http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is not an address like ws://127.0.0.1:8765 or https://speech.example.org")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("an address has no query and no credentials: options are arguments, the key is a header")
    _ = parts.port  # reading it is what finds a bad one
    secure = "s" if parts.scheme in ("wss", "https") else ""
    prefix = parts.path.rstrip("/").removesuffix("/v1/stream")
    return urlunsplit((scheme + secure, parts.netloc, f"{prefix}/v1/{resource}", "", ""))


def refusal(status: int, retry_after: str | None, body: bytes | bytearray) -> RefusedError:
    """What an HTTP answer says that isn't a session. Other servers' pages say nothing but their status."""
    seconds = float(retry_after) if retry_after and retry_after.isdecimal() else None
    try:
        told: dict[str, Any] = json.loads(body)["error"]
        return RefusedError(status, str(told["code"]), str(told["message"]), seconds)
    except (ValueError, TypeError, KeyError):
        return RefusedError(status, "http", "the server refused the connection", seconds)


class Conversation:
    """Feed it each frame of the server, in order, by `receive`; send what its other methods return, in order.

    Audio has three marks, in samples per channel with the session's offset: `sent`, `received` by the server, and
    `durable`, before which finals, silence or declared gaps cover everything. They stand at the offset from `ready` on.
    """

    def __init__(self) -> None:
        self.ready: Ready | None = None
        self.done: Done | None = None
        self.stopped = False
        self.sent = 0
        self.received = 0
        self.durable = 0
        self._last_seq = 0
        self._ahead = 0
        self._sample_bytes = 1

    # -- from the server ------------------------------------------------------------------------------------------

    def receive(self, frame: str | bytes) -> Event | None:
        """What a frame says; None where version 1 doesn't know.

        Raises SessionError for a fatal error, ProtocolError for what no server of version 1 says.
        """
        message = _parse(frame)
        self._count(message.get("seq"))
        event = decode(message)
        match event:
            case Ready():
                self._open(event)
            case Ack(received=received, durable=durable):
                self.received, self.durable = received, durable
            case Failed(fatal=True):
                raise SessionError(event.code, event.message, event.hint, received=self.received, durable=self.durable)
            case Done():
                self.done = event
                self.received = self.durable = event.received
        return event

    def _count(self, seq: Any) -> None:
        if seq is None:
            return
        if seq != self._last_seq + 1:
            raise ProtocolError(f"event {seq!r} came after event {self._last_seq}")
        self._last_seq = seq

    def _open(self, ready: Ready) -> None:
        if ready.protocol != 1:
            raise ProtocolError(f"the server speaks version {ready.protocol} of the protocol, this client version 1")
        try:
            channels, rate = ready.options["channels"], ready.options["sample_rate"]
            self._sample_bytes = SAMPLE_BYTES[ready.options["encoding"]] * channels
        except KeyError as missing:
            raise ProtocolError(f"`ready.options`: no known {missing}") from None
        self.ready = ready
        self.sent = self.received = self.durable = int(ready.options.get("offset", 0))
        self._ahead = int(ready.limits.ahead_s * rate)

    def broken(self, why: str) -> IncompleteError:
        """The error to raise when the connection has ended before `done`."""
        return IncompleteError(why, received=self.received, durable=self.durable)

    # -- to the server --------------------------------------------------------------------------------------------

    def start(self, options: Options) -> str:
        return _text("start", **options)

    def frame(self, audio: memoryview) -> memoryview:
        """The leading part of `audio` that is to be sent now, counted as sent; empty: nothing may go before an ack.

        Raises ValueError if `audio` isn't whole samples of all channels, RuntimeError behind `stop`.
        """
        assert self.ready is not None
        self._refuse_if_stopped()
        if len(audio) % self._sample_bytes:
            raise ValueError(f"{len(audio)} bytes are not whole samples of {self._sample_bytes} bytes")
        samples = min(
            len(audio) // self._sample_bytes,
            self.ready.limits.frame_bytes // self._sample_bytes,
            max(0, self.received + self._ahead - self.sent),
        )
        self.sent += samples
        return audio[: samples * self._sample_bytes]

    def finalize(self, id: str | None) -> str:
        self._refuse_if_stopped()
        return _text("finalize") if id is None else _text("finalize", id=id)

    def configure(self, changes: Mapping[str, Any]) -> str:
        self._refuse_if_stopped()
        return _text("configure", **changes)

    def keepalive(self) -> str:
        return _text("keepalive")

    def stop(self) -> str:
        self._refuse_if_stopped()
        self.stopped = True
        return _text("stop")

    def _refuse_if_stopped(self) -> None:
        if self.stopped:
            raise RuntimeError("the session has been stopped")


def _parse(frame: str | bytes) -> dict[str, Any]:
    try:
        message = json.loads(frame) if isinstance(frame, str) else None
    except ValueError:
        message = None
    if not isinstance(message, dict):
        raise ProtocolError("the server sent a frame that is not a JSON object")
    return message


def _text(type: str, **fields: Any) -> str:
    return json.dumps({"type": type, **fields}, ensure_ascii=False, separators=(",", ":"))
