"""What a session heard and when, segment by segment, and how its sending went.

All times are in seconds since its first sample. Pure; knows nothing of sockets, nor of what should have been heard.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from steno.events import Ack, Done, Event, Final, Partial, SpeechEnded, SpeechStarted, Suppressed, Warned


@dataclass
class Segment:
    """One segment's events; each `*_at` is when it was heard. `ended` is None where the session broke off."""

    started: SpeechStarted
    started_at: float
    partials: list[Partial] = field(default_factory=list)
    partials_at: list[float] = field(default_factory=list)
    ended: SpeechEnded | None = None
    ended_at: float = 0.0
    last: Final | Suppressed | None = None
    last_at: float = 0.0

    @property
    def final(self) -> Final | None:
        return self.last if isinstance(self.last, Final) else None

    @property
    def texts(self) -> list[str]:
        """All that was shown, one after the other; nothing is left of what was suppressed."""
        texts = [partial.text for partial in self.partials]
        return texts if self.last is None else [*texts, self.final.text if self.final else ""]


@dataclass
class Talk:
    """A session from its first sample to Done.

    model:    what the server runs. began: when the first sample was heard, on the event loop's clock.
    lateness: of each send, as far as it is the client's own. held_s: how long the server had audio wait, in all.
    sent, durable: samples per channel. strays: events of segments that never began, began twice, or were over.
    """

    model: str | None = None
    began: float = 0.0
    lateness: list[float] = field(default_factory=list)
    held_s: float = 0.0
    sent: int = 0
    durable: int = 0
    segments: list[Segment] = field(default_factory=list)
    strays: int = 0
    warnings: list[str] = field(default_factory=list)
    done: Done | None = None
    _numbered: dict[int, Segment] = field(default_factory=dict, init=False, repr=False)

    @property
    def finals(self) -> list[Final]:
        return [segment.final for segment in self.segments if segment.final]

    @property
    def text(self) -> str:
        return " ".join(final.text for final in self.finals)

    def hear(self, event: Event, at: float) -> None:
        match event:
            case SpeechStarted():
                self._begin(Segment(event, at))
            case Partial() | SpeechEnded() | Final() | Suppressed():
                self._go_on(event, at)
            case Ack(durable=durable):
                self.durable = durable
            case Warned():
                self.warnings.append(event.code)
            case Done():
                self.done = event

    def _begin(self, segment: Segment) -> None:
        known = self._numbered.setdefault(segment.started.segment, segment)
        if known is segment:
            self.segments.append(segment)
        else:
            self.strays += 1

    def _go_on(self, event: Partial | SpeechEnded | Final | Suppressed, at: float) -> None:
        segment = self._numbered.get(event.segment)
        if segment is None or segment.last:
            self.strays += 1
            return
        match event:
            case Partial():
                segment.partials.append(event)
                segment.partials_at.append(at)
            case SpeechEnded():
                segment.ended, segment.ended_at = event, at
            case _:
                segment.last, segment.last_at = event, at
