"""tests/benchmarks/faster_whisper_baseline.py: what it decodes when, with weights that only count, and once for real"""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from models.base import SAMPLE_RATE, DecodeOptions, Hypothesis, Kind
from steno.bench import corpus, wer
from steno.bench.talk import talk
from tests.benchmarks.faster_whisper_baseline import MODULE, FasterWhisper
from tests.benchmarks.rig import serving
from tests.micro.vocabulary import FIXTURE


class Counting:
    """Says a word for each second that isn't silent, in English."""

    supported_languages = ("en", "de")
    model = SimpleNamespace(is_multilingual=True)

    def __init__(self) -> None:
        self.asked: list[tuple[float, dict[str, Any]]] = []

    def transcribe(self, audio: np.ndarray, **options: Any) -> tuple[Iterator[Any], Any]:
        assert audio.dtype == np.float32
        seconds = len(audio) / SAMPLE_RATE
        self.asked.append((seconds, options))
        segments = iter([SimpleNamespace(text=" word" * int(np.count_nonzero(audio) / SAMPLE_RATE))])
        return segments, SimpleNamespace(language=options["language"] or "en")


@pytest.fixture
def weights() -> Counting:
    return Counting()


def heard(weights: Counting, seconds: float, end: float, **options: Any) -> list[Hypothesis]:
    """All hypotheses of an utterance that comes in pieces of 100 ms, stepped whenever that is worth doing."""
    model, told = FasterWhisper(weights), []
    utterance = model.begin(DecodeOptions(**options))
    for _ in range(round(10 * seconds)):
        utterance.accept(np.ones(SAMPLE_RATE // 10, np.int16), True)
        if utterance.need:
            told += model.step([utterance])
    utterance.finish(round(end * SAMPLE_RATE))
    assert utterance.need
    assert utterance.need.kind == Kind.FINAL
    told += model.step([utterance])
    assert utterance.need is None
    return told


def test_the_whole_utterance_is_decoded_for_each_new_second_and_once_more_at_its_end(weights: Counting):
    told = heard(weights, 3.4, 3.1)
    assert [seconds for seconds, _ in weights.asked] == pytest.approx([1, 2, 3, 3.1])
    assert [len(hypothesis.words) for hypothesis in told] == [1, 2, 3, 3]
    assert [hypothesis.final for hypothesis in told] == [False, False, False, True]


def test_nothing_is_stable_before_the_final(weights: Counting):
    assert [hypothesis.agreed for hypothesis in heard(weights, 2.5, 2.5)] == [0, 0, 2]


def test_words_share_the_time_there_is(weights: Counting):
    *_, final = heard(weights, 2.5, 2.4)
    assert [(word.text, word.start, word.end) for word in final.words] == [
        (" word", 0, 19_200),
        (" word", 19_200, 38_400),
    ]
    assert (final.covers, final.rejected) == (38_400, None)


def test_it_is_asked_as_most_servers_ask(weights: Counting):
    heard(weights, 0.5, 0.5, languages=("de",))
    heard(weights, 0.5, 0.5, languages=("de", "en"), task="translate")
    common = {"beam_size": 1, "without_timestamps": True, "condition_on_previous_text": False}
    assert [options for _, options in weights.asked] == [
        {**common, "language": "de", "task": "transcribe"},
        {**common, "language": None, "task": "translate"},
    ]


def test_without_partials_only_the_final_is_decoded(weights: Counting):
    assert len(heard(weights, 3, 3, partials=False)) == 1


def test_no_words_are_no_speech(weights: Counting):
    [final] = heard(weights, 0.5, 0.5)
    assert (final.words, final.rejected) == ((), "no_speech")


def test_what_is_closed_needs_nothing_more(weights: Counting):
    model = FasterWhisper(weights)
    utterance = model.begin(DecodeOptions())
    utterance.finish(0)
    model.close(utterance)
    assert utterance.need is None


async def test_our_server_runs_it() -> None:
    entry = corpus.read(FIXTURE.parent / "conversations")[0]
    with serving("--model", str(FIXTURE), "--device", "cpu", "--replicas", "1", program=(MODULE,)) as server:
        heard = await talk(server.address, entry.recording.chunks(1), paced=False, mode="file", language="en")
    assert wer.errors(entry.reference.said, wer.normalized(heard.text)) <= 0.1 * len(entry.reference.said)
    assert len(heard.finals) == len(heard.segments)
