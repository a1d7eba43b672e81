"""Whisper's vocabulary: special tokens by name, text to tokens and back.

Knows nothing of audio or weights. Ids come from tokenizer.json; what is fixed by the format is their order: all text
lies below `<|endoftext|>`, languages between `<|startoftranscript|>` and `<|translate|>`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer

from models.base import DecodeOptions, Task
from models.spelling import Spelling, words

# GPT-2's byte-level alphabet: bytes that print stand for themselves, the others for the characters from 256 on.
_PRINTED = [*range(33, 127), *range(161, 173), *range(174, 256)]
_BYTES = {chr(byte): byte for byte in _PRINTED}
_BYTES |= {chr(256 + i): byte for i, byte in enumerate(sorted(set(range(256)) - set(_PRINTED)))}

PROMPT_ROOM = 223
"""Tokens of text before the transcript: half of Whisper's context, less `<|startofprev|>`."""


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
        """Words of text tokens, as `spelling.words` tells them apart."""
        return words([self._bytes(token) for token in ids], known)

    def _bytes(self, token: int) -> bytes:
        return bytes(_BYTES[char] for char in self._tokenizer.id_to_token(token) or "")

    def _id(self, token: str) -> int:
        found: int | None = self._tokenizer.token_to_id(token)
        if found is None:
            raise ValueError(f"{self._path} has no {token}: it is no Whisper tokenizer")
        return found
