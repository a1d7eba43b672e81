from __future__ import annotations

import pytest

from models.base import SAMPLE_RATE, Kind
from models.context import SHAPES, frames
from models.declaration import Context
from models.features import FRAMES

SHORT = Context(partial=1.0, final=2.0)


@pytest.mark.parametrize(
    ("seconds", "kind", "expected"),
    [
        (0.5, Kind.FIRST, 300),
        (2.0, Kind.PARTIAL, 300),
        (2.01, Kind.PARTIAL, 400),
        (1.01, Kind.SPECULATIVE, 400),
        (1.0, Kind.FINAL, 300),
        (1.0, Kind.RETRY, FRAMES),
        (8.5, Kind.PARTIAL, 1000),
        (30.0, Kind.PARTIAL, FRAMES),
    ],
)
def test_the_least_shape_that_holds_speech_and_context(seconds: float, kind: Kind, expected: int) -> None:
    assert frames(round(seconds * SAMPLE_RATE), kind, SHORT) == expected


@pytest.mark.parametrize("kind", list(Kind))
def test_without_a_word_on_it_all_is_padded_to_30_seconds(kind: Kind) -> None:
    assert frames(SAMPLE_RATE, kind, Context()) == FRAMES


def test_partials_may_be_given_less_than_finals() -> None:
    context = Context(partial=0.5)
    assert frames(SAMPLE_RATE, Kind.PARTIAL, context) == 300
    assert frames(SAMPLE_RATE, Kind.FINAL, context) == FRAMES


def test_no_window_is_shorter_than_the_least() -> None:
    assert frames(SAMPLE_RATE, Kind.FINAL, Context(final=0.5, least=5.0)) == 500


def test_no_shape_looks_like_features_once_encoded() -> None:
    assert not {80, 128} & {shape // 2 for shape in SHAPES}
    assert [*SHAPES] == sorted(SHAPES)
    assert SHAPES[-1] == FRAMES
