"""What happened in a run: all sessions that were asked for, and what each played and heard.

Pure; knows nothing of what is measured.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from steno.bench.corpus import Entry
from steno.bench.heard import Talk
from steno.bench.plan import length_s
from steno.bench.play import Play, plays
from steno.bench.usage import Reading
from steno.errors import StenoError


@dataclass
class Attempt:
    """A session that was asked for: what it played and heard, and what it failed of."""

    entries: tuple[Entry, ...]
    talk: Talk = field(default_factory=Talk)
    error: StenoError | None = None


@dataclass
class Run:
    """began: on the event loop's clock; readings, and plays, count from there."""

    began: float
    attempts: list[Attempt] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)

    @property
    def plays(self) -> list[Play]:
        """Of all sessions that came to their end: what others heard is the server's or nobody's fault."""
        return [
            play
            for attempt in self.attempts
            if attempt.talk.done
            for play in plays(
                [(entry.reference, length_s(entry)) for entry in attempt.entries],
                attempt.talk.segments,
                attempt.talk.began - self.began,
            )
        ]
