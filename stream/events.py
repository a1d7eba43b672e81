"""What a session is asked (commands) and what it says (events), in no protocol's form.

Times in events are samples at 16 kHz since the session's first sample; only protocols turn them into seconds.
Knows nothing of wire formats, sockets or models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

from models.base import Rejection, Task, Word
from stream.audio import AudioFormat
from stream.errors import StreamError
from vad.endpointer import EndpointOptions, EndReason

Mode = Literal["live", "file"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOptions:
    """What a client asks of a session.

    languages: codes that may occur, none to detect. offset: samples per channel, at the client's rate, that are already
    behind this session; its times and watermarks count on from there. webhook: URL that what is final is posted to.
    container: what comes are pieces of a file of any kind, and `audio` is what they are decoded to. lenient: prompt and
    keywords are left out where the model can't use them, which is an error otherwise.
    """

    audio: AudioFormat = field(default_factory=AudioFormat)
    model: str | None = None
    languages: tuple[str, ...] = ()
    task: Task = "transcribe"
    prompt: str | None = None
    keywords: tuple[str, ...] = ()
    partials: bool = True
    words: bool = False
    endpointing: EndpointOptions | None = field(default_factory=EndpointOptions)
    mode: Mode = "live"
    offset: int = 0
    webhook: str | None = None
    container: bool = False
    lenient: bool = False

    def merged(self, changes: Mapping[str, Any]) -> SessionOptions:
        """These options with some changed; an `endpointing` mapping changes just the fields it names."""
        changes = dict(changes)
        if isinstance(named := changes.get("endpointing"), Mapping):
            changes["endpointing"] = replace(self.endpointing or EndpointOptions(), **named)
        return replace(self, **changes)


# -- commands: from the client ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Start:
    options: SessionOptions


@dataclass(frozen=True, slots=True)
class Audio:
    """Whole samples of all channels, interleaved, in the session's format; any bytes of a container."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Finalize:
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Configure:
    """Fields of SessionOptions to change, by name; `endpointing` as in `SessionOptions.merged`.

    `audio`, `model` and `task` can be changed until the first audio has come.
    """

    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Clear:
    """Forget the audio that has come and is in no ended segment."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Messages of the dialect's own, to be sent behind all that was said before."""

    messages: tuple[str | bytes, ...]


@dataclass(frozen=True, slots=True)
class KeepAlive:
    pass


@dataclass(frozen=True, slots=True)
class Stop:
    pass


Command = Start | Audio | Finalize | Configure | Clear | Reply | KeepAlive | Stop


# -- events: to the client ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`numbered` events are those a client must not miss: they get the session's gap-free `seq`."""

    numbered: ClassVar[bool] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What `ready` tells a client it may do: bytes, seconds, and the finalize deadline in ms."""

    frame_bytes: int = 65_536
    text_bytes: int = 8_192
    ahead_s: float = 10.0
    start_s: float = field(default=10.0, metadata={"help": "seconds that a client has to send `start`"})
    idle_s: float = field(default=60.0, metadata={"help": "seconds without any message that end a session"})
    session_s: float = field(default=14_400.0, metadata={"help": "seconds that a session may last"})
    finalize_ms: int = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready(Event):
    session: str
    token: str
    model: str
    options: SessionOptions
    resume_window_s: float
    limits: Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechStarted(Event):
    numbered = True
    segment: int
    channel: int
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Partial(Event):
    """`words[:stable]` will not change. `lag` is audio accepted but not yet decoded, in samples."""

    segment: int
    channel: int
    start: int
    end: int
    words: tuple[Word, ...]
    stable: int
    language: str | None
    lag: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechEnded(Event):
    numbered = True
    segment: int
    channel: int
    at: int
    reason: EndReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Where a final's time went, in ms; `decoded_at` (clock seconds) lets the protocol add sending and the total.

    endpoint: from the end of speech in the audio to the decision. queue: from the decision to the start of the last
    step. decode: that step.
    """

    endpoint: float
    queue: float
    decode: float
    decoded_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Final(Event):
    numbered = True
    segment: int
    channel: int
    start: int
    end: int
    words: tuple[Word, ...]
    language: str | None
    reason: EndReason
    latency: Latency


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppressed(Event):
    numbered = True
    segment: int
    channel: int
    start: int
    end: int
    reason: Rejection | Literal["cleared"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack(Event):
    """Watermarks in samples per channel at the client's rate, not counting the session's offset."""

    received: int
    durable: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted(Event):
    """An Audio was taken in. Only for dialects that answer each (`WireProtocol.answers_audio`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleared(Event):
    """What was open is forgotten; each segment that was has been `Suppressed` before, for "cleared"."""

    numbered = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Replied(Event):
    """A Reply whose turn to be sent has come; no protocol is asked how to say it."""

    messages: tuple[str | bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalized(Event):
    """`at` like an Ack's watermarks."""

    numbered = True
    id: str | None
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured(Event):
    numbered = True
    options: SessionOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned(Event):
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GoingAway(Event):
    deadline_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(Event):
    """An error said in-band; a fatal one is followed by the socket's close."""

    error: StreamError


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantiles:
    """Milliseconds; None where nothing was measured."""

    p50: float | None
    p95: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done(Event):
    """`received` like an Ack's; `audio` and `speech` in samples at 16 kHz, speech summed over channels."""

    numbered = True
    received: int
    audio: int
    speech: int
    segments: int
    words: int
    partial_latency: Quantiles
    final_latency: Quantiles
