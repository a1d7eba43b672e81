"""Every layout that Whisper models have, loaded as an operator's would be: shapes, tokens, memory, errors."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import pytest
from numpy.typing import NDArray

from models.base import DecodeOptions, Hypothesis, Model, Samples
from models.context import SHAPES
from models.registry import ModelSpec, load
from models.tokens import Vocabulary
from tests.conformance.check_model import check_model, listen
from tests.models.layouts import LAYOUTS, Layout, english, multilingual, with_cantonese, written
from tests.models.random_whisper import build
from tests.models.test_whisper import noise

OWN_TOKENS = {"tiny.en": 51_864, "large-v2": 51_865, "large-v3": 51_866}
"""A layout for each vocabulary, and what that holds."""


@dataclass
class Recorder:
    """A `ctranslate2.models.Whisper` that notes what it is given."""

    real: Any
    heard: list[NDArray[np.float32]] = field(default_factory=list)
    prompts: list[list[int]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def encode(self, features: Any, *rest: Any) -> Any:
        self.heard.append(np.array(features))
        return self.real.encode(features, *rest)

    def generate(self, features: Any, prompts: list[list[int]], **options: Any) -> Any:
        self._check_kind(features)
        self.prompts += prompts
        return self.real.generate(features, prompts, **options)

    def align(self, features: Any, *rest: Any) -> Any:
        self._check_kind(features)
        return self.real.align(features, *rest)

    def detect_language(self, features: Any) -> Any:
        self._check_kind(features)
        return self.real.detect_language(features)

    def _check_kind(self, features: Any) -> None:
        """CTranslate2 tells encoder output from features by its shape: with as many positions as there are mel bins it
        is encoded once more, without a word."""
        assert not self.heard or features.shape[1] != self.real.n_mels


@dataclass
class Loaded:
    """A layout's model, and what it was given for the one final that it has told so far."""

    layout: Layout
    tokens: int
    model: Model
    calls: Recorder
    said: Hypothesis


SOUND = noise(5)
PROMPT = "Hello, world."


@pytest.fixture(scope="module")
def directories(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: written(name, tmp_path_factory.mktemp(name)) for name in LAYOUTS}


@pytest.fixture(scope="module", params=LAYOUTS)
def whisper(request: pytest.FixtureRequest, directories: dict[str, Path]) -> Loaded:
    model, calls = recorded(directories[request.param])
    layout = LAYOUTS[request.param]
    calls.prompts.clear()
    said = final(model, SOUND, languages=("en",), prompt=PROMPT)
    return Loaded(layout, layout.vocabulary().get_vocab_size(), model, calls, said)


def recorded(directory: Path) -> tuple[Model, Recorder]:
    recorders: list[Recorder] = []
    real = ctranslate2.models.Whisper

    def recording(*rest: Any, **options: Any) -> Recorder:
        recorders.append(Recorder(real(*rest, **options)))
        return recorders[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ctranslate2.models, "Whisper", recording)
        return load(spec(directory)), recorders[0]


def spec(directory: Path) -> ModelSpec:
    return ModelSpec(name="layout", kind="whisper", path=str(directory))


def final(model: Model, samples: Samples, **options: Any) -> Hypothesis:
    return listen(model, [samples], DecodeOptions(partials=False, **options))[0][-1]


# -- what a layout can do -----------------------------------------------------------------------------------------

LANGUAGES = {51_864: 1, 51_865: 99, 51_866: 100}
START = {51_864: [50_257], 51_865: [50_258, 50_259, 50_359], 51_866: [50_258, 50_259, 50_360]}
"""Start, English and transcription as the reference has them: a model of one language is told neither."""
BEFORE = {
    51_864: [50_360, 18_435, 11, 995, 13],
    51_865: [50_361, 2_425, 11, 1_002, 13],
    51_866: [50_362, 2_425, 11, 1_002, 13],
}
"""PROMPT, and the token before it."""
UNTIMED = {51_864: 50_362, 51_865: 50_363, 51_866: 50_364}


def test_the_card(whisper: Loaded) -> None:
    card, count = whisper.model.card, LANGUAGES[whisper.tokens]
    assert (card.languages[0], len(card.languages)) == ("en", count)
    assert ("yue" in card.languages) is (count == 100)
    assert card.detects is (count > 1)
    assert card.tasks == (("transcribe", "translate") if count > 1 else ("transcribe",))


def test_words_have_times(whisper: Loaded) -> None:
    words = whisper.said.words
    assert whisper.said.language == "en"
    assert len(words) > 1
    assert len(SOUND) / 4 < words[-1].end <= len(SOUND)


