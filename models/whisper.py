"""Whisper on CTranslate2: windows of audio to words.

Knows nothing of streaming (`redecode.py`), nor of where files come from (`weights.py`). What is said of CTranslate2
holds for 4.8.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np

from models.agreement import fit
from models.base import SAMPLE_RATE, DecodeOptions, Model, ModelCard, Rejection, Task, Word
from models.cublas import blame_cublas, open_cublas
from models.declaration import NOTHING, Declaration, declared
from models.features import HOP, WINDOW, log_mel
from models.redecode import Decoded, Redecode, Window
from models.registry import ModelSpec
from models.tokens import Vocabulary, repeats
from models.whisper_files import check_files

TOKEN_CAP = 224
"""What Whisper writes into one window at most: half of its context."""
TOKENS_PER_S = 12
"""More than anyone says (fast English takes 7, Japanese 10), so that what goes on past it is a loop."""

NO_SPEECH = 0.6
UNSURE = -1.0
"""The reference implementation's thresholds for the no-speech token's probability and the mean log-probability."""

SHORTEST = SAMPLE_RATE // 10
"""Less audio holds no word, but Whisper would find one."""

ALIGNMENT_STEP = SAMPLE_RATE // 50


def load(spec: ModelSpec) -> Model:
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
    if strange := set(declaration.languages or ()) - set(vocabulary.languages):
        raise ValueError(f"{directory / 'steno.json'}: the model has no tokens for {', '.join(sorted(strange))}")
    whisper = Whisper(weights, vocabulary, declaration)
    whisper.check()
    return Redecode(whisper)


class Whisper:
    """A `Decoder`. Every window is padded to 30 s, so that no row of a batch knows how long its neighbours are.

    Languages, tasks and prompts of equal length may share a call: CTranslate2 wants `<|startoftranscript|>` in the
    same place in all rows. So a key is the prompt's length, and the width of the search.
    """

    window = WINDOW

    def __init__(self, weights: Any, vocabulary: Vocabulary, declaration: Declaration = NOTHING) -> None:
        self._weights = weights
        self._vocabulary = vocabulary
        self._multilingual: bool = weights.is_multilingual
        on_cpu = weights.device == "cpu"
        # Half a second of speech holds a word or two; on a CPU decoding it anew takes about as long.
        self.hop = SAMPLE_RATE // 2 if on_cpu else SAMPLE_RATE // 4
        languages = vocabulary.languages if self._multilingual else ("en",)
        tasks: tuple[Task, ...] = ("transcribe", "translate") if self._multilingual else ("transcribe",)
        self.card = ModelCard(
            kind="whisper",
            languages=declaration.languages or languages,
            detects=self._multilingual,
            tasks=declaration.tasks or tasks,
            prompt=True,
            keywords=True,
            # Encoding 30 s fills all cores: on a CPU a row more takes as much longer, and 150 MB (of base).
            max_batch=2 if on_cpu else 16,
        )

    def key(self, options: DecodeOptions, careful: bool) -> Hashable:
        return (len(self._vocabulary.previous(options)), careful)

    def decode(self, windows: Sequence[Window]) -> list[Decoded]:
        features = np.stack([log_mel(window.samples, self._weights.n_mels) for window in windows])
        encoded = self._weights.encode(ctranslate2.StorageView.from_array(features))
        languages = self._languages(windows, encoded)
        starts = [
            self._vocabulary.start(language if self._multilingual else None, window.options.task)
            for window, language in zip(windows, languages, strict=True)
        ]
        budgets = [min(TOKEN_CAP, TOKENS_PER_S * (1 + len(window.samples) // SAMPLE_RATE)) for window in windows]
        generated = self._generate(encoded, windows, starts, budgets)
        texts = [
            [token for token in row.sequences_ids[0][:budget] if token < self._vocabulary.end]
            if len(window.samples) >= SHORTEST
            else []
            for window, row, budget in zip(windows, generated, budgets, strict=True)
        ]
        words = self._words(encoded, windows, starts, texts)
        decoded = []
        for i, row in enumerate(generated):
            full = len(row.sequences_ids[0]) >= budgets[i]
            tripped = guard(texts[i], row.scores[0], row.no_speech_prob, looping=full and budgets[i] < TOKEN_CAP)
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

    def _languages(self, windows: Sequence[Window], encoded: Any) -> list[str]:
        """Each window's language: what was decided, else the likeliest that may occur."""
        if not self._multilingual:
            return ["en"] * len(windows)
        if all(window.language for window in windows):
            return [str(window.language) for window in windows]
        return [
            window.language
            or next(
                token[2:-2]
                for token, _ in likeliest
                if token[2:-2] in (window.options.languages or self.card.languages)
            )
            for window, likeliest in zip(windows, self._weights.detect_language(encoded), strict=True)
        ]

    def _generate(
        self, encoded: Any, windows: Sequence[Window], starts: Sequence[list[int]], budgets: Sequence[int]
    ) -> Any:
        careful = windows[0].careful
        prompts = [
            self._vocabulary.previous(window.options) + start + [self._vocabulary.untimed]
            for window, start in zip(windows, starts, strict=True)
        ]
        # A beam ends otherwise where it may write less, so its limit must not depend on a row's neighbours.
        limit = TOKEN_CAP if careful else max(budgets)
        return self._weights.generate(
            encoded,
            prompts,
            beam_size=5 if careful else 1,
            no_repeat_ngram_size=5 if careful else 0,
            max_length=max(2 * limit, limit + len(prompts[0])),  # of both halves, of which a prompt may fill one
            return_scores=True,
            return_no_speech_prob=True,
        )

    def _words(
        self, encoded: Any, windows: Sequence[Window], starts: Sequence[list[int]], texts: Sequence[list[int]]
    ) -> list[tuple[Word, ...]]:
        """Words with times, by dynamic time warping of cross-attention, and the mean probabilities of their tokens.

        `align` takes one language and task a call. Rows of others take part in it without text, which costs less than
        to encode and generate them on their own.
        """
        words: list[tuple[Word, ...]] = [()] * len(windows)
        frames = [len(window.samples) // HOP for window in windows]
        for start in dict.fromkeys(map(tuple, starts)):
            mine = [text if tuple(other) == start else [] for other, text in zip(starts, texts, strict=True)]
            if not any(mine):
                continue
            aligned = self._weights.align(encoded, list(start), mine, frames)
            for i, text in enumerate(mine):
                if text:
                    words[i] = self._timed(text, aligned[i], len(windows[i].samples))
        return words

    def _timed(self, text: Sequence[int], aligned: Any, samples: int) -> tuple[Word, ...]:
        begins: dict[int, int] = {}
        for token, step in aligned.alignments:
            begins.setdefault(token, step * ALIGNMENT_STEP)
        words = []
        for spelled in self._vocabulary.words(text):
            probabilities = aligned.text_token_probs[spelled.first : spelled.stop]
            confidence = min(1.0, sum(probabilities) / len(probabilities))
            words.append(Word(spelled.text, begins[spelled.first], begins[spelled.stop], confidence))
        return fit(words, 0, samples)


def guard(text: Sequence[int], score: float, no_speech: float, looping: bool) -> Rejection | None:
    """What is wrong with `text`, if anything is.

    score:     CTranslate2's, the sum of log-probabilities divided by the tokens without the end of text.
    no_speech: the no-speech token's probability. looping: more was written than anyone says in that time.
    """
    if looping or repeats(text):
        return "repetition"
    # The threshold is meant for a mean that counts the end of text. Not "<": what is no number is not sure either.
    if text and not score * len(text) / (len(text) + 1) >= UNSURE:
        return "no_speech" if no_speech > NO_SPEECH else "noise"
    return None


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
