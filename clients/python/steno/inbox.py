"""Events that wait for a reader: whatever is out of date gives way, nothing that counts is lost.

A slow reader so costs memory by segments, never by updates. Knows nothing of sockets or tasks.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from itertools import count

from steno.events import Ack, Event, Final, Partial, Suppressed


class Inbox:
    def __init__(self) -> None:
        self._waiting: OrderedDict[Hashable, Event] = OrderedDict()
        self._numbers = count()

    def put(self, event: Event) -> None:
        """Add an event behind the others, in place of those that it makes out of date."""
        match event:
            case Partial(segment=segment):
                key: Hashable = (Partial, segment)
            case Ack():
                key = Ack
            case _:
                key = next(self._numbers)
        if isinstance(event, Final | Suppressed):
            self._waiting.pop((Partial, event.segment), None)
        self._waiting.pop(key, None)
        self._waiting[key] = event

    def take(self) -> Event:
        """The event that has waited longest; raises KeyError when there is none."""
        _, event = self._waiting.popitem(last=False)
        return event

    def __len__(self) -> int:
        return len(self._waiting)
