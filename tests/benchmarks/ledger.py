"""Audio that says which words must come back, in what order and when: utterances of numbers with pauses between them.

Knows nothing of servers. Words and pauses are whole blocks of 100 ms.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from models.scripted import BLOCK, ledger_audio

BLOCK_S = 0.1
SILENCE = bytes(2 * BLOCK)


@dataclass(frozen=True, slots=True)
class Ledger:
    """`utterances` of `spoken` words each, numbered on from `first`, with `pause` blocks of silence behind each."""

    first: int
    utterances: int
    spoken: int = 25
    pause: int = 8

    @property
    def seconds(self) -> float:
        return self.utterances * (self.spoken + self.pause) * BLOCK_S

    @property
    def samples(self) -> int:
        return self.utterances * (self.spoken + self.pause) * BLOCK

    def blocks(self) -> Iterator[bytes]:
        """PCM, int16, 16 kHz: a block at a time."""
        for utterance in range(self.utterances):
            speech = ledger_audio(self.first + utterance * self.spoken, self.spoken)
            yield from (block.astype("<i2").tobytes() for block in np.split(speech, self.spoken))
            for _ in range(self.pause):
                yield SILENCE

    def words(self) -> list[str]:
        return [f"w{self.first + i}" for i in range(self.utterances * self.spoken)]

    def start(self, index: int) -> float:
        """Second at which the index-th word starts."""
        utterance, word = divmod(index, self.spoken)
        return (utterance * (self.spoken + self.pause) + word) * BLOCK_S
