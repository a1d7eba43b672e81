"""What is said in a recording, by people or an aligner: a row of `refs.jsonl`, and offline texts to compare with.

Pure; knows nothing of audio. Times are seconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from steno.bench.wer import normalized
from steno.errors import StenoError


@dataclass(frozen=True, slots=True)
class Span:
    """A word or an utterance: what is said, and from when to when."""

    text: str
    start: float
    end: float

    @property
    def middle(self) -> float:
        return (self.start + self.end) / 2

    def moved(self, seconds: float) -> Span:
        return Span(self.text, self.start + seconds, self.end + seconds)


@dataclass(frozen=True, slots=True)
class Reference:
    """`text` is empty where nobody speaks; `words` and `utterances` are empty where they aren't known."""

    file: str
    text: str
    language: str | None = None
    words: tuple[Span, ...] = ()
    utterances: tuple[Span, ...] = ()

    @property
    def said(self) -> list[str]:
        """The words as they are compared."""
        return normalized(self.text)

    def moved(self, seconds: float) -> Reference:
        """The same, where the recording begins so much later."""
        return replace(
            self,
            words=tuple(word.moved(seconds) for word in self.words),
            utterances=tuple(utterance.moved(seconds) for utterance in self.utterances),
        )


class BadReference(StenoError):
    """A line that can't be used; the message says which and why."""


def references(lines: Iterable[str], source: str) -> list[Reference]:
    """One for each line of a `refs.jsonl`; `source` is what errors call it. Raises BadReference."""
    return [_read(line, f"{source}, line {number}") for number, line in enumerate(lines, 1) if line.strip()]


def offline_texts(lines: Iterable[str], source: str) -> dict[str, str]:
    """Texts by file, of lines with `file` and `text`. Raises BadReference."""
    return {reference.file: reference.text for reference in references(lines, source)}


def _read(line: str, where: str) -> Reference:
    try:
        return _reference(json.loads(line))
    except KeyError as missing:
        raise BadReference(f"{where}: {missing} is missing") from None
    except (ValueError, TypeError) as error:
        raise BadReference(f"{where}: {error}") from None


def _reference(row: Any) -> Reference:
    return Reference(
        file=str(row["file"]),
        text=str(row["text"]),
        language=row.get("language"),
        words=tuple(_span(each, "word") for each in row.get("words", ())),
        utterances=tuple(_span(each, "text") for each in row.get("utterances", ())),
    )


def _span(row: Any, text: str) -> Span:
    return Span(str(row[text]), float(row["start"]), float(row["end"]))
