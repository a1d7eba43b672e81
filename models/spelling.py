"""From a decoder's tokens to words, whatever its vocabulary, and signs that what it says is a loop.

Pure: knows tokens as the bytes that they stand for, nothing of tokenizers or audio.
"""

from __future__ import annotations

import codecs
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

# Scripts that set no spaces between words: Thai, Lao, Tibetan, Myanmar, Khmer, kana and CJK, full-width forms.
_SPACELESS = (
    (0x0E00, 0x0FFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x2E80, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFF00, 0xFF9F),
    (0x20000, 0x3FFFF),
)


@dataclass(frozen=True, slots=True)
class Spelling:
    """A word, and the tokens `first` up to `stop` that hold it."""

    text: str
    first: int
    stop: int


def words(tokens: Sequence[bytes], known: Sequence[tuple[str, int]] = ()) -> list[Spelling]:
    """Words of text tokens: split before spaces, and between characters of scripts that set none.

    Punctuation stays with its word: closing with the one before, opening with the one behind. Bytes that are no UTF-8,
    such as half a character at a cut, say nothing.

    known: the words that come first, each with the number of its tokens. They stay as they are, but for what the tokens
    behind them add to the last one.
    """
    spelled: list[Spelling] = []
    at = 0
    for text, count in known:
        spelled.append(Spelling(text, at, at + count))
        at += count
    for piece in _pieces(tokens, at):
        if spelled and not _begins_word(spelled[-1].text, piece.text):
            spelled[-1] = Spelling(spelled[-1].text + piece.text, spelled[-1].first, piece.stop)
        else:
            spelled.append(piece)
    return [word for word in spelled if word.text.strip()]


def spaced(text: str) -> str:
    """The text with a space before it, unless there is one or its script sets none: as the word of a sentence."""
    return text if not text or text[0].isspace() or _spaceless(text[0]) else f" {text}"


def repeats(ids: Sequence[int]) -> bool:
    """Whether some run of tokens comes three times in a row, or, if it is short, as often as makes 12 tokens."""
    for length in range(1, len(ids) // 3 + 1):
        echoes = [a == b for a, b in zip(ids, ids[length:], strict=False)]
        longest = max((len(list(group)) for echo, group in groupby(echoes) if echo), default=0)
        if longest + length >= max(12, 3 * length):
            return True
    return False


def compresses(text: str) -> bool:
    """Whether zlib makes less than 1 / 2.4 of it, which the reference implementation takes for a loop."""
    written = text.encode()
    return len(written) > 2.4 * len(zlib.compress(written))


def _pieces(tokens: Sequence[bytes], start: int) -> Iterator[Spelling]:
    """The shortest runs of tokens from `start` on that hold whole characters."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text, first = "", start
    for i, token in enumerate(tokens[start:], start):
        text += decoder.decode(token)
        if not decoder.getstate()[0]:
            if text := text.replace("\ufffd", ""):
                yield Spelling(text, first, i + 1)
            text, first = "", i + 1


def _begins_word(before: str, text: str) -> bool:
    """Whether `text` begins a word of its own behind `before`."""
    if all(map(_opens, before.strip())):
        return False
    char = text[0]
    if char.isspace():
        return True
    if unicodedata.category(char)[0] in "PM":  # marks belong to the letter before
        return _opens(char)
    return _spaceless(char) or _spaceless(before[-1])


def _opens(char: str) -> bool:
    return unicodedata.category(char) in ("Ps", "Pi") or char in "¿¡"


def _spaceless(char: str) -> bool:
    return any(first <= ord(char) <= last for first, last in _SPACELESS)
