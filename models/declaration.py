"""steno.json: what a model directory says of itself that its weights don't. Every field may be left out."""

from __future__ import annotations

from pathlib import Path

import msgspec

from models.base import Task


class Declaration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """languages, tasks: those that the model was trained for, where they are fewer than it has tokens for.
    context_s: seconds behind the speech that the encoder is to be given at least; None: all windows are padded to 30 s.
    """

    languages: tuple[str, ...] | None = None
    tasks: tuple[Task, ...] | None = None
    context_s: float | None = None


NOTHING = Declaration()


def declared(directory: Path) -> Declaration:
    """Read `directory`/steno.json, if there is one. Raises ValueError for one that says something else."""
    path = directory / "steno.json"
    if not path.is_file():
        return NOTHING
    try:
        return msgspec.json.decode(path.read_bytes(), type=Declaration)
    except msgspec.DecodeError as error:
        raise ValueError(f"{path}: {error}; fields are {', '.join(Declaration.__struct_fields__)}") from error
