"""Whose dialect a request speaks: told by its path, else by what only one vendor's clients send.

Knows nothing of what the fields mean.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Literal

from stream.rest.fields import Pairs, unquoted
from stream.rest.names import ALIASES

Dialect = Literal["openai", "mistral", "deepgram"]

PREFIXES: dict[str, Dialect] = {"openai": "openai", "mistral": "mistral", "deepgram": "deepgram"}
"""First parts of a path that settle it."""
USER_AGENTS: tuple[tuple[str, Dialect], ...] = (
    ("mistral-client-", "mistral"),
    ("openai/", "openai"),
    ("asyncopenai/", "openai"),
    ("deepgram", "deepgram"),
)
MISTRALS = {"file_url", "file_id", "context_bias", "diarize", "speaker_references"}
OPENAIS = {"response_format", "include", "chunking_strategy", "prompt", "languages", "keywords"}
OPENAIS |= {"known_speaker_names", "known_speaker_references"}
"""Fields that only one of the two has."""


def of_path(path: str) -> Dialect | None:
    """The dialect that a path settles, whatever else is sent: by its first part, or by being Deepgram's."""
    first, _, rest = path.removeprefix("/").partition("/")
    if first in PREFIXES:
        return PREFIXES[first]
    return "deepgram" if f"{first}/{rest}".removesuffix("/") == "v1/listen" else None


def settled(path: str, user_agent: str) -> Dialect | None:
    """The dialect that a request's path or client settles, before its body is read; None if neither does."""
    if by_path := of_path(path):
        return by_path
    return next((dialect for start, dialect in USER_AGENTS if user_agent.lower().startswith(start)), None)


def told(
    path: str,
    pairs: Pairs = (),
    *,
    user_agent: str = "",
    accept: str = "",
    x_api_key: bool = False,
    mistrals: Set[str] = MISTRALS,
    openais: Set[str] = OPENAIS,
) -> Dialect:
    """The dialect of a request, from the most reliable sign to the least; OpenAI's where there is none.

    pairs: the names and values of the body as far as it was read. x_api_key: the key came in a header of that name,
    which Mistral's documentation does and OpenAI's clients never do. mistrals, openais: fields of this route that only
    one of the two has.
    """
    if known := settled(path, user_agent):
        return known
    names = {name for name, _ in pairs}
    if names & mistrals:
        return "mistral"
    bases = {name.partition("[")[0] for name in names}
    if bases & openais or "timestamp_granularities[]" in names:
        return "openai"
    for name, value in pairs:
        if name == "model" and (alias := ALIASES.get(unquoted(value))):
            return alias.vendor
    if "timestamp_granularities" in names or "text/event-stream" in accept or x_api_key:
        return "mistral"
    return "openai"