def test_the_prompt_has_the_ids_of_its_vocabulary(whisper: Loaded) -> None:
    tokens = whisper.tokens
    assert whisper.calls.prompts == [[*BEFORE[tokens], *START[tokens], UNTIMED[tokens]]]


def test_as_many_mel_bins_are_heard_as_were_learned(whisper: Loaded) -> None:
    [[heard]] = whisper.calls.heard
    assert len(heard) == whisper.layout.mels
    assert np.abs(heard - reference(SOUND, *heard.shape)).max() < 1e-3


def reference(samples: Samples, bins: int, frames: int) -> NDArray[np.float64]:
    """Whisper's features by their definition: a plain transform, and filters on Slaney's scale of mels."""
    audio = np.pad(np.pad(samples / 32_768, (0, 160 * frames - len(samples))), 200, "reflect")
    at = np.arange(400)
    waves = np.exp(-2j * np.pi * np.outer(at, np.arange(201)) / 400) * np.sin(np.pi * at / 400)[:, None] ** 2
    power = np.abs(np.array([audio[160 * i :][:400] for i in range(frames)]) @ waves) ** 2
    mels = np.linspace(0, 15 + np.log(8) * 27 / np.log(6.4), bins + 2)
    hertz = [mel * 200 / 3 if mel < 15 else 1000 * np.exp(np.log(6.4) * (mel - 15) / 27) for mel in mels]
    filters = [
        np.interp(40 * np.arange(201), hertz[i : i + 3], [0, 2 / (hertz[i + 2] - hertz[i]), 0]) for i in range(bins)
    ]
    levels = np.log10(np.maximum(filters @ power.T, 1e-10))
    return np.asarray((np.maximum(levels, levels.max() - 8) + 4) / 4)


def test_one_language_keeps_the_contract(directories: dict[str, Path]) -> None:
    model = load(spec(directories["tiny.en"]))
    check_model(model, [noise(1.6), noise(1.2, 1)], options=DecodeOptions(partials=False))


def test_cantonese_is_asked_for_and_sought(directories: dict[str, Path]) -> None:
    model, calls = recorded(directories["large-v3-turbo"])
    calls.prompts.clear()
    final(model, noise(1), languages=("yue",), task="translate")
    assert calls.prompts == [[50_258, 50_358, 50_359, 50_364]]
    assert final(model, noise(1), languages=("yue", "su")).language in ("yue", "su")


@pytest.mark.parametrize("mels", sorted({layout.mels for layout in LAYOUTS.values()}))
def test_what_is_encoded_never_looks_like_features(tmp_path: Path, mels: int) -> None:
    """Windows as short as they may be, each of which `Recorder` looks at: of 1.6 or 2.56 s they would be a trap."""
    build(tmp_path, mels=mels)
    (tmp_path / "steno.json").write_text('{"context_s": {"partial": 0, "final": 0}}')
    model, calls = recorded(tmp_path)
    for seconds in (1.6, 2.56):
        listen(model, [noise(seconds)], DecodeOptions(languages=("en",)))
    assert min(heard.shape[2] for heard in calls.heard) == SHAPES[0]


# -- tokens -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "size", "end", "translate", "transcribe", "last"),
    [
        (english, 51_864, 50_256, 50_357, 50_358, "su"),
        (multilingual, 51_865, 50_257, 50_358, 50_359, "su"),
        (with_cantonese, 51_866, 50_257, 50_359, 50_360, "yue"),
    ],
)
def test_special_tokens_have_the_ids_of_the_reference(
    make: Any, size: int, end: int, translate: int, transcribe: int, last: str
) -> None:
    tokenizer = make()
    assert tokenizer.get_vocab_size() == size
    expected = {
        "<|endoftext|>": end,
        "<|startoftranscript|>": end + 1,
        "<|en|>": end + 2,
        f"<|{last}|>": translate - 1,
        "<|translate|>": translate,
        "<|transcribe|>": transcribe,
        "<|startoflm|>": transcribe + 1,
        "<|startofprev|>": transcribe + 2,
        "<|nospeech|>": transcribe + 3,
        "<|notimestamps|>": transcribe + 4,
        "<|0.00|>": transcribe + 5,
        "<|30.00|>": size - 1,
    }
    assert {token: tokenizer.token_to_id(token) for token in expected} == expected


