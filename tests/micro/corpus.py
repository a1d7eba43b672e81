"""A folder of speech with its `refs.jsonl`: written by `speak`, read by whoever learns or judges.

A row holds `file`, `text`, `words` [{word, start, end}] and `utterances` [{start, end, text}] in seconds, `language`,
`voice`, `quality`.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from tests.micro.voices import SpokenWord

RATE = 16_000
Samples = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Clip:
    """What was said in one file. utterances: first and last word of each, as numbers of words, last excluded."""

    file: str
    samples: Samples
    words: tuple[SpokenWord, ...]
    utterances: tuple[tuple[int, int], ...]
    language: str
    voice: str
    quality: str

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)

    def row(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "text": self.text,
            "words": [
                {"word": word.text, "start": round(word.start, 3), "end": round(word.end, 3)} for word in self.words
            ],
            "utterances": [
                {
                    "start": round(self.words[first].start, 3),
                    "end": round(self.words[last - 1].end, 3),
                    "text": " ".join(word.text for word in self.words[first:last]),
                }
                for first, last in self.utterances
            ],
            "language": self.language,
            "voice": self.voice,
            "quality": self.quality,
        }


def write(directory: Path, clip: Clip) -> None:
    """Write the audio, and then the row that says it is there."""
    soundfile.write(directory / clip.file, clip.samples, RATE, subtype="PCM_16")
    with (directory / "refs.jsonl").open("a") as refs:
        refs.write(json.dumps(clip.row(), ensure_ascii=False) + "\n")


def read(directory: Path) -> list[Clip]:
    """All clips of a folder."""
    rows = [json.loads(line) for line in (directory / "refs.jsonl").read_text().splitlines()]
    with ThreadPoolExecutor() as threads:
        return list(threads.map(lambda row: _clip(directory, row), rows))


def _clip(directory: Path, row: dict[str, Any]) -> Clip:
    samples, _ = soundfile.read(directory / row["file"], dtype="int16")
    utterances, first = [], 0
    for utterance in row["utterances"]:
        last = first + len(utterance["text"].split())
        utterances.append((first, last))
        first = last
    words = tuple(SpokenWord(word["word"], word["start"], word["end"]) for word in row["words"])
    return Clip(row["file"], samples, words, tuple(utterances), row["language"], row["voice"], row["quality"])
