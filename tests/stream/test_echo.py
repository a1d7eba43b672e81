"""stream/echo.py"""

import pytest

from models.base import Word
from stream.echo import Cut
from vad.endpointer import JOINT

AT = 100_000


def words(text: str, end: int = AT) -> tuple[Word, ...]:
    """The last one ends at `end`, each lasts JOINT / 2."""
    texts = text.split()
    length = JOINT // 2
    return tuple(
        Word(f" {each}", end - length * (len(texts) - i), end - length * (len(texts) - i - 1))
        for i, each in enumerate(texts)
    )


@pytest.mark.parametrize(
    ("said", "whole", "heard", "echo"),
    [
        ("from Madrid. I", "from Madrid. I can't", "I can't find", 1),
        ("half past four", "half past four. Thanks for", "Four. I'm sorry", 1),
        ("of six thousand", "of six thousand dollars", "six thousand dollars", 2),
        ("from Madrid. I", "from Madrid. I can't", "can't find", 0),
        # Said twice indeed, or nobody knows.
        ("number nine", "number nine nine seven", "nine seven", 0),
        ("nine nine", "number nine nine seven", "nine seven", 0),
        ("number nine", "number nine", "nine seven", 0),
        ("number nine", "number", "nine seven", 0),
        ("number nine", "", "nine seven", 0),
        ("", "number nine", "nine seven", 0),
        ("number nine", "number nine seven", "", 0),
    ],
)
def test_an_echo_is_what_was_said_once_when_there_was_more_to_hear(said: str, whole: str, heard: str, echo: int):
    assert Cut.through(words(said), words(whole), AT).echo(words(heard)) == echo


def test_what_was_said_long_before_the_cut_is_none():
    cut = Cut.through(words("from Madrid. I", AT - JOINT), words("from Madrid. I can't"), AT)
    assert cut.echo(words("I can't")) == 0
