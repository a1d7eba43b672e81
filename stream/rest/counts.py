"""What a transcript counts for in the vendors' usage.

Knows nothing of requests and dialects.
"""

from __future__ import annotations

from collections.abc import Sequence

from models.base import SAMPLE_RATE

WINDOW = 30 * SAMPLE_RATE
WINDOW_TOKENS = 375
"""What each 30 s of audio that are begun count for, as Mistral's usage has it."""


def counts(duration: int, words: int, prompt: str | None, keywords: Sequence[str]) -> dict[str, int]:
    """Mistral's usage of `duration` samples at 16 kHz in which so many words were said.

    Engines tell no tokens: those of text are words, as prompts and finals write them.
    """
    asked = len((prompt or "").split()) + sum(len(each.split()) for each in keywords)
    return {
        "prompt_audio_seconds": -(-duration // SAMPLE_RATE),
        "prompt_tokens": asked,
        "completion_tokens": words,
        "total_tokens": asked + words + audio_tokens(duration),
    }


def audio_tokens(duration: int) -> int:
    """What `duration` samples of audio count for."""
    return -(-duration // WINDOW) * WINDOW_TOKENS
