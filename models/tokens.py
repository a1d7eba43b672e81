"""Whisper's vocabulary: special tokens by name, text to tokens, tokens to words.

Knows nothing of audio or weights. Ids come from tokenizer.json; what is fixed by the format is their order: all text
lies below `<|endoftext|>`, languages between `<|startoftranscript|>` and `<|translate|>`.
"""

from __future__ import annotations

import codecs
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from tokenizers import Tokenizer

from models.base import DecodeOptions, Task

# GPT-2's byte-level alphabet: bytes that print stand for themselves, the others for the characters from 256 on.
_PRINTED = [*range(33, 127), *range(161, 173), *range(174, 256)]
_BYTES = {chr(byte): byte for byte in _PRINTED}
_BYTES |= {chr(256 + i): byte for i, byte in enumerate(sorted(set(range(256)) - set(_PRINTED)))}

PROMPT_ROOM = 223
"""Tokens of text before the transcript: half of Whisper's context, less `<|startofprev|>`."""

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


class Vocabulary:
    """What tokenizer.json says. `languages` are in the order of their ids; English-only models have no use for them."""

    def __init__(self, path: Path) -> None:
        """Raises FileNotFoundError, or ValueError for a file that holds no Whisper tokenizer."""
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} is missing: it belongs beside model.bin, take it from where that came from"
            )
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises bare Exception
            raise ValueError(f"{path} is damaged ({error}): fetch it again") from error
        self._path = path
        self.end = self._id("<|endoftext|>")
        self._start = self._id("<|startoftranscript|>")
        self._previous = self._id("<|startofprev|>")
        self.untimed = self._id("<|notimestamps|>")
        self._tasks: dict[Task, int] = {
            "transcribe": self._id("<|transcribe|>"),
            "translate": self._id("<|translate|>"),
        }
        ids = range(self._start + 1, min(self._tasks.values()))
        self._languages = {token[2:-2]: i for i in ids if (token := self._tokenizer.id_to_token(i))}

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(self._languages)

    def language(self, code: str) -> int:
        return self._languages[code]

    def start(self, language: str | None, task: Task) -> list[int]:
        """What a transcript begins with, but for `untimed`. An English-only model (None) is told nothing."""
        return [self._start] if language is None else [self._start, self._languages[language], self._tasks[task]]

    def previous(self, options: DecodeOptions) -> list[int]:
        """Prompt and keywords as text that came before; of too much, the prompt's beginning is left out first."""
        keywords = self.encode(f" {', '.join(options.keywords)}.")[:PROMPT_ROOM] if options.keywords else []
        prompt = self.encode(f" {options.prompt.strip()}") if options.prompt and options.prompt.strip() else []
        text = keywords + prompt[max(0, len(prompt) - PROMPT_ROOM + len(keywords)) :]
        return [self._previous, *text] if text else []

    def carried(self, text: str, count: int) -> list[int]:
        """The last `count` tokens of `text`, as text that came before; nothing of a shorter one, since only prompts of
        equal length share a call."""
        tail = self.encode(text)[-count:] if count else []
        return [self._previous, *tail] if tail and len(tail) == count else []

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return [i for i in ids if i < self.end]  # whoever writes "<|translate|>" into a prompt gets no say

    def words(self, ids: Sequence[int], known: Sequence[tuple[str, int]] = ()) -> list[Spelling]:
        """Words of text tokens: split before spaces, and between characters of scripts that set none.

        Punctuation stays with its word: closing with the one before, opening with the one behind. Bytes that are no
        UTF-8, such as half a character at a cut, say nothing.

        known: the words that come first, each with the number of its tokens. They stay as they are, but for what the
        tokens behind them add to the last one.
        """
        spelled: list[Spelling] = []
        at = 0
        for text, count in known:
            spelled.append(Spelling(text, at, at + count))
            at += count
        for piece in self._pieces(ids, at):
            if spelled and not _begins_word(spelled[-1].text, piece.text):
                spelled[-1] = Spelling(spelled[-1].text + piece.text, spelled[-1].first, piece.stop)
            else:
                spelled.append(piece)
        return [word for word in spelled if word.text.strip()]

    def _pieces(self, ids: Sequence[int], start: int) -> Iterator[Spelling]:
        """The shortest runs of tokens from `start` on that hold whole characters."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        text, first = "", start
        for i, token in enumerate(ids[start:], start):
            text += decoder.decode(bytes(_BYTES[char] for char in self._tokenizer.id_to_token(token) or ""))
            if not decoder.getstate()[0]:
                if text := text.replace("\ufffd", ""):
                    yield Spelling(text, first, i + 1)
                text, first = "", i + 1

    def _id(self, token: str) -> int:
        found: int | None = self._tokenizer.token_to_id(token)
        if found is None:
            raise ValueError(f"{self._path} has no {token}: it is no Whisper tokenizer")
        return found


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
