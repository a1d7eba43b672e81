"""What is heard of a recording that is there from the start: what its finals are compared with.

Knows nothing of servers.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from models.base import SAMPLE_RATE, DecodeOptions, Model, Samples

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
