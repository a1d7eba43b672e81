"""Segments as tests write them down: what was said of them when."""

from __future__ import annotations

from typing import Any

from steno.bench.heard import Segment
from steno.events import Final, Latency, Partial, SpeechEnded, SpeechStarted, Suppressed, Word

PROMPT = Latency(endpoint=500, queue=20, decode=70, send=10, total=600)


def segment(
    *partials: tuple[float, str] | tuple[float, str, int],
    number: int = 0,
    start: float = 0.0,
    end: float = 1.0,
    started_at: float = 0.2,
    ended_at: float = 1.5,
    final: str | None = None,
    final_at: float = 1.6,
    suppressed: bool = False,
    **fields: Any,
) -> Segment:
    """`partials` are when they came, what they say and how much of it is stable; `fields` are the final's."""
    told = Segment(SpeechStarted(seq=1, segment=number, channel=0, at=start), started_at)
    for at, text, *stable in partials:
        told.partials.append(partial(text, *stable, number=number))
        told.partials_at.append(at)
    told.ended = SpeechEnded(seq=2, segment=number, channel=0, at=end, reason=fields.get("reason", "endpoint"))
    told.ended_at = ended_at
    if final is not None:
        told.last = last(final, number=number, start=start, end=end, **fields)
    elif suppressed:
        told.last = Suppressed(seq=3, segment=number, channel=0, start=start, end=end, reason="noise")
    told.last_at = final_at
    return told


def partial(text: str, stable: int = 0, number: int = 0) -> Partial:
    return Partial(segment=number, channel=0, start=0, end=1, text=text, stable=stable, language=None, lag_ms=0)


def last(text: str, number: int = 0, start: float = 0.0, end: float = 1.0, **fields: Any) -> Final:
    told = {"language": None, "confidence": None, "reason": "endpoint", "latency": PROMPT} | fields
    return Final(seq=3, segment=number, channel=0, start=start, end=end, text=text, **told)


def words(*timed: tuple[str, float, float]) -> tuple[Word, ...]:
    return tuple(Word(text=text, start=start, end=end) for text, start, end in timed)
