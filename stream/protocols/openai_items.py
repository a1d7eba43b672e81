"""OpenAI's items: which of the audio's segments belong to which, and what has been told of each.

Knows nothing of messages. Positions are samples at 16 kHz since the session's first one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from models.base import SAMPLE_RATE
from stream.events import Final, Partial
from stream.protocols.passage import Passage


@dataclass(slots=True, eq=False)
class Item:
    """A stretch of audio with its transcript. failed: whether the decoding of some of it was given up."""

    id: str
    start: int
    end: int = 0
    failed: bool = False
    languages: list[str] = field(default_factory=list)
    passage: Passage = field(default_factory=Passage)

    @property
    def seconds(self) -> float:
        return round((self.end - self.start) / SAMPLE_RATE, 3)

    def add(self, event: Partial | Final) -> str:
        """What the item's latest segment has to say that has not been told: only what can't change any more."""
        if isinstance(event, Partial):
            return self.passage.add(event, event.stable)
        delta = self.passage.add(event, len(event.words))
        self.passage.close(event)
        if event.language and event.language not in self.languages:
            self.languages.append(event.language)
        return delta


@dataclass(slots=True, eq=False)
class Span:
    """Audio from one cut of the client's to the next, `end`. Turn detection is on or off in all of it.

    item:      what it is if it is committed: all of it where the client alone ends utterances (`manual`), or nothing
               but silence.
    told:      whether the client knows of the item.
    wanted:    whether the client waits for one.
    spoken:    whether the cut has ended an utterance, which is what was committed then.
    dropped:   whether the client has cleared it.
    """

    item: Item
    manual: bool
    end: int | None = None
    told: bool = False
    wanted: bool = True
    spoken: bool = False
    dropped: bool = False


class Items:
    """Cut by the client at positions, asked by segments where they belong. Segments come in order of time."""

    def __init__(self, new_id: Callable[[], str], manual: bool) -> None:
        self._new_id = new_id
        self._spans = deque([Span(Item(new_id(), 0), manual)])
        self._segments: dict[int, tuple[Span, Item]] = {}
        self._cleared = 0
        """How many dropped spans there are whose clear is done."""
        self.ended = 0
        """Where the last utterance of turn detection has ended."""

    @property
    def latest(self) -> Span:
        return self._spans[-1]

    def uncommitted(self, position: int) -> int:
        """Samples up to `position` that are in no item."""
        begun = self.latest.item.start
        return position - (begun if self.latest.manual else max(begun, self.ended))

    def cut(self, position: int, manual: bool) -> Span:
        """End the latest span; the next one has turn detection or not."""
        span = self.latest
        span.end = span.item.end = position
        self._spans.append(Span(Item(self._new_id(), position), manual))
        return span

    def begin(self, segment: int, at: int, padding: int) -> tuple[Span, Item]:
        """A segment's span and item. padding: samples before its onset that are decoded with it."""
        while self._spans[0].dropped and (self._spans[0].end or 0) <= at:
            self._forget()
        span = next(each for each in self._spans if each.end is None or at < each.end)
        item = span.item if span.manual else Item(self._new_id(), max(self.ended, at - padding))
        self._segments[segment] = span, item
        return span, item

    def of(self, segment: int) -> tuple[Span, Item]:
        return self._segments[segment]

    def close(self, segment: int) -> tuple[Span, Item]:
        """The same, for the last time."""
        return self._segments.pop(segment)

    def finalized(self, id: str | None) -> Span:
        """The span whose item has this id: all of its segments are closed."""
        while (span := self._forget()).item.id != id:
            pass
        return span

    def cleared(self) -> None:
        """The next clear is done. Forget the spans that no segment can belong to any more."""
        self._cleared += 1
        while not self._segments and self._cleared and self._spans[0].dropped:
            self._forget()

    def _forget(self) -> Span:
        span = self._spans.popleft()
        self._cleared -= span.dropped
        return span