@pytest.mark.parametrize(
    ("make", "ids"),
    [
        (english, [3894, 11, 339, 338, 513, 13, 20, 3625, 7331, 0, 13328, 110, 113, 45739, 252]),
        (multilingual, [1042, 11, 415, 311, 805, 13, 20, 3521, 6764, 0, 220, 18393, 113, 31348]),
    ],
)
def test_text_is_cut_as_in_the_reference(make: Any, ids: list[int]) -> None:
    text = " Well, he's 3.5 feet tall! 粵語"
    assert make().encode(text).ids == ids
    assert make().decode(ids) == text


@pytest.mark.parametrize("name", OWN_TOKENS)
def test_words_survive_their_tokens(directories: dict[str, Path], name: str) -> None:
    vocabulary = Vocabulary(directories[name] / "tokenizer.json")
    words = [" Well,", " he's", " naïve", " 🎉", " 你", "好"]
    assert [word.text for word in vocabulary.words(vocabulary.encode("".join(words)))] == words


# -- files --------------------------------------------------------------------------------------------------------


def mixed(directories: dict[str, Path], directory: Path, model: str, files: dict[str, str]) -> Path:
    """The files of `model`, but for `files` of others: file names to theirs. All are links: replace, don't change."""
    directory.mkdir(exist_ok=True)
    for file in directories[model].iterdir():
        (directory / file.name).symlink_to(directories[files.get(file.name, model)] / file.name)
    return directory


@pytest.mark.parametrize(("name", "other"), list(permutations(OWN_TOKENS, 2)))
def test_the_tokenizer_of_another_layout_is_refused(
    directories: dict[str, Path], tmp_path: Path, name: str, other: str
) -> None:
    with pytest.raises(ValueError, match=r"tokenizer\.json belongs to another model than vocabulary\.json"):
        load(spec(mixed(directories, tmp_path / "one", name, {"tokenizer.json": other})))
    all_but_weights = dict.fromkeys(("tokenizer.json", "vocabulary.json", "config.json"), other)
    counts = f"knows {OWN_TOKENS[name]} tokens, not {OWN_TOKENS[other]}"
    with pytest.raises(ValueError, match=rf"vocabulary\.json belongs to another model than model\.bin, which {counts}"):
        load(spec(mixed(directories, tmp_path / "all", name, all_but_weights)))


def test_a_teachers_alignment_heads_are_refused(directories: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"the decoder has 2 layers .* \[31, 0\] in alignment_heads"):
        load(spec(mixed(directories, tmp_path, "distil-large-v3", {"config.json": "large-v3"})))


@pytest.mark.parametrize("name", OWN_TOKENS)
def test_a_vocabulary_of_lines_is_the_same(directories: dict[str, Path], tmp_path: Path, name: str) -> None:
    """As CTranslate2 wrote it at first; an empty line is what tells that a model knows many languages."""
    mixed(directories, tmp_path, name, {})
    tokens = json.loads((tmp_path / "vocabulary.json").read_text())
    (tmp_path / "vocabulary.json").unlink()
    (tmp_path / "vocabulary.txt").write_text("".join(f"{token}\n" for token in tokens))
    assert load(spec(tmp_path)).card == load(spec(directories[name])).card


# -- memory -------------------------------------------------------------------------------------------------------

MEASURE = """
import sys
import numpy as np, psutil
from models import whisper
from models.base import DecodeOptions
from models.registry import ModelSpec, load
memory = psutil.Process().memory_info
before = memory().rss
model = load(ModelSpec(name="base", kind="whisper", path=sys.argv[1], threads=2))
loaded = memory().rss
utterances = [model.begin(DecodeOptions(languages=("en",), partials=False)) for _ in range(2)]
for utterance in utterances:
    utterance.accept(np.random.default_rng(0).integers(-9_000, 9_000, 48_000, np.int16), True)
    utterance.finish(48_000)
model.step(utterances)
print((loaded - before) / 1e6, (memory().rss - loaded) / 1e6)
"""


def test_memory_is_that_of_weights_and_activations(tmp_path: Path) -> None:
    """As wide as a base, in int8: 43 MB of weights, which would be 170 as floats."""
    build(tmp_path, quantization="int8", width=512, heads=8, layers=2, words=50_000)
    size = (tmp_path / "model.bin").stat().st_size / 1e6
    ran = subprocess.run([sys.executable, "-c", MEASURE, str(tmp_path)], capture_output=True, check=True, text=True)
    loaded, stepped = map(float, ran.stdout.split())
    assert 0.8 * size < loaded < 1.5 * size + 100
    assert stepped < 500
