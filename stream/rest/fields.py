"""Fields of a form, a query or a JSON body, read by name and checked: each wrong one is an error that names it.

Knows nothing of what the fields mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from stream.errors import BadRequest

Pairs = Sequence[tuple[str, str]]
"""Names and values as they came, repeated names in order."""

SHOWN = 100
"""Characters of a wrong value that an error repeats."""
NAMED = 20
"""Names that are told as ignored at most; a header has to hold them."""

LIST_NAME = re.compile(r"([^\[\]]+)\[[0-9]*\]")
HEADER_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
NOTHING_ASKED = ("", "false", "none", "null", "[]", "{}")
FLAGS = {"true": True, "1": True, "false": False, "0": False}


class WrongField(BadRequest):
    """A field that is missing, or whose value is none of those allowed."""

    def __init__(self, field: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint, param=field)


class Fields:
    """Fields to be read by name. Lists may be named `x`, `x[]` or `x[0]`; an empty value is the same as none.

    Double quotes around a whole value are taken off: shells and documentation leave them there.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        self._read: set[str] = set()
        for name, value in pairs:
            found = LIST_NAME.fullmatch(name)
            self._values.setdefault(found[1] if found else name, []).append(value)

    def whole(self, name: str) -> str | None:
        """The value of `name` as it came. Raises WrongField where it came twice and differs."""
        self._read.add(name)
        values = {value: None for value in self._values.get(name, ()) if value}
        if len(values) > 1:
            raise WrongField(name, f"`{name}` is given {len(values)} times, with different values")
        return next(iter(values), None)

    def one(self, name: str) -> str | None:
        """The value of `name` without quotes around it. Raises WrongField as `whole`."""
        value = self.whole(name)
        return (unquoted(value) or None) if value else None

    def many(self, name: str, *, split: bool = False) -> tuple[str, ...]:
        """All values of `name`, each once; with `split` a value may hold several, with commas between them."""
        self._read.add(name)
        values: Iterable[str] = map(unquoted, self._values.get(name, ()))
        if split:
            values = (part for value in values for part in value.split(","))
        return tuple(dict.fromkeys(value.strip() for value in values if value.strip()))

    def flag(self, name: str) -> bool:
        """Whether `name` is true; false where it isn't there. Raises WrongField."""
        value = self.one(name)
        if value is None:
            return False
        if value.lower() not in FLAGS:
            raise WrongField(name, f"`{name}` is {shown(value)}; it is `true` or `false`")
        return FLAGS[value.lower()]

    def number(self, name: str, least: float, most: float) -> float | None:
        """The number that `name` is. Raises WrongField for one that is not from `least` to `most`."""
        value = self.one(name)
        if value is None:
            return None
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not least <= number <= most:  # not a number is neither
            raise WrongField(name, f"`{name}` is {shown(value)}; it is a number from {least:g} to {most:g}")
        return number

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        """The value of `name`, one of `choices`. Raises WrongField."""
        value = self.one(name) or default
        require_choice(name, value, choices)
        return value

    def unread(self) -> tuple[str, ...]:
        """Names that nobody has read and that ask for something, fit for a header; sub-fields (`x[y]`) by their field.

        A field whose value is false or empty asks for nothing.
        """
        named: dict[str, None] = {}
        for name, values in self._values.items():
            base = name.partition("[")[0]
            asks = any(unquoted(value).lower() not in NOTHING_ASKED for value in values)
            if asks and name not in self._read and HEADER_NAME.fullmatch(base):
                named[base] = None
        return tuple(named)[:NAMED]


def require_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """Raise WrongField unless `value` is one of `choices`."""
    if value not in choices:
        allowed = ", ".join(f"`{each}`" for each in choices)
        raise WrongField(name, f"`{name}` is {shown(value)}; it is one of {allowed}")


def unquoted(value: str) -> str:
    """`value` without space around it and without one pair of double quotes around the whole."""
    value = value.strip()
    return value[1:-1].strip() if len(value) > 1 and value[0] == value[-1] == '"' else value


def shown(value: str) -> str:
    """A value as an error repeats it."""
    return f"`{value[:SHOWN]}…`" if len(value) > SHOWN else f"`{value}`"


def json_pairs(body: bytes) -> list[tuple[str, str]]:
    """A JSON object as the fields of a form: lists repeat their name, objects become `name[key]`, null is left out.

    Raises BadRequest for a body that is no JSON object.
    """
    try:
        message = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadRequest(f"the body is not JSON: {error}") from None
    if not isinstance(message, dict):
        raise BadRequest("the body is not a JSON object")
    pairs: list[tuple[str, str]] = []
    for name, value in message.items():
        if isinstance(value, list):
            pairs += [(name, _text(each)) for each in value if each is not None]
        elif isinstance(value, dict):
            pairs += [(f"{name}[{key}]", _text(each)) for key, each in value.items() if each is not None]
        elif value is not None:
            pairs.append((name, _text(value)))
    return pairs


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
