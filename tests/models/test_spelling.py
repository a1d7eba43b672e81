"""`models.spelling`: from tokens to words."""

from __future__ import annotations

import pytest

from models.spelling import compresses, repeats, spaced, words


def cut(text: str) -> list[bytes]:
    """A token for each byte, so that every character is cut somewhere."""
    return [bytes([byte]) for byte in text.encode()]


@pytest.mark.parametrize(
    "text",
    [
        [" Well,", " he's", " 3.5", " feet", " tall!"],
        [' "Go"', " (now)", " ¿Qué?", " -ish"],
        [" 안녕", " 세상."],
        ["今", "日", "は、", "「晴", "れ」", "で", "す。"],
        ["ส", "วั", "ส", "ดี"],
        [" Wir", " sagen", " 你", "好", "ok", " dazu"],
        [" हिन्दी", " naïve", " 🎉"],
    ],
)
def test_words(text: list[str]) -> None:
    tokens = cut("".join(text))
    spelled = words(tokens)
    assert [word.text for word in spelled] == text
    assert [word.first for word in spelled] == [0, *(word.stop for word in spelled[:-1])]
    assert spelled[-1].stop == len(tokens)


def test_half_a_character_says_nothing() -> None:
    tokens = cut(" so 世界")
    assert [word.text for word in words(tokens[:-1])] == [" so", " 世"]
    assert [word.text for word in words([*tokens[:-1], *cut(" on")])] == [" so", " 世", " on"]


def test_spaces_alone_are_no_word() -> None:
    assert words(cut("  ")) == []


def test_known_words_stay_but_for_what_is_added_to_the_last() -> None:
    tokens = cut(" So be it, then")
    known = [(" So", 3), (" be it", 6)]
    assert [word.text for word in words(tokens, known)] == [" So", " be it,", " then"]


@pytest.mark.parametrize(("text", "told"), [("So", " So"), (" So", " So"), ("“So", " “So"), ("世界", "世界"), ("", "")])
def test_a_word_of_a_sentence_has_a_space_before_it(text: str, told: str) -> None:
    assert spaced(text) == told


@pytest.mark.parametrize(
    ("ids", "verdict"),
    [
        ([7] * 12, True),
        ([7] * 11, False),
        ([1, 2, *[5, 6, 7] * 4, 9], True),
        ([5, 6, 7] * 3, False),
        (list(range(8)) * 3, True),
        (list(range(8)) * 2, False),
        (list(range(50)), False),
        ([], False),
    ],
)
def test_repeats(ids: list[int], verdict: bool) -> None:
    assert repeats(ids) is verdict


@pytest.mark.parametrize(
    ("text", "looping"),
    [
        ("I think so. " * 12, True),
        ("Thank you for calling, Anna, my name is Paul. How may I help you?", False),
        ("", False),
    ],
)
def test_what_compresses_well_is_a_loop(text: str, looping: bool) -> None:
    assert compresses(text) is looping
