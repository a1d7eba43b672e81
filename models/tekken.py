"""Mistral's tekken vocabulary: text to tokens and back, and what a Voxtral is told before it answers.

Knows nothing of audio but how many tokens stand for it, nor of networks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, groupby
from pathlib import Path
from typing import cast

from mistral_common.tokens.tokenizers.base import SpecialTokens
from mistral_common.tokens.tokenizers.tekken import Tekkenizer

from models.chat import Clip, Turn


class Tekken:
    """What tekken.json says. `end` ends an answer, `pad` fills rows up."""

    def __init__(self, path: Path) -> None:
        """Raises FileNotFoundError, or ValueError for a file that holds no vocabulary with audio in it."""
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing: take it from where the weights came from")
        try:
            self._tekken = Tekkenizer.from_file(path)
            self.end, self.pad = self._tekken.eos_id, self._tekken.pad_id
            self.audio = self._special(SpecialTokens.audio)
            self._start = [self._tekken.bos_id]
            self._clip = [self._special(SpecialTokens.begin_audio)]
            self._transcribe = [self._special(SpecialTokens.transcribe)]
            self._user = self._around(SpecialTokens.begin_inst, SpecialTokens.end_inst)
            self._system = self._around(SpecialTokens.begin_system, SpecialTokens.end_system)
        except Exception as error:  # the library asserts, too
            raise ValueError(f"{path} is no vocabulary of a Voxtral ({error!r}): fetch it again") from error

    def __len__(self) -> int:
        return int(self._tekken.n_words)

    def encode(self, text: str) -> list[int]:
        """Whoever writes "[INST]" into a text gets no say: no text becomes a special token."""
        tokens: list[int] = self._tekken.encode(text, bos=False, eos=False)
        return tokens

    def decode(self, tokens: Sequence[int]) -> list[bytes]:
        """The bytes that each token stands for; none for special ones."""
        return [self._tekken.id_to_byte_piece(token) for token in tokens]

    def transcription(self, audio: int, language: str | None) -> list[int]:
        """What comes before a transcript of as much as `audio` tokens stand for; without a language it is detected."""
        before, behind = self._user
        spoken = self.encode(f"lang:{language}") if language else []
        return [*self._start, *before, *self._clip, *[self.audio] * audio, *behind, *spoken, *self._transcribe]

    def conversation(self, turns: Sequence[Turn]) -> list[list[int] | Clip]:
        """What comes before an answer: tokens, and between them clips, whose own tokens are not among these."""
        told: list[list[int] | Clip] = [[*self._start]]
        # Users and assistants take turns: of several in a row one is made.
        for role, several in groupby(turns, lambda turn: turn.role):
            contents = [turn.content for turn in several]
            for content in contents if role == "system" else [tuple(chain.from_iterable(contents))]:
                before, behind = {"user": self._user, "system": self._system}.get(role, ([], [self.end]))
                told += [before, *self._content(content, trimmed=role == "assistant"), behind]
        return told

    def _content(self, content: Sequence[str | Clip], *, trimmed: bool) -> Iterator[list[int] | Clip]:
        for is_text, parts in groupby(content, lambda part: isinstance(part, str)):
            if is_text:
                text = "\n\n".join(map(str, parts))
                yield self.encode(text.rstrip(" ") if trimmed else text)
            else:
                for clip in parts:
                    yield from (self._clip, cast("Clip", clip))

    def _around(self, before: SpecialTokens, behind: SpecialTokens) -> tuple[list[int], list[int]]:
        return [self._special(before)], [self._special(behind)]

    def _special(self, token: SpecialTokens) -> int:
        return int(self._tekken.get_special_token(token.value))
