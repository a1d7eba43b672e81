"""Words to text, and how much of that text is promised.

Knows nothing of wire formats.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from models.base import Word


def render(words: Sequence[Word]) -> str:
    """The words as one text, without space around it."""
    return "".join(word.text for word in words).strip()


def bare(text: str) -> str:
    """`text` without the punctuation and space at its end."""
    end = len(text)
    while end and (text[end - 1].isspace() or unicodedata.category(text[end - 1]).startswith("P")):
        end -= 1
    return text[:end]


def plain(text: str) -> str:
    """A word in lower case, without the punctuation and space around it."""
    return bare(bare(text)[::-1])[::-1].lower()


def stable_length(words: Sequence[Word], stable: int) -> int:
    """Code points of `render(words)` that will not change when `words[:stable]` are promised.

    They end with a word; the punctuation behind it is left out, since the next word may change it.
    """
    return len(bare(render(words[:stable])))
