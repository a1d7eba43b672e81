"""Mistral's tekken vocabulary: text to tokens and back, and what a Voxtral is told before it answers.

Knows nothing of audio but how many tokens stand for it, nor of networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from mistral_common.tokens.tokenizers.base import SpecialTokens
from mistral_common.tokens.tokenizers.tekken import Tekkenizer


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
            self._clip = self._special(SpecialTokens.begin_audio)
            self._transcribe = self._special(SpecialTokens.transcribe)
            self._user = self._special(SpecialTokens.begin_inst), self._special(SpecialTokens.end_inst)
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
        spoken = self.encode(f"lang:{language}") if language else []
        return [*self._start, *self._asked(self.clip(audio)), *spoken, self._transcribe]

    def clip(self, audio: int) -> list[int]:
        return [self._clip, *[self.audio] * audio]

    def _asked(self, *content: Sequence[int]) -> list[int]:
        return [self._user[0], *chain.from_iterable(content), self._user[1]]

    def _special(self, token: SpecialTokens) -> int:
        return int(self._tekken.get_special_token(token.value))
