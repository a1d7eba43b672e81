from __future__ import annotations

from pathlib import Path

import pytest

import steno
from steno.bench.heard import Segment, Talk
from steno.bench.reference import Reference, Span
from steno.events import Latency
from tests.benchmarks import placement
from tests.benchmarks.recording import Recording

IN_SILENCE = "words in silence, see above"
SPOKEN = Reference("a.flac", "yes no", utterances=(Span("yes", 2, 3), Span("no", 8, 9)))


def final(start: float, end: float) -> steno.Final:
    latency = Latency(endpoint=0, queue=0, decode=0, send=0, total=0)
    return steno.Final(
        seq=2,
        segment=0,
        channel=0,
        start=start,
        end=end,
        text="two words",
        language=None,
        confidence=None,
        reason="endpoint",
        latency=latency,
    )


def words_in_silence(reference: Reference, *finals: steno.Final) -> object:
    started = steno.SpeechStarted(seq=1, segment=0, channel=0, at=0)
    heard = Talk(segments=[Segment(started, 0, last=final) for final in finals])
    figures = placement.figures([Recording(Path("a.flac"), reference, heard)])
    return next(figure.value for figure in figures if figure.name == IN_SILENCE)


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [(1.6, 3.4, 0), (0.2, 1.4, 2), (0.2, 1.6, 0), (3.6, 7.4, 2), (4, 8.1, 0), (9.6, 10, 2)],
    ids=["on an utterance", "before all", "just before", "between", "reaching one", "behind all"],
)
def test_finals_far_from_all_utterances_are_in_silence(start: float, end: float, words: int) -> None:
    assert words_in_silence(SPOKEN, final(start, end)) == words


def test_every_word_is_in_silence_where_nobody_speaks() -> None:
    assert words_in_silence(Reference("a.flac", ""), final(0, 1), final(2, 3)) == 4


def test_silence_is_unknown_where_utterances_are() -> None:
    assert words_in_silence(Reference("a.flac", "yes"), final(0, 1)) is None
