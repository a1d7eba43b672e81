"""What most servers do, for comparison: faster-whisper decodes the whole utterance so far, once for each new second.

    python -m tests.benchmarks.faster_whisper_baseline serve --model DIRECTORY ...

is our own server, where Whisper directories run this way: same sockets, same detector of speech, same worker process;
one utterance at a time, nothing stable before the final, and the final is one decode more.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

import numpy as np

from models import registry
from models.base import SAMPLE_RATE, DecodeOptions, Hypothesis, Kind, ModelCard, Need, Samples, Utterance, Word
from models.registry import ModelSpec
from stream import cli, engines, link, worker

MODULE = "tests.benchmarks.faster_whisper_baseline"
HOP = SAMPLE_RATE
"""New audio between two decodes, speech or not."""


def load(spec: ModelSpec) -> FasterWhisper:
    return FasterWhisper(weights(spec))


def weights(spec: ModelSpec) -> Any:
    """A `faster_whisper.WhisperModel`."""
    from faster_whisper import WhisperModel

    assert spec.path
    return WhisperModel(spec.path, device=spec.device, compute_type="int8", cpu_threads=spec.threads)


class FasterWhisper:
    """A `Model`."""

    def __init__(self, weights: Any) -> None:
        self._weights = weights
        self.card = ModelCard(
            kind="whisper",
            languages=tuple(weights.supported_languages),
            detects=weights.model.is_multilingual,
            max_batch=1,
        )

    def begin(self, options: DecodeOptions, stable: Sequence[Word] = (), carry: str | None = None) -> Utterance:
        return _Utterance(options)

    def step(self, batch: Sequence[Utterance]) -> list[Hypothesis]:
        [utterance] = cast("Sequence[_Utterance]", batch)
        return [utterance.hear(self._transcribed(utterance))]

    def close(self, utterance: Utterance) -> None:
        cast("_Utterance", utterance).over = True

    def _transcribed(self, utterance: _Utterance) -> tuple[str, str]:
        """Text and language."""
        languages = utterance.options.languages
        segments, info = self._weights.transcribe(
            utterance.audio().astype(np.float32) / 32_768,
            language=languages[0] if len(languages) == 1 else None,
            task=utterance.options.task,
            beam_size=1,
            without_timestamps=True,
            condition_on_previous_text=False,
        )
        return "".join(segment.text for segment in segments), info.language


class _Utterance:
    def __init__(self, options: DecodeOptions) -> None:
        self.options = options
        self.over = False
        self._chunks: list[Samples] = []
        self._accepted = 0
        self._decoded = 0
        self._end: int | None = None

    @property
    def need(self) -> Need | None:
        if self.over:
            return None
        if self._end is not None:
            return Need(Kind.FINAL, "transcribe")
        if self.options.partials and self._accepted - self._decoded >= HOP:
            return Need(Kind.PARTIAL if self._decoded else Kind.FIRST, "transcribe")
        return None

    def accept(self, samples: Samples, speech: bool) -> None:
        self._chunks.append(samples)
        self._accepted += len(samples)

    def finish(self, end: int) -> None:
        self._end = min(end, self._accepted)

    def audio(self) -> Samples:
        audio = np.concatenate([*self._chunks, np.zeros(0, np.int16)])
        self._chunks = [audio]
        self._decoded = len(audio)
        return audio[: self._end]

    def hear(self, transcribed: tuple[str, str]) -> Hypothesis:
        text, language = transcribed
        final = self._end is not None
        self.over = final
        covers = self._decoded if self._end is None else self._end
        words = _spread(text, covers)
        return Hypothesis(
            words=words,
            agreed=len(words) if final else 0,
            covers=covers,
            language=language,
            final=final,
            rejected=None if words or not final else "no_speech",
        )


def _spread(text: str, samples: int) -> tuple[Word, ...]:
    """Words that share all the time there is: it was not asked for when they were said."""
    texts = text.split()
    length = max(1, samples // max(1, len(texts)))
    return tuple(Word(f" {each}", place * length, (place + 1) * length) for place, each in enumerate(texts))


def main(arguments: Sequence[str]) -> int:
    """The server, or without arguments its worker."""
    if arguments:
        engines.Engine = partial(engines.Engine, launch=partial(link.start_process, MODULE))  # type: ignore[misc]
        return cli.main(arguments)
    registry.KINDS["whisper"] = MODULE
    worker.main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
