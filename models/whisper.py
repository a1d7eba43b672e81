"""Whisper on CTranslate2: windows of audio to words.

Knows nothing of streaming (`redecode.py`), nor of where files come from (`weights.py`). What is said of CTranslate2
holds for 4.8.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, cast

import ctranslate2
import msgspec
import numpy as np

from models.base import SAMPLE_RATE, Kind, Model, ModelCard, Rejection, Task, Word
from models.context import frames
from models.cublas import blame_cublas, open_cublas
from models.declaration import NOTHING, ODDS, Context, Declaration, declared
from models.features import HOP, WINDOW, Spectrogram
from models.redecode import Decoded, Redecode, Window
from models.registry import ModelSpec
from models.spelling import Spelling, compresses, repeats
from models.times import fit
from models.tokens import Vocabulary
from models.whisper_files import check_files, check_languages

TOKEN_CAP = 224
"""What Whisper writes into one window at most: half of its context."""
TOKENS_PER_S = 12
"""More than anyone says (fast English takes 7, Japanese 10), so that what goes on past it is a loop."""

NO_SPEECH = 0.6
UNSURE = -1.0
"""The reference implementation's thresholds for the no-speech token's probability and the mean log-probability."""

PASSAGE = 7 * SAMPLE_RATE
"""Of a recording so much is heard in one go, if windows needn't be padded to 30 s: as much as of live speech, which the
model has been measured on. Longer windows cost as much a second, and live speech waits longer for a step to end."""

SHORTEST = SAMPLE_RATE // 10
"""Less audio holds no word, but Whisper would find one."""

LIKELIER = 2.0
"""How much likelier another language must be than the one detected so far."""

ALIGNMENT_STEP = SAMPLE_RATE // 50


def load(spec: ModelSpec) -> Model:
    """As `open_whisper`, for streaming."""
    return Redecode(open_whisper(spec))


def open_whisper(spec: ModelSpec) -> Whisper:
    """Load a Whisper directory in CTranslate2's format, as faster-whisper has them.

    These are model.bin, config.json, vocabulary.json or .txt, tokenizer.json. Raises OSError for one that is missing,
    ValueError for one that can't be used, ImportError without cuBLAS.
    """
    if spec.path is None:
        raise ValueError(f"{spec.name}: Whisper needs a directory of weights")
    directory = Path(spec.path)
    for name in ("model.bin", "config.json"):
        if not (directory / name).is_file():
            raise FileNotFoundError(
                f"{directory / name} is missing: is this a CTranslate2 directory, fetched to its end?"
            )
    vocabulary = Vocabulary(directory / "tokenizer.json")
    weights = _weights(spec)
    check_files(directory, vocabulary, weights.is_multilingual)
    declaration = declared(directory)
    able = {*vocabulary.languages, "transcribe", "translate"} if weights.is_multilingual else {"en", "transcribe"}
    if strange := {*(declaration.languages or ()), *(declaration.tasks or ())} - able:
        raise ValueError(f"{directory / 'steno.json'}: the model has no tokens for {', '.join(sorted(strange))}")
    declaration = msgspec.structs.replace(
        declaration,
        languages=declaration.languages or spec.languages,
        tasks=declaration.tasks or spec.tasks,
    )
    whisper = Whisper(weights, vocabulary, declaration)
    if whisper.card.detects:
        check_languages(directory, vocabulary, whisper.card.languages)
    whisper.check()
    return whisper


class Whisper:
    """A `Decoder`. Every window is padded to one of a few lengths by its own length alone, so that no row of a batch
    knows how long its neighbours are.

    Languages, tasks, prefixes and prompts of equal length may share a call: CTranslate2 wants `<|startoftranscript|>`
    in the same place in all rows. So a key is the window's padded length, the prompt's length, and the width of the
    search.
    """

    window = WINDOW

    def __init__(self, weights: Any, vocabulary: Vocabulary, declaration: Declaration = NOTHING) -> None:
        self._weights = weights
        self._vocabulary = vocabulary
        self._declaration = declaration
        self._context = declaration.context_s
        self.passage = WINDOW if self._context.final is None else PASSAGE
        self.carries = declaration.carry_tokens > 0
        self._multilingual: bool = weights.is_multilingual
        on_cpu = weights.device == "cpu"
        # Half a second of speech holds a word or two; on a CPU decoding it anew takes about as long.
        self.hop = SAMPLE_RATE // 2 if on_cpu else SAMPLE_RATE // 4
        languages = declaration.languages or (vocabulary.languages if self._multilingual else ("en",))
        tasks: tuple[Task, ...] = ("transcribe", "translate") if self._multilingual else ("transcribe",)
        self.card = ModelCard(
            kind="whisper",
            languages=languages,
            detects=len(languages) > 1,
            tasks=declaration.tasks or tasks,
            prompt=True,
            keywords=True,
            # Encoding 30 s fills all cores: on a CPU a row more takes as much longer, and 150 MB (of base).
            max_batch=16 if not on_cpu else 2 if self._context.partial is None else 8,
        )

    def with_context(self, context: Context, carry_tokens: int = 0) -> Whisper:
        """The same weights, given another context, and so much of what was said before."""
        declaration = msgspec.structs.replace(self._declaration, context_s=context, carry_tokens=carry_tokens)
        return Whisper(self._weights, self._vocabulary, declaration)

    def sound(self) -> Spectrogram:
        return Spectrogram(self._weights.n_mels)

    def key(self, window: Window) -> Hashable:
        careful = window.kind is Kind.RETRY
        return (self._frames(window), len(self._previous(window)), careful)

    def decode(self, windows: Sequence[Window]) -> list[Decoded]:
        features = [cast("Spectrogram", window.sound).window(window.end, self._frames(window)) for window in windows]
        encoded = self._weights.encode(ctranslate2.StorageView.from_array(np.stack(features)))
        languages = self._languages(windows, encoded)
        rows = [self._row(window, language) for window, language in zip(windows, languages, strict=True)]
        generated = self._generate(encoded, rows)
        texts = [
            [token for token in told.sequences_ids[0][: row.budget] if token < self._vocabulary.end]
            if row.window.end >= SHORTEST
            else []
            for row, told in zip(rows, generated, strict=True)
        ]
        words = self._words(encoded, rows, texts)
        decoded = []
        for i, (row, told) in enumerate(zip(rows, generated, strict=True)):
            full = len(told.sequences_ids[0]) >= row.budget
            # Forced tokens count as sure, so the score is that of the others, thinned.
            score = told.scores[0] * len(texts[i]) / max(1, len(texts[i]) - row.forced)
            looping = (full and row.budget < TOKEN_CAP) or compresses("".join(word.text for word in words[i]))
            tripped = guard(texts[i], score, told.no_speech_prob, looping, self._declaration.least_sure)
            decoded.append(Decoded(words=words[i], language=languages[i], tripped=tripped, complete=not full))
        return decoded

    def check(self) -> None:
        """Decode a moment of silence: it is here that a missing cuBLAS and damaged weights come to light."""
        silence = np.zeros((1, self._weights.n_mels, 100), np.float32)
        prompt = self._vocabulary.start(self.card.languages[0] if self._multilingual else None, "transcribe")
        try:
            [row] = self._weights.generate(
                ctranslate2.StorageView.from_array(silence), [prompt], max_length=8, return_no_speech_prob=True
            )
        except RuntimeError as error:
            blame_cublas(error)
            raise ValueError(f"the weights were loaded, but don't run: {error}") from error
        if not math.isfinite(row.no_speech_prob):
            raise ValueError("model.bin is damaged, its weights are no numbers: fetch it again")

    def _previous(self, window: Window) -> list[int]:
        """What the window is told before its transcript begins: the session's own prompt, or else what was said."""
        asked = self._vocabulary.previous(window.options)
        return asked or self._vocabulary.carried(window.before, self._declaration.carry_tokens)

    def _frames(self, window: Window) -> int:
        return frames(window.end, window.kind, self._context)

    def _languages(self, windows: Sequence[Window], encoded: Any) -> list[str]:
        """Each window's language: what was decided, else the likeliest that may occur."""
        if not self.card.detects:
            return [self.card.languages[0]] * len(windows)
        if all(window.language for window in windows):
            return [str(window.language) for window in windows]
        return [
            window.language or self._likeliest(window, detected)
            for window, detected in zip(windows, self._weights.detect_language(encoded), strict=True)
        ]

    def _likeliest(self, window: Window, detected: Sequence[tuple[str, float]]) -> str:
        """detected: language tokens and their probabilities, the likeliest first."""
        allowed = window.options.languages or self.card.languages
        chances = {token[2:-2]: chance for token, chance in detected if token[2:-2] in allowed}
        best = next(iter(chances))
        leaning = window.leaning
        return leaning if leaning and chances[leaning] * LIKELIER > chances[best] else best

    def _row(self, window: Window, language: str) -> _Row:
        return _Row(
            window=window,
            previous=self._previous(window),
            start=tuple(self._vocabulary.start(language if self._multilingual else None, window.options.task)),
            prefix=tuple((text, self._vocabulary.encode(text)) for text in window.prefix),
            budget=min(TOKEN_CAP, TOKENS_PER_S * (1 + window.end // SAMPLE_RATE)),
        )

    def _generate(self, encoded: Any, rows: Sequence[_Row]) -> Any:
        careful = rows[0].window.kind is Kind.RETRY
        prompts = [
            [*row.previous, *row.start, self._vocabulary.untimed, *chain.from_iterable(ids for _, ids in row.prefix)]
            for row in rows
        ]
        # A beam ends otherwise where it may write less, so its limit must not depend on a row's neighbours.
        limit = TOKEN_CAP if careful else max(row.budget for row in rows)
        return self._weights.generate(
            encoded,
            prompts,
            beam_size=5 if careful else 1,
            no_repeat_ngram_size=5 if careful else 0,
            # Of both halves, of which a prompt may fill one.
            max_length=max(2 * limit, limit + len(rows[0].previous) + len(rows[0].start) + 1),
            return_scores=True,
            return_no_speech_prob=True,
        )

    def _words(self, encoded: Any, rows: Sequence[_Row], texts: Sequence[list[int]]) -> list[tuple[Word, ...]]:
        """Words with times, by dynamic time warping of cross-attention, and the mean probabilities of their tokens.

        `align` takes one language and task a call. Rows of others take part in it without text, which costs less than
        to encode and generate them on their own.
        """
        words: list[tuple[Word, ...]] = [()] * len(rows)
        heard = [row.window.end // HOP for row in rows]
        for start in dict.fromkeys(row.start for row in rows):
            mine = [text if row.start == start else [] for row, text in zip(rows, texts, strict=True)]
            if not any(mine):
                continue
            aligned = self._weights.align(encoded, list(start), mine, heard)
            for i, (row, text) in enumerate(zip(rows, mine, strict=True)):
                if text:
                    spelling = self._vocabulary.words(text, [(word, len(ids)) for word, ids in row.prefix])
                    words[i] = _timed(spelling, aligned[i], row.window.end)
        return words


@dataclass(frozen=True, slots=True)
class _Row:
    """A window's part in a call, in tokens. previous: what came before; start: language and task. prefix: the words
    that are settled. budget: how much may be written, these included."""

    window: Window
    previous: list[int]
    start: tuple[int, ...]
    prefix: tuple[tuple[str, list[int]], ...]
    budget: int

    @property
    def forced(self) -> int:
        return sum(len(ids) for _, ids in self.prefix)


def _timed(spelling: Sequence[Spelling], aligned: Any, samples: int) -> tuple[Word, ...]:
    begins: dict[int, int] = {}
    for token, step in aligned.alignments:
        begins.setdefault(token, step * ALIGNMENT_STEP)
    words = []
    for spelled in spelling:
        probabilities = aligned.text_token_probs[spelled.first : spelled.stop]
        confidence = min(1.0, sum(probabilities) / len(probabilities))
        words.append(Word(spelled.text, begins[spelled.first], begins[spelled.stop], confidence))
    return fit(words, 0, samples)


def guard(
    text: Sequence[int], score: float, no_speech: float, looping: bool, least_sure: float | None = None
) -> Rejection | None:
    """What is wrong with `text`, if anything is.

    score:     CTranslate2's, the sum of log-probabilities divided by the tokens without the end of text.
    no_speech: the no-speech token's probability. looping: more was written than anyone says in that time, or it
        compresses too well. least_sure: the model's own threshold (`Declaration`).
    """
    if looping or repeats(text):
        return "repetition"
    if not text:
        return None
    # The threshold is meant for a mean that counts the end of text.
    mean = score * len(text) / (len(text) + 1)
    odds = math.log(max(no_speech, 1e-9) / max(1 - no_speech, 1e-9))
    # Not "<": what is no number is not sure either.
    if mean >= UNSURE and (least_sure is None or mean - ODDS * odds >= least_sure):
        return None
    return "no_speech" if no_speech > NO_SPEECH else "noise"


# -- loading ------------------------------------------------------------------------------------------------------


def _weights(spec: ModelSpec) -> Any:
    if spec.device == "cuda":
        if not ctranslate2.get_cuda_device_count():
            raise ValueError(f"{spec.name}: no CUDA device is to be seen; look at its driver, or take the CPU")
        open_cublas()
    compute_type = spec.compute_type
    if compute_type == "default":
        fastest = "float16" if spec.device == "cuda" else "int8"
        compute_type = fastest if fastest in ctranslate2.get_supported_compute_types(spec.device) else "float32"
    try:
        return ctranslate2.models.Whisper(
            spec.path, device=spec.device, compute_type=compute_type, intra_threads=spec.threads
        )
    except Exception as error:  # damaged files raise whatever their bytes lead to
        blame_cublas(error)
        raise ValueError(f"{spec.path} can't be loaded: {error}. If it was fetched, fetch it again") from error
