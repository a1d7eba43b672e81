from __future__ import annotations

import numpy as np
import pytest

from steno.bench.bootstrap import interval

FILES = 400
WORDS = [20] * FILES


def test_no_difference_is_sure_where_each_file_is_heard_alike() -> None:
    hard = np.random.default_rng(1).integers(0, 20, FILES).tolist()
    assert interval(hard, hard, WORDS) == (0, 0)


def test_a_loss_in_each_file_is_sure_however_unlike_the_files_are() -> None:
    hard = np.random.default_rng(1).integers(0, 20, FILES)
    assert interval((hard + 1).tolist(), hard.tolist(), WORDS) == pytest.approx((5, 5))


def test_is_as_wide_as_the_normal_approximation() -> None:
    wrong = np.random.default_rng(1).binomial(20, 0.1, FILES)
    rates = 100 * wrong / 20
    margin = 1.96 * rates.std() / FILES**0.5
    bounds = interval(wrong.tolist(), [0] * FILES, WORDS)
    assert bounds == pytest.approx((rates.mean() - margin, rates.mean() + margin), abs=margin / 10)


def test_long_files_weigh_more() -> None:
    low, high = interval([0, 90] * 200, [0, 0] * 200, [10, 90] * 200)
    assert low < 90 < high


def test_files_without_words_count_by_their_errors_alone() -> None:
    assert interval([1, 2], [1, 2], [0, 20]) == (0, 0)
    assert interval([3, 1], [0, 1], [0, 20])[1] == pytest.approx(15)


def test_the_same_figures_give_the_same_interval() -> None:
    wrong = np.random.default_rng(1).binomial(20, 0.1, FILES).tolist()
    assert interval(wrong, WORDS, WORDS) == interval(wrong, WORDS, WORDS)
