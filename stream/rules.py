"""Rules of the call view: which words raise a card, and what it says. Reads them from a file, and checks them.

Knows nothing of calls, nor of how a page finds the words.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec

from stream.automata import Automaton
from stream.errors import BadRequest
from stream.patterns import compile_rule, plain_words

EXAMPLE = Path(__file__).parent / "assets" / "rules.toml"
MAX_BYTES, MAX_RULES, MAX_PLACES = 256 << 10, 200, 20_000
"""Of one file; the places are those of its automata together, which the page goes through."""
HEADER = re.compile(r"\s*\[\[\s*rule\s*\]\]")

Side = Literal["caller", "agent"]
"""Who says it: channel 0, channel 1."""
Severity = Literal["info", "warning", "urgent"]
CHOICES = {"side": get_args(Side), "severity": get_args(Severity)}
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Phrases = Annotated[tuple[Text, ...], msgspec.Meta(min_length=1, max_length=200)]

SPOKEN = (
    "zero one two three four five six seven eight nine",
    "null eins zwei drei vier fünf sechs sieben acht neun",
    "zéro - deux trois quatre cinq - sept huit neuf",
    "cero uno dos tres cuatro cinco seis siete ocho nueve",
)
"""Digits in English, German, French and Spanish, but for words that mean something else in another of them."""
DIGITS = {
    word: digit
    for language in SPOKEN
    for digit, name in enumerate(language.split())
    if name != "-"
    for word in plain_words(name)
} | {"oh": 0, "zwo": 2}


class _Written(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A rule as its author writes it."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    hint: Text
    phrases: Phrases = ()
    pattern: Text | None = None
    side: Side | None = None
    severity: Severity = "info"
    cooldown_s: Annotated[float, msgspec.Meta(ge=1)] | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """side: None for either. cooldown_s: seconds of the call after which it may raise a card again; None: never."""

    name: str
    hint: str
    side: Side | None
    severity: Severity
    cooldown_s: float | None
    automaton: Automaton


@dataclass(frozen=True, slots=True)
class RuleSet:
    """digits: words, in plain text, that stand for a digit."""

    rules: tuple[Rule, ...]
    digits: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOptions:
    rules: str | None = field(
        default=None,
        metadata={"help": "TOML file of words that raise cards at /call (default: examples; see steno-server rules)"},
    )


class RuleFile:
    """The file of `options`, else the examples. Raises what `parse` does, and OSError where it can't be read."""

    def __init__(self, options: RuleOptions) -> None:
        self.is_example = options.rules is None
        self.path = EXAMPLE if options.rules is None else Path(options.rules)
        self._stamp = _stamp(self.path)
        self._rules = read(self.path)
        self._problem: str | None = None

    def latest(self) -> tuple[RuleSet, str | None]:
        """The rules as they are in the file now; while it is wrong, those before, and what is wrong with it."""
        stamp = _stamp(self.path)
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._rules, self._problem = read(self.path), None
            except BadRequest as error:
                self._problem = error.message
            except OSError as error:
                self._problem = f"{self.path.name}: {error.strerror}"
        return self._rules, self._problem


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What is different once a file has changed; None where it is gone."""
    try:
        told = path.stat()
    except OSError:
        return None
    return told.st_ino, told.st_mtime_ns, told.st_size


def read(path: Path) -> RuleSet:
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    return parse(content, path.name)


def parse(content: bytes, name: str) -> RuleSet:
    """The rules of a TOML file of that name; raises BadRequest saying what is wrong with which rule."""
    if len(content) > MAX_BYTES:
        raise BadRequest(f"{name} has more than {MAX_BYTES >> 10} KiB")
    try:
        text = content.decode()
        document = tomllib.loads(text)
    except UnicodeDecodeError:
        raise BadRequest(f"{name} is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise BadRequest(f"{name} is not TOML: {error}") from None
    if unknown := document.keys() - {"rule", "digits"}:
        raise BadRequest(f"{name}: `{min(unknown)}` is neither a [[rule]] nor the table [digits]")
    digits = DIGITS | _digits(document.get("digits", {}), name)
    tables = document.get("rule", [])
    if not isinstance(tables, list) or len(tables) > MAX_RULES:
        raise BadRequest(f"{name}: rules are at most {MAX_RULES} tables, each begun with [[rule]]")
    starts = [number for number, line in enumerate(text.splitlines(), 1) if HEADER.match(line)]
    rules: list[Rule] = []
    for number, table in enumerate(tables):
        called = f' "{table["name"]}"' if isinstance(table, dict) and isinstance(table.get("name"), str) else ""
        where = f", line {starts[number]}" if len(starts) == len(tables) else ""
        try:
            rules.append(_rule(table, digits))
        except ValueError as error:
            raise BadRequest(f"{name}{where}, rule {number + 1}{called}: {error}") from None
    if len({rule.name for rule in rules}) < len(rules):
        twice = next(rule.name for rule in rules if sum(each.name == rule.name for each in rules) > 1)
        raise BadRequest(f'{name}: two rules have the name "{twice}"; cards are told apart by it')
    if sum(len(rule.automaton.sets) for rule in rules) > MAX_PLACES:
        raise BadRequest(f"{name}: all phrases and patterns together are too long, over {MAX_PLACES} characters")
    return RuleSet(tuple(rules), digits)


def _rule(table: Any, digits: Mapping[str, int]) -> Rule:
    try:
        written = msgspec.convert(table, _Written)
    except msgspec.ValidationError as error:
        told = _explained(error)
        allowed = next((f"; it is {' or '.join(each)}" for name, each in CHOICES.items() if f"`{name}`" in told), "")
        raise ValueError(told + allowed) from None
    if not written.phrases and written.pattern is None:
        raise ValueError("it needs `phrases` or a `pattern`")
    automaton = compile_rule(written.phrases, written.pattern, digits)
    return Rule(written.name, written.hint, written.side, written.severity, written.cooldown_s, automaton)


def _digits(table: Any, name: str) -> dict[str, int]:
    try:
        named = msgspec.convert(table, dict[str, Annotated[int, msgspec.Meta(ge=0, le=9)]])
    except msgspec.ValidationError as error:
        raise BadRequest(f"{name}, [digits]: {_explained(error)}") from None
    return {word: digit for written, digit in named.items() for word in [_only_word(written, name)]}


def _only_word(written: str, name: str) -> str:
    words = plain_words(written)
    if len(words) != 1:
        raise BadRequest(f'{name}, [digits]: "{written}" is not one word')
    return words[0]


def _explained(error: msgspec.ValidationError) -> str:
    return str(error).replace("`$.", "`").replace("Object", "it").replace("`$`", "it")
