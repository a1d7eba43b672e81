"""Automata, run here in the plainest way over all of a text; the page runs them word by word."""

from __future__ import annotations

import pytest

from stream.automata import MAX_PLACES, Automaton, Node, build, either, place, repeated, sequence

A, B = place(((97, 97),)), place(((98, 98),))
ANY_LETTER = place(((97, 122),))


def takes(automaton: Automaton, text: str) -> bool:
    """Whether it matches all of a text."""
    reached: set[int] = set()
    for index, char in enumerate(text):
        following = automaton.first if not index else {after for each in reached for after in automaton.follow[each]}
        reached = {each for each in following if any(a <= ord(char) <= b for a, b in automaton.sets[each])}
    return bool(reached & set(automaton.last))


@pytest.mark.parametrize(
    ("node", "taken", "refused"),
    [
        (sequence([A, B]), ["ab"], ["a", "b", "aba"]),
        (either([A, sequence([B, B])]), ["a", "bb"], ["b", "abb"]),
        (sequence([repeated(A, 0, 1), B]), ["b", "ab"], ["a", "aab"]),
        (sequence([A, repeated(B, 0, None)]), ["a", "ab", "abbb"], ["b", "aba"]),
        (repeated(A, 1, None), ["a", "aaaa"], ["b", "ab"]),
        (repeated(A, 2, None), ["aa", "aaa"], ["a"]),
        (repeated(A, 2, 3), ["aa", "aaa"], ["a", "aaaa"]),
        (repeated(sequence([A, repeated(B, 0, 1)]), 2, 2), ["aa", "aba", "abab"], ["a", "abb", "ababa"]),
        (sequence([repeated(A, 0, 2), repeated(B, 0, 2), ANY_LETTER]), ["z", "az", "abbz", "aabb"], ["aaabz"]),
    ],
)
def test_what_an_automaton_takes(node: Node, taken: list[str], refused: list[str]):
    automaton = build(node)
    assert [text for text in taken if not takes(automaton, text)] == []
    assert [text for text in refused if takes(automaton, text)] == []


def test_what_takes_nothing_is_none():
    with pytest.raises(ValueError, match="matches nothing"):
        build(sequence([repeated(A, 0, None), repeated(B, 0, 1)]))


def test_its_size_is_bounded_while_it_is_built():
    thousand = repeated(repeated(A, 20, 20), 50, 50)
    with pytest.raises(ValueError, match=f"more than {MAX_PLACES} characters"):
        build(repeated(thousand, 10**9, 10**9))
    with pytest.raises(ValueError, match="too many ways"):
        build(sequence([A, repeated(B, 0, 500)]))
