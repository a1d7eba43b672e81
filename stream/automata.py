"""Automata that find text: places for characters, and which may follow which.

Knows nothing of how a pattern is written. Each character of a pattern is a place, and for each place there is a list of
those that may come next (Glushkov's construction): whoever runs it takes at most MAX_FOLLOWERS steps per character,
whatever the text and the pattern.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

MAX_PLACES, MAX_FOLLOWERS = 1_000, 10_000
"""Of one automaton."""

Ranges = tuple[tuple[int, int], ...]
"""Code points from the first to the last, in order, apart from each other."""


@dataclass(frozen=True, slots=True)
class Automaton:
    """sets: the characters that each place takes. first, last: places that a match begins and ends with.

    follow: for each place, those that may come after it.
    """

    sets: tuple[Ranges, ...]
    first: tuple[int, ...]
    follow: tuple[tuple[int, ...], ...]
    last: tuple[int, ...]


def build(node: Node) -> Automaton:
    """Raises ValueError for what would be too large, or would match nothing at all, and so everywhere."""
    builder = Builder()
    built = node(builder)
    if built.empty:
        raise ValueError("the pattern matches nothing at all, too, and so would everywhere: ask for one character")
    follow = tuple(tuple(sorted(after)) for after in builder.follow)
    return Automaton(tuple(builder.sets), tuple(sorted(built.first)), follow, tuple(sorted(built.last)))


@dataclass(frozen=True, slots=True)
class Built:
    """Part of an automaton: the places that it begins and ends with, and whether it may be left out."""

    first: frozenset[int]
    last: frozenset[int]
    empty: bool


class Builder:
    def __init__(self) -> None:
        self.sets: list[Ranges] = []
        self.follow: list[set[int]] = []
        self._followers = 0

    def place(self, ranges: Ranges) -> int:
        if len(self.sets) == MAX_PLACES:
            raise ValueError(f"this takes more than {MAX_PLACES} characters, each repetition counted: make two rules")
        self.sets.append(ranges)
        self.follow.append(set())
        return len(self.sets) - 1

    def link(self, before: frozenset[int], after: frozenset[int]) -> None:
        for place in before:
            self._followers -= len(self.follow[place])
            self.follow[place] |= after
            self._followers += len(self.follow[place])
            if self._followers > MAX_FOLLOWERS:
                raise ValueError("the pattern has too many ways through it: repeat less, or make two rules")


Node = Callable[[Builder], Built]


def place(ranges: Ranges) -> Node:
    def build(builder: Builder) -> Built:
        place = frozenset([builder.place(ranges)])
        return Built(place, place, False)

    return build


def _joined(builder: Builder, before: Built, after: Built) -> Built:
    builder.link(before.last, after.first)
    return Built(
        before.first | after.first if before.empty else before.first,
        before.last | after.last if after.empty else after.last,
        before.empty and after.empty,
    )


def sequence(nodes: list[Node]) -> Node:
    def build(builder: Builder) -> Built:
        built = nodes[0](builder)
        for node in nodes[1:]:
            built = _joined(builder, built, node(builder))
        return built

    return build


def either(nodes: list[Node]) -> Node:
    def build(builder: Builder) -> Built:
        built = [node(builder) for node in nodes]
        return Built(
            frozenset().union(*(each.first for each in built)),
            frozenset().union(*(each.last for each in built)),
            any(each.empty for each in built),
        )

    return build


def repeated(node: Node, least: int, most: int | None) -> Node:
    """most: None for any number."""

    def build(builder: Builder) -> Built:
        built = None
        for number in range(most or max(1, least)):
            next_one = node(builder)
            if most is None and number == max(1, least) - 1:
                builder.link(next_one.last, next_one.first)
            next_one = Built(next_one.first, next_one.last, next_one.empty or number >= least)
            built = _joined(builder, built, next_one) if built else next_one
        assert built
        return built

    return build
