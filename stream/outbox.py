"""What waits to be sent to one client: numbered events, all of them; partials and acks, only the latest.

Knows nothing of sockets and wire formats.
"""

from __future__ import annotations

from collections.abc import Hashable

from stream.events import Ack, Event, Final, Partial, Suppressed


class Outbox:
    """A queue that a slow reader can't grow by partials: a newer one takes its predecessor's place.

    Nothing else is dropped: the owner decides how many `waiting` are too many.
    """

    def __init__(self) -> None:
        self._queue: dict[Hashable, tuple[int | None, Event]] = {}
        self._seq = 0
        self.superseded = 0

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def put(self, event: Event) -> int | None:
        """The event's number, if it has one."""
        if event.numbered:
            if isinstance(event, Final | Suppressed):
                self._supersede(("partial", event.segment))
            self._seq += 1
            self._queue[self._seq] = (self._seq, event)
            return self._seq
        if isinstance(event, Partial):
            self._supersede(key := ("partial", event.segment))
            self._queue[key] = (None, event)
        elif isinstance(event, Ack):
            # To the back, behind the finals that its `durable` speaks of: a client forgets audio on its word.
            self._queue.pop("ack", None)
            self._queue["ack"] = (None, event)
        else:
            self._queue[object()] = (None, event)
        return None

    def take(self) -> tuple[int | None, Event] | None:
        """The next event with its number, or None when nothing waits."""
        if not self._queue:
            return None
        return self._queue.pop(next(iter(self._queue)))

    def _supersede(self, key: Hashable) -> None:
        if self._queue.pop(key, None):
            self.superseded += 1
