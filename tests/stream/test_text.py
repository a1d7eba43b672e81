"""stream/text.py"""

import pytest

from models.base import Word
from stream.text import bare, render, stable_length


def words(*texts: str) -> list[Word]:
    return [Word(text, 100 * i, 100 * i + 100) for i, text in enumerate(texts)]


def test_texts_are_joined_and_stripped():
    assert render(words(" So", " it", " goes.")) == "So it goes."
    assert render(words("你", "好")) == "你好"
    assert render([]) == ""


@pytest.mark.parametrize(
    ("stable", "promised"),
    [
        (0, ""),
        (1, "Well"),  # the comma may still become a full stop
        (2, "Well, isn't"),
        (3, "Well, isn't it"),
        (4, "Well, isn't it “fine"),
    ],
)
def test_the_punctuation_behind_the_last_stable_word_is_not_promised(stable, promised):
    said = words(" Well,", " isn't", " it", " “fine”?!")
    assert render(said)[: stable_length(said, stable)] == promised


def test_code_points_are_counted():
    said = words(" 👍🏽", " naïve")
    assert stable_length(said, 2) == len("👍🏽 naïve") == 8


def test_only_punctuation_is_nothing():
    assert bare(" … — ") == ""
    assert stable_length(words(" -"), 1) == 0
