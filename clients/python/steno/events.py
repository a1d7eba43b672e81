"""What a server says: one frozen dataclass for each message, and `decode` from the wire to them.

Times are seconds on the session's clock, rounded to the millisecond; watermarks (`received`, `durable`, `at` of
Finalized) are samples per channel at the client's rate. Knows nothing of sockets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints, is_typeddict

from steno.errors import ProtocolError
from steno.options import Options

EndReason = Literal["endpoint", "finalize", "max_length", "stop"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """`confidence` is in 0..1, or None where the model has none. Only a partial's words can be unstable."""

    text: str
    start: float
    end: float
    confidence: float | None = None
    stable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`ahead_s`: how far audio may run past the last ack. `idle_s`: how long a client may be quiet."""

    frame_bytes: int
    text_bytes: int
    ahead_s: float
    start_s: float
    idle_s: float
    session_s: float
    finalize_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Where a final's time went, in milliseconds."""

    endpoint: float
    queue: float
    decode: float
    send: float
    total: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantiles:
    """Milliseconds; None where nothing was measured."""

    p50: float | None
    p95: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Latencies:
    partials: Quantiles
    finals: Quantiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Whatever iterating a session yields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered(Event):
    """An event that is never left out; `seq` counts 1, 2, 3 … over the session."""

    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready(Event):
    """The session is open; `options` are those in effect."""

    protocol: int
    session: str
    token: str
    model: str
    options: Options
    resume_window_s: float
    limits: Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechStarted(Numbered):
    segment: int
    channel: int
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Partial(Event):
    """What a segment says so far. The next partial or the final replaces it; `text[:stable]` will not change."""

    segment: int
    channel: int
    start: float
    end: float
    text: str
    stable: int
    language: str | None
    lag_ms: float
    words: tuple[Word, ...] | None = None

    @property
    def stable_text(self) -> str:
        return self.text[: self.stable]

    @property
    def unstable_text(self) -> str:
        return self.text[self.stable :]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechEnded(Numbered):
    segment: int
    channel: int
    at: float
    reason: EndReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Final(Numbered):
    """The last word on a segment. `words` is None unless the session asked for words."""

    segment: int
    channel: int
    start: float
    end: float
    text: str
    language: str | None
    confidence: float | None
    reason: EndReason
    latency: Latency
    words: tuple[Word, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppressed(Numbered):
    """In place of a final: the segment turned out to say nothing."""

    segment: int
    channel: int
    start: float
    end: float
    reason: Literal["no_speech", "repetition", "noise"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap(Numbered):
    """Audio that the server gave up."""

    channel: int
    start: float
    end: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack(Event):
    """Audio before `durable` may be forgotten: finals cover it, or there is nothing in it."""

    received: int
    durable: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalized(Numbered):
    """Every segment begun before `at` has its final."""

    at: int
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured(Numbered):
    options: Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned(Event):
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GoingAway(Event):
    """The server is about to stop, in `deadline_s` at the latest."""

    deadline_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(Event):
    """The server could not do something. Sessions yield only those that aren't fatal and raise the others."""

    code: str
    message: str
    fatal: bool
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done(Numbered):
    """Every sample is accounted for; the session's last event. `speech_s` sums over channels."""

    received: int
    audio_s: float
    speech_s: float
    segments: int
    words: int
    latency: Latencies


_TYPES: dict[str, type[Event]] = {
    "ready": Ready,
    "speech_started": SpeechStarted,
    "partial": Partial,
    "speech_ended": SpeechEnded,
    "final": Final,
    "suppressed": Suppressed,
    "gap": Gap,
    "ack": Ack,
    "finalized": Finalized,
    "configured": Configured,
    "warning": Warned,
    "going_away": GoingAway,
    "error": Failed,
    "done": Done,
}


def decode(message: Mapping[str, Any]) -> Event | None:
    """The event that a JSON object tells, None for a type this version doesn't know; unknown fields are ignored.

    Raises ProtocolError for a known field that is missing or of the wrong type.
    """
    kind = message.get("type")
    if kind not in _TYPES:
        return None
    if kind == "configured":  # the one message whose fields are the options themselves
        message = {"seq": message.get("seq"), "options": {k: v for k, v in message.items() if k not in ("type", "seq")}}
    event: Event = _build(_TYPES[kind], message, f"`{kind}`")
    return event


def _build(cls: Any, values: Mapping[str, Any], where: str) -> Any:
    told = {}
    for name, (hint, required) in _fields(cls).items():
        if name in values:
            told[name] = _convert(hint, values[name], f"{where}.{name}")
        elif required:
            raise ProtocolError(f"{where} has no `{name}`")
    return cls(**told)


@cache
def _fields(cls: Any) -> dict[str, tuple[Any, bool]]:
    """Each field's type, and whether a message must have it."""
    hints = get_type_hints(cls)
    return {field.name: (hints[field.name], field.default is MISSING) for field in fields(cls)}


def _convert(hint: Any, value: Any, where: str) -> Any:
    if get_origin(hint) is UnionType:
        if value is None:
            return None
        (hint,) = (option for option in get_args(hint) if option is not NoneType)
    if is_dataclass(hint) and isinstance(value, dict):
        return _build(hint, value, where)
    if get_origin(hint) is tuple and isinstance(value, list):
        item, _ = get_args(hint)
        return tuple(_convert(item, one, where) for one in value)
    if isinstance(value, _json_types(hint)) and not (isinstance(value, bool) and hint is not bool):
        return value
    raise ProtocolError(f"{where} is {value!r}")


def _json_types(hint: Any) -> tuple[type, ...]:
    """What a field of type `hint` may hold. Reasons that this version doesn't know are welcome."""
    if get_origin(hint) is Literal:
        return (str,)
    if is_typeddict(hint):
        return (dict,)
    return {str: (str,), bool: (bool,), int: (int,), float: (int, float)}.get(hint, ())
