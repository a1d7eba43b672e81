"""Text that is only ever added to, for dialects that can't take anything back.

Knows nothing of any dialect's messages.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from stream.events import Final, Partial
from stream.rest.segments import spaced
from stream.text import render, stable_length


@dataclass(frozen=True, slots=True)
class Spoken:
    """A segment that has ended; samples at 16 kHz since the session's first one."""

    text: str
    start: int
    end: int


class Passage:
    """What is said from `begun` (like `Finalized.at`) to some later moment. `segments` are those that have ended in it:
    their texts, joined, are its text."""

    def __init__(self, begun: int = 0) -> None:
        self.begun = begun
        self.segments: list[Spoken] = []
        self.words = 0
        self._told: list[str] = []
        self._open = ""
        """What has been told of the segment under way."""
        self._lead = ""
        self._languages: Counter[str] = Counter()

    @property
    def text(self) -> str:
        return "".join(self._told)

    @property
    def language(self) -> str | None:
        """The one spoken longest."""
        return max(self._languages, key=self._languages.__getitem__, default=None)

    def add(self, event: Partial | Final, stable: int) -> str:
        """What `event.words[:stable]` have to say that was not told before, with the space it takes."""
        text = render(event.words)
        text = text if isinstance(event, Final) else text[: stable_length(event.words, stable)]
        if not self._open:
            self._lead = " " if self._told and spaced(event.words, event.language) else ""
        delta = (self._lead + text)[len(self._open) :] if text else ""
        if delta:
            self._open += delta
            self._told.append(delta)
        return delta

    def close(self, final: Final) -> Spoken:
        """The segment whose final was added last."""
        self.words += len(final.words)
        if final.language:
            self._languages[final.language] += final.end - final.start
        spoken = Spoken(self._open, final.start, final.end)
        self.segments.append(spoken)
        self.drop()
        return spoken

    def drop(self) -> None:
        """The segment under way has no more to say."""
        self._open = ""
