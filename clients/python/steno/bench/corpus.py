"""A folder of recordings with a `refs.jsonl`: which of them to play, and their sound.

Knows nothing of sessions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from steno.bench.reference import BadReference, Reference, references
from steno.errors import AudioError
from steno.recording import Recording, describe

REFERENCES = "refs.jsonl"


@dataclass(frozen=True, slots=True)
class Entry:
    """A recording with its reference. Entries of equal `kind` can be played in one session."""

    recording: Recording
    reference: Reference

    @property
    def kind(self) -> tuple[str | None, int]:
        return self.reference.language, self.recording.sample_rate


def read(folder: Path, *, files: Sequence[str] = (), detect: bool = False) -> list[Entry]:
    """All entries of a corpus, or those of the files that are named.

    detect: forget the references' languages, so that sessions are opened without.
    Raises OSError without a `refs.jsonl`, BadReference for what it says, AudioError for a file.
    """
    path = folder / REFERENCES
    rows = references(path.read_text(encoding="utf-8").splitlines(), str(path))
    if strange := set(files) - {row.file for row in rows}:
        raise BadReference(f"{path} has no {', '.join(sorted(strange))}")
    chosen = [row for row in rows if not files or row.file in files]
    if not chosen:
        raise BadReference(f"{path} names no recordings")
    return [Entry(_mono(folder / row.file), replace(row, language=None) if detect else row) for row in chosen]


def sound(entry: Entry) -> bytes:
    """All of a recording, as pcm_s16le."""
    return b"".join(entry.recording.chunks(60))


def _mono(path: Path) -> Recording:
    recording = describe(str(path))
    if recording.channels != 1:
        raise AudioError(f"{path} has {recording.channels} channels; a reference is of one")
    return recording
