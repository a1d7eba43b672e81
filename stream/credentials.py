"""Where a request may carry its key: in headers, or, as browsers can't send those, in the names of subprotocols.

Knows nothing of which keys are good. A key in a URL is none: URLs end up in logs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

SCHEMES = ("bearer", "token")
"""Of `Authorization`; without any, the whole value is the key. As subprotocols, they announce that the next one is."""
PREFIXES = ("steno.key.", "openai-insecure-api-key.")
"""What a subprotocol begins with that holds a key behind it."""
TOKEN = "rt_"
"""What a subprotocol begins with that is a token itself, as Mistral's browser clients offer it."""


def presented(headers: Iterable[tuple[str, str]]) -> list[str]:
    """The keys that a request carries. headers: names in lower case, with their values."""
    keys: list[str] = []
    offered: list[str] = []
    for name, value in headers:
        if name == "x-api-key":
            keys.append(value.strip())
        elif name == "authorization":
            keys.append(_authorized(value))
        elif name == "sec-websocket-protocol":
            offered += [each.strip() for each in value.split(",")]
    return [key for key in keys + _split(offered)[0] if key]


def selectable(offered: Sequence[str]) -> list[str]:
    """The subprotocols that an answer may select: those that hold no key."""
    return _split(offered)[1]


def _authorized(value: str) -> str:
    scheme, space, credentials = value.strip().partition(" ")
    if scheme.lower() in SCHEMES:
        return credentials.strip()
    return "" if space else scheme


def _split(offered: Sequence[str]) -> tuple[list[str], list[str]]:
    """The keys in the names of subprotocols, and the names that hold none."""
    keys: list[str] = []
    names: list[str] = []
    remaining = iter(offered)
    for name in remaining:
        if prefix := next((each for each in PREFIXES if name.startswith(each)), None):
            keys.append(name.removeprefix(prefix))
        elif name.startswith(TOKEN):
            keys.append(name)
        else:
            names.append(name)
            if name.lower() in SCHEMES:
                keys.append(next(remaining, ""))
    return keys, names
