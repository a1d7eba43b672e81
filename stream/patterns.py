"""Phrases and patterns of rules, made into automata over plain text, which a page runs as words become stable.

Knows nothing of rules, files or pages. Patterns are no regular expressions of Python's or JavaScript's: these mean
different things in places, and both can take for ever. Here they are only read; what finds them is the automaton.

Plain text is what is left of speech when how it is written is not to count: words in lower case without accents, one
space apart, punctuation dropped, digits that are spoken or written next to each other joined: "Policy: one, two 34"
is "policy 1234". What matches begins with a word and ends with one, be it a digit that others follow.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from itertools import groupby

from stream.automata import Automaton, Node, Ranges, build, either, place, repeated, sequence

MAX_LENGTH, MAX_DEPTH, MAX_REPEAT = 500, 20, 200

ANY: Ranges = ((0, 0x10FFFF),)
SPACE: Ranges = ((32, 32),)
CLASSES: dict[str, Ranges] = {"d": ((48, 57),), "w": ((0, 31), (33, 0x10FFFF)), "s": SPACE}
SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Scripts that put no spaces between words (Thai, Lao, Burmese, Khmer, kana, Han): each character is a word."""


def plain_words(text: str) -> list[str]:
    """The words of a text, without what does not count; digits are left apart."""
    words: list[str] = []
    for wordy, run in groupby(text, _is_wordy):
        if wordy:
            folded = "".join(char if _is_wordy(char) else " " for char in _folded("".join(run)))
            words += SPACELESS.sub(r" \g<0> ", folded).split()
    return words


def compile_rule(phrases: tuple[str, ...], pattern: str | None, digits: Mapping[str, int]) -> Automaton:
    """What finds any of the phrases, or the pattern. digits: words that stand for one.

    A word of a phrase may end with `*`, for all its endings. Raises ValueError saying what is wrong, and in which.
    """
    parts: list[Node] = []
    for phrase in phrases:
        if not (nodes := list(_phrase(phrase, digits))):
            raise ValueError(f'the phrase "{phrase}" holds no word')
        parts.append(sequence(nodes))
    if pattern is not None:
        parts.append(_Parser(pattern).parsed())
    return build(either(parts))


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text).lower()
    return unicodedata.normalize("NFC", "".join(char for char in decomposed if not "\u0300" <= char <= "\u036f"))


def _is_wordy(char: str) -> bool:
    return unicodedata.category(char)[0] in "LNM"


def _phrase(phrase: str, digits: Mapping[str, int]) -> Iterator[Node]:
    digit_before = None
    for written in phrase.split():
        stem = written.removesuffix("*")
        for word in plain_words(stem):
            said = str(digits.get(word, word))
            is_digit = said.isascii() and said.isdigit()
            if digit_before is not None and not (digit_before and is_digit):
                yield place(SPACE)
            yield from (place(_one(char)) for char in said)
            digit_before = is_digit
        if stem != written:
            if not plain_words(stem):
                raise ValueError(f'the phrase "{phrase}" has a `*` without the start of a word before it')
            yield repeated(place(CLASSES["w"]), 0, None)
            digit_before = False


def _one(char: str) -> Ranges:
    return ((ord(char), ord(char)),)


# -- from the text of a pattern to its parts --------------------------------------------------------------------------

_COUNT = re.compile(r"\{([0-9]{1,6})(,([0-9]{1,6})?)?\}")
_REPEATS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}


