"""A recording with its reference, and what a server said of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from steno.bench import wer
from steno.bench.heard import Talk
from steno.bench.play import Play
from steno.bench.reference import Reference
from tests.benchmarks.baselines import Span


@dataclass(frozen=True, slots=True)
class Recording:
    path: Path
    reference: Reference
    heard: Talk

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def play(self) -> Play:
        return Play(self.reference, tuple(self.heard.segments))

    @property
    def utterances(self) -> list[Span]:
        return [(each.start, each.end) for each in self.reference.utterances]

    def errors(self, text: str) -> int:
        return wer.errors(self.reference.said, wer.normalized(text))
