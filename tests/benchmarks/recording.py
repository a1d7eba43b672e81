"""A recording with its reference, and what a server said of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steno.bench import wer
from steno.bench.heard import Talk
from tests.benchmarks.baselines import Span

Row = dict[str, Any]
"""Of a `refs.jsonl`, see `accuracy`."""


@dataclass(frozen=True, slots=True)
class Recording:
    path: Path
    row: Row
    heard: Talk

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def said(self) -> list[str]:
        return wer.normalized(self.row["text"])

    @property
    def utterances(self) -> list[Span]:
        return [(each["start"], each["end"]) for each in self.row.get("utterances", [])]

    def errors(self, text: str) -> int:
        return wer.errors(self.said, wer.normalized(text))
