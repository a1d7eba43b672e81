"""In place of Voxtral Realtime's network: writes the tokens that the audio spells, the delay later, and never errs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.base import Samples
from models.voxtral_stream import BEFORE, Format, Row, Written
from models.voxtral_words import TOKEN

DELAY = 2
PAD, MARK = 0, 1
PIECES = (None, None, b" one", b" two", b" three", b"teen", b".", "ü".encode()[:1], "ü".encode()[1:])
FORMAT = Format(prompt=(90, 91, 92, 93, 94, 95), left=3, right=5, mark=MARK, pieces=PIECES)
"""As in the true one, the prompt has `left` + delay + 1 tokens. Those of its own are in no way like text."""


def spell(*tokens: int | bytes) -> Samples:
    """80 ms of audio for each token, by number or text."""
    codes = [PIECES.index(token) if isinstance(token, bytes) else token for token in tokens]
    return np.repeat(np.array(codes, np.int16), TOKEN)


class Echo:
    """A `Network` that keeps the books: `fed` has the rows that each slot was fed since it was reset."""

    def __init__(self, count: int = 4) -> None:
        self.count = count
        self.fed: list[list[Row]] = [[] for _ in range(count)]
        self.resets = 0
        self.batches: list[int] = []

    def reset(self, slot: int) -> None:
        self.fed[slot] = []
        self.resets += 1

    def step(self, rows: Sequence[Row]) -> list[Written]:
        assert len({row.slot for row in rows}) == len(rows), "a slot twice in a step"
        self.batches.append(len(rows))
        return [self.write(row) for row in rows]

    def write(self, row: Row) -> Written:
        fed = self.fed[row.slot]
        assert row.position == FORMAT.given + len(fed), "a token was skipped, or fed twice"
        if row.position < len(FORMAT.prompt):
            assert row.token == FORMAT.prompt[row.position]
        fed.append(row)
        heard = fed[-1 - DELAY].piece[BEFORE] if len(fed) > DELAY else 0
        return Written(int(heard), -0.5)
