"""What is heard of a recording that is there from the start: what its finals are compared with.

Knows nothing of servers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from models import registry
from models.base import SAMPLE_RATE, DecodeOptions, Model, Samples
from models.registry import ModelSpec
from steno.bench import wer
from steno.bench.corpus import Entry
from tests.benchmarks import faster_whisper_baseline

AROUND_S = 0.3
"""Audio that an utterance is given before its start and behind its end."""

Span = tuple[float, float]


def default_decoder(path: Path) -> str:
    """What PocketSphinx as it comes makes of a whole file."""
    from pocketsphinx import Decoder

    decoder = Decoder(loglevel="FATAL")
    decoder.start_utt()
    decoder.process_raw(_mono(path).tobytes(), full_utt=True)
    decoder.end_utt()
    hypothesis = decoder.hyp()
    return hypothesis.hypstr if hypothesis else ""


def utterance_by_utterance(model: Model, path: Path, utterances: Sequence[Span], language: str | None) -> str:
    """What a model makes of each utterance alone, its audio being there at once; of all the file if it has none."""
    audio = _mono(path)
    options = DecodeOptions(languages=(language,) if language else (), partials=False)
    spans = with_surroundings(utterances, len(audio) / SAMPLE_RATE) if utterances else [(0, len(audio) / SAMPLE_RATE)]
    return " ".join(
        _decoded(model, audio[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)], options) for start, end in spans
    )


def long_form(weights: Any, path: Path, language: str | None) -> str:
    """What faster-whisper makes of a whole file, window after window."""
    audio = _mono(path).astype(np.float32) / 32_768
    segments, _ = weights.transcribe(audio, language=language, without_timestamps=True)
    return "".join(segment.text for segment in segments).strip()


def better_offline(spec: ModelSpec, entries: Sequence[Entry]) -> dict[str, str]:
    """By file, what a model makes of recordings; of two ways with a Whisper that which errs less over all."""
    model = registry.load(spec)
    ways: list[Callable[[Path, Entry], str]] = [
        lambda path, entry: utterance_by_utterance(
            model, path, [(each.start, each.end) for each in entry.reference.utterances], entry.reference.language
        )
    ]
    if spec.kind == "whisper":
        weights = faster_whisper_baseline.weights(spec)
        ways.append(lambda path, entry: long_form(weights, path, entry.reference.language))
    texts = [{entry.reference.file: way(Path(entry.recording.path), entry) for entry in entries} for way in ways]
    return min(texts, key=lambda by_file: _errors(entries, by_file))


def _errors(entries: Sequence[Entry], texts: dict[str, str]) -> int:
    return sum(wer.errors(entry.reference.said, wer.normalized(texts[entry.reference.file])) for entry in entries)


def with_surroundings(utterances: Sequence[Span], duration: float) -> list[Span]:
    """Utterances in order, with AROUND_S of the file around them, or half the pause to a neighbour if that is less."""
    ordered = sorted(utterances)
    pauses = [max(0, after[0] - before[1]) / 2 for before, after in pairwise(ordered)]
    leads = [min(AROUND_S, room) for room in [ordered[0][0], *pauses]]
    trails = [min(AROUND_S, room) for room in [*pauses, duration - ordered[-1][1]]]
    return [(start - lead, end + trail) for (start, end), lead, trail in zip(ordered, leads, trails, strict=True)]


def _decoded(model: Model, samples: Samples, options: DecodeOptions) -> str:
    utterance = model.begin(options)
    utterance.accept(samples, True)
    utterance.finish(len(samples))
    while not (hypothesis := model.step([utterance])[0]).final:
        pass
    model.close(utterance)
    return "".join(word.text for word in hypothesis.words).strip()


def _mono(path: Path) -> Samples:
    samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
    return soxr.resample(samples.mean(axis=1).astype(np.int16), rate, SAMPLE_RATE)
