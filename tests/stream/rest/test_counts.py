"""Whole seconds, and windows of 30 s that are begun."""

import pytest

from models.base import SAMPLE_RATE as S
from stream.rest.counts import audio_tokens, counts


@pytest.mark.parametrize(
    ("duration", "seconds", "tokens"),
    [
        (0, 0, 0),
        (1, 1, 375),
        (30 * S, 30, 375),
        (30 * S + 1, 31, 750),
        (203 * S, 203, 2625),
    ],
)
def test_whole_seconds_and_windows_begun(duration: int, seconds: int, tokens: int):
    assert audio_tokens(duration) == tokens
    assert counts(duration, 4, "Ada and Bob", ("Lord Byron", "Zoe")) == {
        "prompt_audio_seconds": seconds,
        "prompt_tokens": 6,
        "completion_tokens": 4,
        "total_tokens": 10 + tokens,
    }


def test_without_prompt_and_keywords():
    assert counts(S, 0, None, ())["total_tokens"] == 375
