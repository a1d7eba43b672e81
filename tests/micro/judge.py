"""How well a small Whisper hears what `speak` wrote: words, with and without 30 s of padding, languages, times.

    python -m tests.micro.judge MODEL CLIPS [--compute-type int8] [--faster-whisper] [--same-as OTHER] [--json FILE]

All is decoded greedily and without timestamps. Knows nothing of training.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np

from models.base import DecodeOptions, Word
from models.declaration import Context, declared
from models.features import FRAMES, HOP, WINDOW, log_mel
from models.redecode import Decoded, Window
from models.tokens import Vocabulary
from models.whisper import TOKEN_CAP, TOKENS_PER_S, Whisper
from steno.bench import wer
from steno.bench.quantiles import percentile
from tests.benchmarks.figures import Figure, parser, report
from tests.micro.corpus import RATE, Clip, read
from tests.micro.voices import SpokenWord

BATCH = 8
CONTEXT_S = 1.0
"""What a short window holds behind the last word."""

CLEAN, TELEPHONE, GERMAN = 8.0, 15.0, 15.0
"""Bars: word error rates in percent."""
SHORT_LOSS, LANGUAGES, TIMES_MS, SAME = 2.0, 98.0, 80.0, 99.0
"""Bars: points that short context may cost; percent of the clips; median; percent of faster-whisper's texts."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of a clip. guessed: its language, as detected. padded: its words, of 30 s and with the language told.
    short: its words again, of little more than the speech."""

    clip: Clip
    guessed: str | None
    padded: Decoded
    short: str

    @property
    def text(self) -> str:
        return "".join(word.text for word in self.padded.words)


def main() -> int:
    flags = parser(__doc__)
    flags.add_argument("model", type=Path)
    flags.add_argument("clips", type=Path)
    flags.add_argument("--compute-type", default="int8", help="what CTranslate2 is to calculate with")
    flags.add_argument("--faster-whisper", action="store_true", help="compare with it; it is to be installed")
    flags.add_argument("--same-as", type=Path, metavar="OTHER", help="a model that is to say the same: a widened one")
    chosen = flags.parse_args()
    clips = read(chosen.clips)
    if long := [clip.file for clip in clips if len(clip.samples) > WINDOW]:
        sys.exit(f"{long[0]} is longer than 30 s, a Whisper window: judge folders of single sentences")
    heard = hear(chosen.model, clips, chosen.compute_type)
    figures = [*_words(heard), *_short(heard), *_languages(heard), *_times(heard)]
    if chosen.faster_whisper:
        figures += _faster_whisper(chosen.model, heard, chosen.compute_type)
    if chosen.same_as:
        figures.append(_same_as(chosen.same_as, heard, chosen.compute_type))
    return report(figures, chosen.json)


# -- decoding -----------------------------------------------------------------------------------------------------


def hear(directory: Path, clips: Sequence[Clip], compute_type: str) -> list[Heard]:
    weights = ctranslate2.models.Whisper(str(directory), compute_type=compute_type)
    vocabulary = Vocabulary(directory / "tokenizer.json")
    adapter = Whisper(weights, vocabulary, declared(directory)).with_context(Context())
    guesses = _decode(adapter, [_window(adapter, clip, DecodeOptions()) for clip in clips])
    padded = [
        guess if guess.language == clip.language else _told(adapter, clip)
        for clip, guess in zip(clips, guesses, strict=True)
    ]
    short = _decode_short(weights, vocabulary, clips)
    return [
        Heard(clip, guess.language, *rest) for clip, guess, *rest in zip(clips, guesses, padded, short, strict=True)
    ]


def _decode(adapter: Whisper, windows: Sequence[Window]) -> list[Decoded]:
    return [decoded for i in range(0, len(windows), BATCH) for decoded in adapter.decode(windows[i : i + BATCH])]


def _told(adapter: Whisper, clip: Clip) -> Decoded:
    options = DecodeOptions(languages=(clip.language,))
    return adapter.decode([_window(adapter, clip, options)])[0]


def _window(adapter: Whisper, clip: Clip, options: DecodeOptions) -> Window:
    sound = adapter.sound()
    sound.push(clip.samples)
    return Window(sound=sound, end=len(clip.samples), options=options)


def _decode_short(weights: Any, vocabulary: Vocabulary, clips: Sequence[Clip]) -> list[str]:
    """As the adapter does it, but for the window's length."""
    texts = [""] * len(clips)
    lengths = [context_frames(clip.words[-1].end) for clip in clips]
    for mine in batches(lengths):
        features = np.stack([log_mel(clips[i].samples, weights.n_mels)[:, : lengths[i]] for i in mine])
        prompts = [[*vocabulary.start(clips[i].language, "transcribe"), vocabulary.untimed] for i in mine]
        rows = weights.generate(ctranslate2.StorageView.from_array(features), prompts, beam_size=1)
        for i, row in zip(mine, rows, strict=True):
            budget = min(TOKEN_CAP, TOKENS_PER_S * (1 + len(clips[i].samples) // RATE))
            text = [token for token in row.sequences_ids[0][:budget] if token < vocabulary.end]
            texts[i] = "".join(word.text for word in vocabulary.words(text))
    return texts


def context_frames(end_s: float) -> int:
    """Frames up to CONTEXT_S behind a last word, in pairs, as the encoder takes them.

    Never as many pairs as there are mel bins, by which CTranslate2 would take the encoder's output for features.
    """
    pairs = math.ceil((end_s + CONTEXT_S) * RATE / HOP / 2)
    return min(FRAMES, 2 * (pairs + (pairs == 80)))


def batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Places of equal lengths, BATCH at most together."""
    for length in sorted(set(lengths)):
        mine = [i for i, other in enumerate(lengths) if other == length]
        yield from (mine[i : i + BATCH] for i in range(0, len(mine), BATCH))


# -- words --------------------------------------------------------------------------------------------------------


def error_rate(references: Sequence[str], texts: Sequence[str]) -> float | None:
    """Pooled, in percent; None where nothing was said."""
    said = [wer.normalized(reference) for reference in references]
    wrong = sum(wer.errors(words, wer.normalized(text)) for words, text in zip(said, texts, strict=True))
    return 100 * wrong / sum(map(len, said)) if any(said) else None


def _rate(heard: Sequence[Heard], text: Callable[[Heard], str] = lambda each: each.text) -> float | None:
    return error_rate([each.clip.text for each in heard], [text(each) for each in heard])


def _words(heard: Sequence[Heard]) -> list[Figure]:
    def rate(language: str, *qualities: str) -> float | None:
        return _rate(
            [
                each
                for each in heard
                if each.clip.language == language and (not qualities or each.clip.quality in qualities)
            ]
        )

    return [
        Figure("clips", len(heard)),
        Figure("WER, English, clean", rate("en", "clean"), "%", most=CLEAN),
        Figure("WER, English, telephone", rate("en", "telephone"), "%", most=TELEPHONE),
        Figure("WER, English, room", rate("en", "room"), "%"),
        Figure("WER, English, noise", rate("en", "noise"), "%"),
        Figure("WER, German, clean", rate("de", "clean"), "%", most=GERMAN),
        Figure("WER, German, all", rate("de"), "%"),
        Figure("clips where a guard tripped", _percent([each.padded.tripped is not None for each in heard]), "%"),
    ]


def _short(heard: Sequence[Heard]) -> list[Figure]:
    clean = [each for each in heard if each.clip.quality == "clean"]
    return [
        Figure(f"WER lost with {CONTEXT_S:g} s of context, clean", _lost(clean), "points", most=SHORT_LOSS),
        Figure(f"WER lost with {CONTEXT_S:g} s of context, all", _lost(heard), "points"),
    ]


def _lost(heard: Sequence[Heard]) -> float | None:
    padded, short = _rate(heard), _rate(heard, lambda each: each.short)
    return None if padded is None or short is None else short - padded


def _languages(heard: Sequence[Heard]) -> list[Figure]:
    found = _percent([each.guessed == each.clip.language for each in heard])
    return [Figure("languages detected rightly", found, "%", least=LANGUAGES)]


def _percent(truths: Sequence[bool]) -> float | None:
    return 100 * sum(truths) / len(truths) if truths else None


# -- times --------------------------------------------------------------------------------------------------------


def time_errors(said: Sequence[SpokenWord], heard: Sequence[Word]) -> list[tuple[float, float]] | None:
    """Milliseconds that starts and ends are off, for each word; None where other words were heard."""
    if [wer.normalized(word.text) for word in said] != [wer.normalized(word.text) for word in heard]:
        return None
    return [
        (1000 * abs(word.start / RATE - true.start), 1000 * abs(word.end / RATE - true.end))
        for true, word in zip(said, heard, strict=True)
    ]


def _times(heard: Sequence[Heard]) -> list[Figure]:
    clips = [time_errors(each.clip.words, each.padded.words) for each in heard]
    words = [word for clip in clips if clip is not None for word in clip]
    starts, ends = [start for start, _ in words], [end for _, end in words]
    return [
        Figure("clips with all words right", _percent([clip is not None for clip in clips]), "%"),
        *_off("their word starts", starts),
        *_off("their word ends", ends),
        *_off("their word starts and ends", starts + ends, TIMES_MS),
    ]


def _off(name: str, errors_ms: Sequence[float], most: float | None = None) -> list[Figure]:
    return [
        Figure(f"{name} off by, p50", percentile(errors_ms, 50), "ms", most=most),
        Figure(f"{name} off by, p90", percentile(errors_ms, 90), "ms"),
    ]


# -- other models and programs -----------------------------------------------------------------------------------------


def _same_as(directory: Path, heard: Sequence[Heard], compute_type: str) -> Figure:
    """In short windows: a wide model takes minutes for what a micro one does in seconds."""
    weights = ctranslate2.models.Whisper(str(directory), compute_type=compute_type)
    texts = _decode_short(weights, Vocabulary(directory / "tokenizer.json"), [each.clip for each in heard])
    same = _percent([text == each.short for text, each in zip(texts, heard, strict=True)])
    return Figure(f"same text by {directory.name}", same, "%", least=SAME)


def _faster_whisper(directory: Path, heard: Sequence[Heard], compute_type: str) -> list[Figure]:
    """It pads features with zeros, loud sounds to Whisper, unless it is given 30 s of audio."""
    from faster_whisper import WhisperModel

    whisper = WhisperModel(str(directory), device="cpu", compute_type=compute_type)

    def same(samples: int, timed: bool) -> float | None:
        return _percent([wer.normalized(text(each, samples, timed)) == wer.normalized(each.text) for each in heard])

    def text(each: Heard, samples: int, timed: bool) -> str:
        audio = np.zeros(max(samples, len(each.clip.samples)), np.float32)
        audio[: len(each.clip.samples)] = each.clip.samples / np.float32(32_768)
        segments, _ = whisper.transcribe(
            audio,
            language=each.clip.language,
            beam_size=1,
            temperature=0,
            without_timestamps=not timed,
            condition_on_previous_text=False,
        )
        return "".join(segment.text for segment in segments)

    return [
        Figure("same words by faster-whisper", same(0, timed=False), "%", least=SAME),
        Figure("same words by faster-whisper, with timestamps", same(0, timed=True), "%"),
        Figure("same words by faster-whisper, of 30 s of audio", same(WINDOW, timed=False), "%"),
    ]


if __name__ == "__main__":
    sys.exit(main())
