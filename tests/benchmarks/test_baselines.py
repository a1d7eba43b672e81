from __future__ import annotations

import pytest

from tests.benchmarks.baselines import Span, with_surroundings


@pytest.mark.parametrize(
    ("utterances", "surrounded"),
    [
        ([(1, 2)], [(0.7, 2.3)]),
        ([(0.1, 9.9)], [(0, 10)]),
        ([(1, 2), (2.2, 3), (5, 6)], [(0.7, 2.1), (2.1, 3.3), (4.7, 6.3)]),
        ([(5, 6), (1, 2)], [(0.7, 2.3), (4.7, 6.3)]),
        ([(1, 3), (2, 4)], [(0.7, 3), (2, 4.3)]),
    ],
    ids=["far from all", "at the file's ends", "a short pause", "out of order", "both at once"],
)
def test_utterances_are_given_what_is_around_them_but_nobody_elses(
    utterances: list[Span], surrounded: list[Span]
) -> None:
    found = with_surroundings(utterances, duration=10)
    assert [at for span in found for at in span] == pytest.approx([at for span in surrounded for at in span])
