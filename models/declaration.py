"""steno.json: what a model directory says of itself that its weights don't. Every field may be left out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from models.base import Task

CARRIED = 32
"""Tokens at most: the more a Whisper is told of what was said before, the likelier it says that again."""

ODDS = 0.1
"""With this weight one threshold tells babble from the first second of speech in whisper-micro; either number alone
does not."""

Seconds = Annotated[float, msgspec.Meta(ge=0, le=30)]


class Context(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds of silence that the encoder is to be given behind the speech, at least, in steps for partials and in
    those that may become finals; None: windows are padded to 30 s. least: no window is shorter than this."""

    partial: Seconds | None = None
    final: Seconds | None = None
    least: Seconds = 0.0


class Declaration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """languages, tasks: those that the model was trained for, where they are fewer than it has tokens for.

    carry_tokens: how much of what was said before an utterance it is told.
    least_sure: what a window says is dropped where the mean log-probability of its text, less ODDS of the log-odds of
    the no-speech token, is lower.
    """

    languages: tuple[str, ...] | None = None
    tasks: tuple[Task, ...] | None = None
    context_s: Context = Context()
    carry_tokens: Annotated[int, msgspec.Meta(ge=0, le=CARRIED)] = 0
    least_sure: float | None = None


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
