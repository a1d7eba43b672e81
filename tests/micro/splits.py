"""Which of our sentences and voices are trained on, and which are kept for tuning and testing.

Knows nothing of what a key stands for: the same key is in the same split on every computer.
"""

from __future__ import annotations

import hashlib
from typing import Literal

Split = Literal["train", "dev", "test"]

TRAIN, DEV = 0.80, 0.08
"""Shares of the keys; the rest is for testing."""
_SALT = "whisper-micro"


def split_of(key: str) -> Split:
    digest = hashlib.sha256(f"{_SALT}:{key}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    if place < TRAIN:
        return "train"
    return "dev" if place < TRAIN + DEV else "test"
