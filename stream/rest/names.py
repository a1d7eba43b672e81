"""Names of models: the server's own, and those of the vendors for which one of its own stands in.

Knows nothing of engines but their names and cards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from models.base import ModelCard, Task
from stream.errors import UnknownModel, Unsupported

Cards = Mapping[str, ModelCard | None]
"""The server's models by name, in the operator's order; None for one that is not ready."""


@dataclass(frozen=True, slots=True)
class Alias:
    """A vendor's model. `kind`: that of a model that is the same, None where there is none; `chats`: whether it answers
    as well as it transcribes."""

    vendor: Literal["openai", "mistral", "deepgram"]
    kind: str | None = None
    chats: bool = False


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
        Alias("mistral", "voxtral", chats=True),
    ),
    **dict.fromkeys(
        ("voxtral-mini-transcribe-realtime-2602", "voxtral-mini-transcribe-realtime-latest"),
        Alias("mistral", "voxtral_realtime"),
    ),
    **dict.fromkeys(("nova-3", "nova-3-general", "nova-2", "nova-2-general"), Alias("deepgram")),
}


CHATTING = "`--model voxtral:mistralai/Voxtral-Mini-3B-2507`"
"""How a server gets a model that can."""


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


def resolve_chat(name: str | None, cards: Cards) -> str:
    """The server's model that answers chats in `name`; None and a vendor's name stand for the best that can.

    The best is ready and of the kind that is named. Raises UnknownModel, and Unsupported for one that can't chat.
    """
    alias = None if name is None else ALIASES.get(name)
    able = [own for own, card in cards.items() if _chats(card)]
    hint = f"{', '.join(f'`{own}`' for own in able)} can chat" if able else f"start the server with {CHATTING}"
    if name is not None and name in cards:
        if cards[name] is None or _chats(cards[name]):
            return name
        raise Unsupported(f"model `{name}` can't chat", hint=hint, param="model")
    if name is not None and alias is None:
        raise UnknownModel(f"no model `{name[:100]}`", hint=hint)
    if alias is not None and not alias.chats:
        raise Unsupported(f"`{name}` is the name of a model that can't chat", hint=hint, param="model")
    able = able or [own for own, card in cards.items() if card is None]
    if not able:
        raise Unsupported("no model of this server can chat", hint=hint, param="model")
    kind = alias.kind if alias else None

    def other(own: str) -> bool:
        card = cards[own]
        return kind is not None and card is not None and not card.kind.startswith(kind)

    return min(able, key=other)


def _chats(card: ModelCard | None) -> bool:
    return card is not None and card.chat_audio_s is not None


def entries(cards: Cards, created: int) -> list[dict[str, Any]]:
    """What GET /v1/models lists: the server's own models, the default first, then the names they stand in for.

    created: Unix time, the same for all; both vendors' clients want one.
    """
    stands_for: dict[str, list[str]] = {name: [] for name in cards}
    for alias in ALIASES:
        if alias not in cards:
            stands_for[resolve(alias, cards)].append(alias)
    listed = [_entry(name, None, cards, created, aliases) for name, aliases in stands_for.items()]
    return listed + [_entry(alias, name, cards, created, []) for name in stands_for for alias in stands_for[name]]


def entry(name: str, cards: Cards, created: int) -> dict[str, Any]:
    """What GET /v1/models/{name} tells. Raises UnknownModel."""
    for each in entries(cards, created):
        if each["id"] == name:
            return each
    resolve(name, cards)
    raise AssertionError(f"{name} is known, but not listed")


def _entry(name: str, alias_of: str | None, cards: Cards, created: int, aliases: Sequence[str]) -> dict[str, Any]:
    """Fields that the vendors' clients want, then those of our own."""
    card = cards[alias_of or name]
    # A name may stand for one model that transcribes best, and for another that can chat.
    chats = ALIASES[name].chats and any(map(_chats, cards.values())) if alias_of else _chats(card)
    return {
        "id": name,
        "object": "model",
        "created": created,
        "owned_by": "steno",
        # Mistral's client takes no entry without these two.
        "type": "base",
        "capabilities": {"completion_chat": chats, "audio_transcription": True},
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