class _Parser:
    """Literals, `.`, sets, `\\d` `\\w` `\\s`, groups, `|`, repetitions; what would mean anything else is refused."""

    def __init__(self, pattern: str) -> None:
        if len(pattern) > MAX_LENGTH:
            raise ValueError(f"a pattern has at most {MAX_LENGTH} characters")
        self._text = pattern.strip()
        self._at = 0
        self._depth = 0

    def parsed(self) -> Node:
        node = self._branches()
        if self._at < len(self._text):
            raise self._wrong("`)` closes no group")
        return node

    def _wrong(self, what: str) -> ValueError:
        return ValueError(f"in the pattern, at character {self._at + 1}: {what}")

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _taken(self, text: str) -> bool:
        found = self._text.startswith(text, self._at)
        self._at += len(text) * found
        return found

    def _branches(self) -> Node:
        branches = [self._branch()]
        while self._taken("|"):
            branches.append(self._branch())
        return either(branches)

    def _branch(self) -> Node:
        nodes: list[Node] = []
        while self._next() not in ("", "|", ")"):
            nodes.append(self._repetition(self._atom()))
        if not nodes:
            raise self._wrong("there is nothing here; what may be left out gets a `?`")
        return sequence(nodes)

    def _repetition(self, node: Node) -> Node:
        if found := _COUNT.match(self._text, self._at):
            least = int(found[1])
            unbounded = found[2] is not None and found[3] is None
            most = None if unbounded else int(found[3] or found[1])
            if max(least, most or 0) > MAX_REPEAT or most == 0 or (most is not None and most < least):
                raise self._wrong(f"`{found[0]}` should count from a lower to a higher number, at most {MAX_REPEAT}")
            self._at = found.end()
        elif self._next() in _REPEATS:
            least, most = _REPEATS[self._next()]
            self._at += 1
        else:
            return node
        if self._next() in (*_REPEATS, "{"):
            raise self._wrong(f"`{self._next()}` follows a repetition; put a group around what is repeated twice")
        return repeated(node, least, most)

    def _atom(self) -> Node:
        if self._taken("("):
            return self._group()
        if self._taken("["):
            return place(self._set())
        if self._taken("\\"):
            return place(self._class())
        if self._taken("."):
            return place(ANY)
        if self._taken(" "):
            return place(SPACE)
        char = self._next()
        if char in "^$":
            raise self._wrong(f"`{char}` is not offered: a pattern is looked for everywhere, as whole words")
        if char in "*+?{":
            raise self._wrong(f"`{char}` repeats nothing")
        self._check(char)
        self._at += 1
        nodes = [place(_one(each)) for each in _folded(char)]
        if SPACELESS.match(char):
            maybe_space = repeated(place(SPACE), 0, 1)
            nodes = [maybe_space, *nodes, maybe_space]
        return sequence(nodes)

    def _group(self) -> Node:
        if self._next() == "?" and not self._taken("?:"):
            raise self._wrong("groups that begin with `(?` are not offered, other than `(?:`")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._wrong(f"groups may be {MAX_DEPTH} deep")
        node = self._branches()
        self._depth -= 1
        if not self._taken(")"):
            raise self._wrong("a group is not closed")
        return node

    def _class(self) -> Ranges:
        name = self._next()
        if name not in CLASSES:
            raise self._wrong(f"`\\{name}` is not offered; there are `\\d`, `\\w` and `\\s`")
        self._at += 1
        return CLASSES[name]

    def _check(self, char: str) -> None:
        folded = _folded(char)
        if not folded or not all(_is_wordy(each) for each in (char, *folded)):
            raise self._wrong(f"`{char}` is never in the text, which is letters, digits and single spaces")

    def _set(self) -> Ranges:
        negated = self._taken("^")
        found: list[tuple[int, int]] = []
        while not self._taken("]"):
            if self._taken("\\"):
                found += self._class()
                continue
            first = self._member()
            last = first
            if self._text.startswith("-", self._at) and self._text[self._at + 1 : self._at + 2] != "]":
                self._at += 1
                last = self._member()
            if last < first:
                raise self._wrong(f"`{chr(first)}-{chr(last)}` runs backwards")
            found.append((first, last))
        if not found:
            raise self._wrong("a set is empty")
        return _without(found) if negated else _merged(found)

    def _member(self) -> int:
        char = self._next()
        if not char:
            raise self._wrong("a set is not closed")
        if char != " ":
            self._check(char)
            if len(_folded(char)) > 1:
                raise self._wrong(f"`{char}` is several characters in the text; write it outside of a set")
            char = _folded(char)
        self._at += 1
        return ord(char)


def _merged(ranges: list[tuple[int, int]]) -> Ranges:
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)


def _without(ranges: list[tuple[int, int]]) -> Ranges:
    """All other characters; spaces are not among them, so that a set stays inside a word."""
    others: list[tuple[int, int]] = []
    start = 0
    for first, last in _merged([*ranges, *SPACE]):
        if start < first:
            others.append((start, first - 1))
        start = last + 1
    return tuple(others) + (((start, 0x10FFFF),) if start <= 0x10FFFF else ())
