"""Names of models: the server's own, and those of the vendors for which one of its own stands in.

Knows nothing of engines but their names and cards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from models.base import ModelCard, Task
from stream.errors import UnknownModel

Cards = Mapping[str, ModelCard | None]
"""The server's models by name, in the operator's order; None for one that is not ready."""


@dataclass(frozen=True, slots=True)
class Alias:
    """A vendor's model. `kind`: that of a model that is the same, None where there is none."""

    vendor: Literal["openai", "mistral", "deepgram"]
    kind: str | None = None


# Names that promise more than words and times, such as those that tell speakers apart, are left out on purpose.
ALIASES = {
    **dict.fromkeys(("whisper-1", "gpt-realtime-whisper"), Alias("openai", "whisper")),
    **dict.fromkeys(
        (
            *("gpt-transcribe", "gpt-live-transcribe"),
            *("gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-4o-mini-transcribe-2025-12-15"),
        ),
        Alias("openai"),
    ),
    **dict.fromkeys(
        ("voxtral-mini-latest", "voxtral-mini-2507", "voxtral-small-latest", "voxtral-small-2507"),
        Alias("mistral", "voxtral"),
    ),
    **dict.fromkeys(
        ("voxtral-mini-transcribe-realtime-2602", "voxtral-mini-transcribe-realtime-latest"),
        Alias("mistral", "voxtral_realtime"),
    ),
    **dict.fromkeys(("nova-3", "nova-3-general", "nova-2", "nova-2-general"), Alias("deepgram")),
}


def resolve(name: str | None, cards: Cards, task: Task = "transcribe", languages: Sequence[str] = ()) -> str:
    """The server's model that `name` stands for; None and a vendor's name stand for the best.

    The best is ready, can do `task`, knows `languages` and is of the kind that is named, or at least of its family, the
    earlier of these counting for more; among equals the operator's first. Raises UnknownModel.
    """
    if name is not None and name in cards:
        return name
    if name is not None and name not in ALIASES:
        own = ", ".join(f"`{each}`" for each in cards)
        raise UnknownModel(f"no model `{name[:100]}`", hint=f"this server has {own}; see GET /v1/models")
    kind = None if name is None else ALIASES[name].kind

    def misfit(own: str) -> tuple[bool, bool, bool, int]:
        card = cards[own]
        if card is None:
            return True, True, True, 0
        distance = 0 if kind is None else _distance(card.kind, kind)
        return False, task not in card.tasks, not set(languages) <= set(card.languages), distance

    return min(cards, key=misfit)


def _distance(kind: str, wanted: str) -> int:
    """0 for the same kind, 1 for another of its family, such as voxtral and voxtral_realtime, 2 for all others."""
    return 0 if kind == wanted else 1 if kind.partition("_")[0] == wanted.partition("_")[0] else 2


def entries(cards: Cards, created: int) -> list[dict[str, Any]]:
    """What GET /v1/models lists: the server's own models, the default first, then the names they stand in for.

    created: Unix time, the same for all; both vendors' clients want one.
    """
    stands_for: dict[str, list[str]] = {name: [] for name in cards}
    for alias in ALIASES:
        if alias not in cards:
            stands_for[resolve(alias, cards)].append(alias)
    listed = [_entry(name, None, cards[name], created, aliases) for name, aliases in stands_for.items()]
    return listed + [
        _entry(alias, name, cards[name], created, []) for name, aliases in stands_for.items() for alias in aliases
    ]


def entry(name: str, cards: Cards, created: int) -> dict[str, Any]:
    """What GET /v1/models/{name} tells. Raises UnknownModel."""
    for each in entries(cards, created):
        if each["id"] == name:
            return each
    resolve(name, cards)
    raise AssertionError(f"{name} is known, but not listed")


def _entry(
    name: str, alias_of: str | None, card: ModelCard | None, created: int, aliases: Sequence[str]
) -> dict[str, Any]:
    """Fields that the vendors' clients want, then those of our own."""
    return {
        "id": name,
        "object": "model",
        "created": created,
        "owned_by": "steno",
        # Mistral's client takes no entry without these two.
        "type": "base",
        "capabilities": {"completion_chat": False, "audio_transcription": True},
        "aliases": list(aliases),
        "alias_of": alias_of,
        "kind": card and card.kind,
        "languages": card and list(card.languages),
        "detects_language": card and card.detects,
        "tasks": card and list(card.tasks),
        "prompt": card and card.prompt,
        "keywords": card and card.keywords,
        "word_times": card and card.word_times,
        "ready": card is not None,
    }
