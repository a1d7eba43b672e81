from __future__ import annotations

import pytest

from models.base import Word
from tests.micro.judge import BATCH, batches, context_frames, error_rate, time_errors
from tests.micro.voices import SpokenWord

SAID = (SpokenWord("Hello,", 0.5, 0.75), SpokenWord("check-in", 1.0, 1.5))


def test_batches_hold_each_once_and_equal_lengths_only() -> None:
    lengths = [300, 200] * (BATCH + 1) + [100]
    made = list(batches(lengths))
    assert sorted(i for batch in made for i in batch) == list(range(len(lengths)))
    assert all(len({lengths[i] for i in batch}) == 1 for batch in made)
    assert [len(batch) for batch in made] == [1, BATCH, 1, BATCH, 1]


@pytest.mark.parametrize(("end_s", "frames"), [(0.995, 200), (1.001, 202), (0.595, 162), (0.61, 162), (29.5, 3000)])
def test_context_is_a_second_in_whole_pairs_but_not_80(end_s: float, frames: int) -> None:
    assert context_frames(end_s) == frames


def test_errors_are_pooled_over_words() -> None:
    assert error_rate(["one two three", "Four"], [" One, two three.", "five"]) == 25
    assert error_rate([], []) is None


def test_times_are_off_either_way() -> None:
    heard = [Word(" hello", 8_160, 11_840), Word(" check-in.", 16_000, 24_800)]
    assert time_errors(SAID, heard) == [(pytest.approx(10), pytest.approx(10)), (0, pytest.approx(50))]


@pytest.mark.parametrize("texts", [["hello"], ["hello", "check", "in"], ["hello", "chicken"]])
def test_other_words_have_no_times(texts: list[str]) -> None:
    assert time_errors(SAID, [Word(text, i, i + 1) for i, text in enumerate(texts)]) is None
