"""`models.voxtral`: tiny models of the true classes say what transformers' own `generate` has them say."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from models import placement, voxtral  # noqa: E402
from models.base import SAMPLE_RATE, DecodeOptions, Kind, Model, Samples  # noqa: E402
from models.continuation import Continuation  # noqa: E402
from models.features import Spectrogram  # noqa: E402
from models.redecode import Redecode, Window  # noqa: E402
from models.registry import ModelSpec, load  # noqa: E402
from models.tekken import Tekken  # noqa: E402
from models.voxtral import LANGUAGES, SHORTEST, TOKENS_PER_S, Voxtral, echoes  # noqa: E402
from tests.conformance.check_model import check_model, listen  # noqa: E402
from tests.models.test_whisper import noise  # noqa: E402
from tests.models.tiny_voxtral import build  # noqa: E402

ANY = DecodeOptions()
GERMAN = DecodeOptions(languages=("de",))


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("voxtral"))


@pytest.fixture(scope="module")
def model(directory: Path) -> Model:
    return loaded(directory)


@pytest.fixture(scope="module")
def decoder(directory: Path) -> Voxtral:
    network = transformers.VoxtralForConditionalGeneration.from_pretrained(directory)
    return Voxtral(network, Tekken(directory / "tekken.json"), LANGUAGES, rows=4)


def loaded(directory: Path, **settings: str) -> Model:
    return load(ModelSpec(name="tiny", kind="voxtral", path=str(directory), **settings))  # type: ignore[arg-type]


def over(
    samples: Samples, language: str | None = None, kind: Kind = Kind.FINAL, prefix: tuple[str, ...] = ()
) -> Window:
    sound = Spectrogram(128)
    sound.push(samples)
    return Window(sound=sound, end=len(samples), options=ANY, kind=kind, language=language, prefix=prefix)


class Reference:
    """transformers alone: its processor, and its `generate`."""

    def __init__(self, directory: Path) -> None:
        features = transformers.WhisperFeatureExtractor.from_pretrained(directory)
        tokenizer = transformers.MistralCommonBackend.from_pretrained(str(directory))
        self.processor = transformers.VoxtralProcessor(features, tokenizer)
        self.network = transformers.VoxtralForConditionalGeneration.from_pretrained(directory)

    def says(self, samples: Samples, language: str | None, limit: int, forced: str = "") -> str:
        """What it says of audio, behind the words that its answer begins with."""
        inputs = self.processor.apply_transcription_request(
            audio=[samples.astype(np.float32) / 32_768],
            model_id="tiny",
            language=language,
            sampling_rate=SAMPLE_RATE,
            format=["wav"],
        )
        told = torch.tensor([self.processor.tokenizer.encode(forced, add_special_tokens=False)], dtype=torch.long)
        ids = torch.cat([inputs["input_ids"], told], dim=1)
        with torch.inference_mode():
            told = self.network.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                input_features=inputs["input_features"],
                max_new_tokens=limit - told.shape[1],
                do_sample=False,
            )
        text: str = self.processor.decode(told[0, ids.shape[1] :], skip_special_tokens=True)
        return text


# -- transcribing -------------------------------------------------------------------------------------------------


def text(words: Sequence[object]) -> str:
    return "".join(word.text for word in words)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("language", "lengths"), [(None, (0.5, 2, 7, 30)), ("de", (1.2, 3.3, 5))])
def test_says_what_transformers_has_it_say(
    directory: Path, decoder: Voxtral, language: str | None, lengths: Sequence[float]
) -> None:
    reference = Reference(directory)
    clips = [noise(seconds, i) for i, seconds in enumerate(lengths)]
    said = [text(decoded.words) for decoded in decoder.decode([over(clip, language) for clip in clips])]
    limits = [TOKENS_PER_S * (1 + len(clip) // SAMPLE_RATE) for clip in clips]
    assert said == [reference.says(clip, language, limit) for clip, limit in zip(clips, limits, strict=True)]
    assert len(set(said)) > 2
    assert max(map(len, said)) > 20


def test_neighbours_change_nothing(decoder: Voxtral) -> None:
    """Lengths, languages and prefixes share a call, and none of them tells."""
    windows = [
        over(noise(4)),
        over(noise(0.5, 1), "en"),
        over(noise(7, 2), "de", Kind.PARTIAL, prefix=(" babo", " something,")),
        over(noise(2, 3), "hi", Kind.FIRST),
        over(noise(0.2, 4)[: SHORTEST - 1]),
    ]
    assert len({decoder.key(window) for window in windows}) == 1
    for window, together in zip(windows, decoder.decode(windows), strict=True):
        [alone] = decoder.decode([window])
        assert replace(together, words=()) == replace(alone, words=())
        assert [replaced(word) for word in together.words] == [replaced(word) for word in alone.words]
        assert [word.confidence or 0 for word in together.words] == pytest.approx(
            [word.confidence or 0 for word in alone.words], abs=1e-5
        )


def replaced(word: object) -> tuple[object, ...]:
    return (word.text, word.start, word.end)  # type: ignore[attr-defined]


def test_a_prefix_is_taken_up(directory: Path, decoder: Voxtral) -> None:
    clip, limit = noise(7, 2), 8 * TOKENS_PER_S
    prefix = (" babo", " something")
    [continued] = decoder.decode([over(clip, "en", Kind.PARTIAL, prefix)])
    words = [word.text for word in continued.words]
    assert tuple(words[:2]) == prefix
    assert "".join(words[2:]) == Reference(directory).says(clip, "en", limit, forced="babo something")
    assert len(words) > 4
    assert [word.confidence is None for word in continued.words] == [True, True, *[False] * (len(words) - 2)]


def test_a_careful_step_says_no_five_tokens_twice(decoder: Voxtral) -> None:
    windows = [over(noise(3 + i, i), kind=Kind.RETRY) for i in range(3)]
    assert decoder.key(windows[0]) != decoder.key(replace(windows[0], kind=Kind.FINAL))
    together = [text(decoded.words) for decoded in decoder.decode(windows)]
    assert together == [text(decoder.decode([window])[0].words) for window in windows]


@pytest.mark.parametrize(
    ("said", "banned"),
    [
        ([1, 2, 3, 4, 5, 9, 1, 2, 3, 4], [5]),
        ([1, 2, 3, 4, 5, 1, 2, 3, 4, 6, 1, 2, 3, 4], [5, 6]),
        ([7] * 4, []),
        ([7] * 5, [7]),
        ([1, 2, 3, 4], []),
        ([], []),
    ],
)
def test_what_would_be_an_echo_is_known(said: list[int], banned: list[int]) -> None:
    assert echoes(said) == banned


def test_less_than_a_word_says_nothing(decoder: Voxtral) -> None:
    [decoded] = decoder.decode([over(noise(0.2)[: SHORTEST - 1])])
    assert (decoded.words, decoded.tripped) == ((), None)


def test_words_share_the_speech(decoder: Voxtral) -> None:
    speech = ((8_000, 16_000), (40_000, 48_000))
    [decoded] = decoder.decode([replace(over(noise(7, 2)), speech=speech)])
    assert len(decoded.words) > 3
    assert (decoded.words[0].start, decoded.words[-1].end) == (8_000, 48_000)
    assert decoder.card.word_times == "estimated"


def test_of_a_language_that_is_detected_nothing_is_said(model: Model) -> None:
    assert model.card.detects
    assert not model.card.narrows
    assert listen(model, [noise(2)], ANY)[0][-1].language is None
    assert listen(model, [noise(2)], GERMAN)[0][-1].language == "de"


# -- streaming ----------------------------------------------------------------------------------------------------


def test_keeps_the_contract(model: Model) -> None:
    check_model(model, [noise(1.6), noise(1.2, 1)])


def test_what_goes_on_past_all_that_can_be_said_is_a_loop(tmp_path: Path) -> None:
    endless = loaded(build(tmp_path / "endless", ends=0))
    assert listen(endless, [noise(2)], replace(ANY, partials=False))[0][-1].rejected == "repetition"


# -- memory -------------------------------------------------------------------------------------------------------


def test_rows_that_are_over_give_their_memory_back(decoder: Voxtral, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[int] = []

    class Watched(Continuation):
        def read(self, *arguments: object) -> None:  # type: ignore[override]
            super().read(*arguments)  # type: ignore[arg-type]
            rows.append(self._cache.layers[0].keys.shape[0])

    monkeypatch.setattr(voxtral, "Continuation", Watched)
    decoder.decode([over(noise(seconds)) for seconds in (1, 3, 4)])
    assert rows[0] == 3
    assert rows == sorted(rows, reverse=True)
    assert rows[-1] == 1


def test_rows_are_as_many_as_there_is_memory_for(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = transformers.VoxtralConfig.from_pretrained(directory)
    weights, each = 4 * placement.parameters(directory), voxtral.bytes_each(config, 4)
    assert weights == 4 * sum(p.numel() for p in transformers.VoxtralForConditionalGeneration(config).parameters())
    monkeypatch.setitem(voxtral.ROWS, "cpu", 8)
    for free, rows in ((weights + each, 1), (weights + 10 * each, 5), (weights + 50 * each, 8)):
        monkeypatch.setattr(placement, "_free", lambda device, free=free: free)
        assert loaded(directory).card.max_batch == rows
    assert loaded(directory).card.chat_audio_s == 2_400
    scant = weights + each + 1_000 * voxtral.bytes_per_token(config, 4)
    monkeypatch.setattr(placement, "_free", lambda device: scant)
    assert loaded(directory).card.chat_audio_s is None
    monkeypatch.setattr(placement, "_free", lambda device: weights + each - 1)
    with pytest.raises(ValueError, match=r"tiny takes .* GB for its weights as float32 .* free some"):
        loaded(directory)


# -- loading ------------------------------------------------------------------------------------------------------


def test_a_directory_may_say_what_languages_it_knows(tmp_path: Path) -> None:
    directory = build(tmp_path / "mine")
    (directory / "steno.json").write_text('{"languages": ["en", "ja"]}')
    assert loaded(directory).card.languages == ("en", "ja")
    (directory / "steno.json").write_text('{"languages": ["en"], "carry_tokens": 8}')
    with pytest.raises(ValueError, match=r"steno\.json: of a Voxtral it may say `languages`"):
        loaded(directory)


@pytest.mark.parametrize(("asked", "dtype"), [("default", "float32"), ("bfloat16", "bfloat16")])
def test_weights_are_stored_as_asked(directory: Path, asked: str, dtype: str) -> None:
    model = loaded(directory, compute_type=asked)
    assert isinstance(model, Redecode)
    assert model._decoder._network.dtype is getattr(torch, dtype)  # type: ignore[attr-defined]
    assert listen(model, [noise(2)], replace(ANY, partials=False))[0][-1].final


@pytest.mark.parametrize("damage", ["cut", "garbled", "lacking", "not numbers"])
def test_damaged_weights_are_named(tmp_path: Path, damage: str) -> None:
    from safetensors.torch import load_file, save_file

    directory = build(tmp_path / "mine")
    path = directory / "model.safetensors"
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-1_000])
    elif damage == "garbled":
        path.write_bytes(bytes(64) + path.read_bytes()[64:])
    else:
        tensors = load_file(path)
        name = next(name for name in tensors if name.endswith("linear_1.weight"))
        if damage == "lacking":
            del tensors[name]
        else:
            tensors[name] *= torch.nan
        save_file(tensors, path, {"format": "pt"})
    with pytest.raises(ValueError, match=r"damaged|lack"):
        loaded(directory)


def test_a_vocabulary_of_another_model_is_named(tmp_path: Path) -> None:
    directory = build(tmp_path / "mine")
    config = json.loads((directory / "config.json").read_text())
    (directory / "config.json").write_text(json.dumps(config | {"audio_token_id": 23}))
    with pytest.raises(ValueError, match="belongs to another model"):
        loaded(directory)
