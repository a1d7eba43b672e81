from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import ctranslate2
import numpy as np
import pytest

from models.base import SAMPLE_RATE, DecodeOptions, Hypothesis, Kind, Model, Samples
from models.declaration import Context, Declaration
from models.features import WINDOW, Spectrogram
from models.redecode import Redecode, Window
from models.registry import ModelSpec, load
from models.tokens import Vocabulary
from models.whisper import SHORTEST, Whisper, guard
from tests.conformance.check_model import check_model, listen
from tests.models.random_whisper import build

ENGLISH = DecodeOptions(languages=("en",))


def noise(seconds: float, seed: int = 0) -> Samples:
    """Loud all along, with a new colour each 0.2 s, so that there is something to tell apart."""
    rng = np.random.default_rng(seed)
    hops = [
        np.convolve(rng.standard_normal(SAMPLE_RATE // 5), rng.standard_normal(6), "same")
        for _ in range(int(seconds * 5))
    ]
    return (np.concatenate(hops) * 2_000).clip(-32_768, 32_767).astype(np.int16)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("whisper"))


@pytest.fixture(scope="module")
def model(directory: Path) -> Model:
    return loaded(directory)


@pytest.fixture(scope="module")
def decoder(directory: Path) -> Whisper:
    weights = ctranslate2.models.Whisper(str(directory), intra_threads=1)
    return Whisper(weights, Vocabulary(directory / "tokenizer.json"))


def loaded(directory: Path) -> Model:
    return load(ModelSpec(name="tiny", kind="whisper", path=str(directory)))


def over(samples: Samples, options: DecodeOptions, kind: Kind = Kind.FINAL, language: str | None = None) -> Window:
    sound = Spectrogram(80)
    sound.push(samples)
    return Window(sound=sound, end=len(samples), options=options, kind=kind, language=language)


def final(model: Model, samples: Samples, options: DecodeOptions = ENGLISH) -> Hypothesis:
    return listen(model, [samples], replace(options, partials=False))[0][-1]


# -- streaming ----------------------------------------------------------------------------------------------------


def test_keeps_the_contract(model: Model) -> None:
    check_model(model, [noise(1.6), noise(1.2, 1)])


@pytest.mark.parametrize("shape", [{"multilingual": False}, {"mels": 128, "languages": ("en", "yue")}])
def test_other_shapes_of_whisper(tmp_path: Path, shape: dict[str, object]) -> None:
    other = loaded(build(tmp_path / "other", **shape))  # type: ignore[arg-type]
    assert isinstance(other, Redecode)
    heard = final(other, noise(3))
    assert len(heard.words) > 4
    assert heard.language == "en"


def test_the_card_says_what_the_files_say(model: Model, tmp_path: Path) -> None:
    assert model.card.languages == ("en", "zh", "de")
    assert model.card.detects
    assert model.card.tasks == ("transcribe", "translate")
    english = loaded(build(tmp_path / "english", multilingual=False)).card
    assert (english.languages, english.detects, english.tasks) == (("en",), False, ("transcribe",))


def test_words_grow_with_the_audio(model: Model) -> None:
    told = listen(model, [noise(4)], ENGLISH)[0]
    assert [hypothesis.trusted for hypothesis in told] == [True] * len(told)
    assert told[-2].agreed > 3
    words = told[-1].words
    assert len(words) > 7
    assert all(0 < (word.confidence or 0) <= 1 for word in words)
    assert words[5].start == pytest.approx(5 / 3 * SAMPLE_RATE, abs=SAMPLE_RATE / 4)


# -- decoding -----------------------------------------------------------------------------------------------------


def test_neighbours_change_nothing(decoder: Whisper) -> None:
    """Languages, tasks, lengths and prompts of equal length share a call, and none of them tells."""
    windows = [
        over(noise(4), ENGLISH),
        over(noise(0.5, 1), DecodeOptions(task="translate", prompt="abc")),
        over(noise(7, 2), DecodeOptions(languages=("zh",), prompt="xyz"), language="zh"),
        over(noise(2, 3), DecodeOptions(languages=("de", "zh"))),
        over(noise(2, 3)[: SHORTEST - 1], DecodeOptions()),
    ]
    for prompted in (False, True):
        batch = [window for window in windows if bool(window.options.prompt) is prompted]
        assert len({decoder.key(window) for window in batch}) == 1
        together = decoder.decode(batch)
        for window, decoded in zip(batch, together, strict=True):
            [alone] = decoder.decode([window])
            assert replace(decoded, words=()) == replace(alone, words=())
            assert [(word.text, word.start, word.end) for word in decoded.words] == [
                (word.text, word.start, word.end) for word in alone.words
            ]
            assert [word.confidence for word in decoded.words] == pytest.approx(
                [word.confidence for word in alone.words], abs=1e-4
            )


def test_careful_windows_search_wider_and_batch_alike(decoder: Whisper) -> None:
    windows = [over(noise(3 + i, i), ENGLISH, Kind.RETRY) for i in range(2)]
    assert decoder.key(windows[0]) != decoder.key(replace(windows[0], kind=Kind.FINAL))
    texts = [[word.text for word in decoded.words] for decoded in decoder.decode(windows)]
    assert texts == [[word.text for word in decoder.decode([window])[0].words] for window in windows]


def test_languages_are_sought_among_those_that_may_occur(decoder: Whisper) -> None:
    windows = [over(noise(2), DecodeOptions(languages=codes)) for codes in (("en", "zh"), ("de",), ())]
    likeliest = decoder.decode([over(noise(2), DecodeOptions())])[0].language
    decoded = decoder.decode(windows)
    assert decoded[0].language in ("en", "zh")
    assert [decoded[1].language, decoded[2].language] == ["de", likeliest]


def test_a_language_is_not_given_up_for_one_that_is_hardly_likelier(decoder: Whisper) -> None:
    one = over(noise(2), DecodeOptions())
    detected = [("<|de|>", 0.5), ("<|zh|>", 0.3), ("<|en|>", 0.2)]
    assert decoder._likeliest(one, detected) == "de"
    assert decoder._likeliest(replace(one, leaning="zh"), detected) == "zh"
    assert decoder._likeliest(replace(one, leaning="en"), detected) == "de"
    assert decoder._likeliest(replace(one, options=DecodeOptions(languages=("en", "zh"))), detected) == "zh"


def test_less_than_a_word_says_nothing(decoder: Whisper) -> None:
    [decoded] = decoder.decode([over(noise(0.2)[: SHORTEST - 1], ENGLISH)])
    assert (decoded.words, decoded.tripped) == ((), None)


def test_thirty_seconds_fill_a_window(decoder: Whisper) -> None:
    [decoded] = decoder.decode([over(noise(30), ENGLISH)])
    assert decoder.window == WINDOW == 30 * SAMPLE_RATE
    assert len(decoded.words) > 60
    assert decoded.words[-1].end <= WINDOW


def test_what_was_said_before_is_a_prompt_of_one_length(directory: Path) -> None:
    weights = ctranslate2.models.Whisper(str(directory), intra_threads=1)
    vocabulary = Vocabulary(directory / "tokenizer.json")
    carrying = Whisper(weights, vocabulary, Declaration(carry_tokens=4))
    plain = over(noise(2), ENGLISH)
    told = [replace(plain, before=before) for before in (" zygote", " a longer story", " so")]
    assert [carrying._previous(window)[1:] for window in told] == [
        vocabulary.encode(" zygote")[-4:],
        vocabulary.encode("tory"),
        [],
    ]
    assert carrying.key(told[0]) == carrying.key(told[1]) != carrying.key(told[2]) == carrying.key(plain)
    asked = replace(told[0], options=replace(ENGLISH, keywords=("quark",)))
    assert carrying._previous(asked) == vocabulary.previous(asked.options)
    assert (Whisper(weights, vocabulary).carries, carrying.carries) == (False, True)


# -- guards -------------------------------------------------------------------------------------------------------


def test_a_loop_is_rejected(tmp_path: Path) -> None:
    hurried = loaded(build(tmp_path / "hurried", pace=60.0))
    assert final(hurried, noise(3)).rejected == "repetition"


def test_a_call_on_a_cpu_has_the_fewer_rows_the_longer_they_are(decoder: Whisper) -> None:
    fit = decoder.with_context(Context(partial=1.0, final=1.0))
    assert [fit.rows(over(noise(seconds), ENGLISH)) for seconds in (2, 6, 12, 25)] == [8, 4, 2, 1]
    assert fit.rows(over(noise(2), ENGLISH, Kind.RETRY)) == 1
    assert decoder.rows(over(noise(2), ENGLISH)) == decoder.card.max_batch == 1


def test_more_than_fits_one_window_is_heard_in_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.whisper.compresses", lambda text: False)  # as do words made of few syllables
    fast = loaded(build(tmp_path / "fast", pace=11.0, words=5_000))
    assert len(final(fast, noise(24)).words) > 224


@pytest.mark.parametrize(
    ("score", "no_speech", "reason"),
    [
        (-0.5, 0.9, None),
        (-1.5, 0.9, "no_speech"),
        (-1.5, 0.1, "noise"),
        (-1.1, 0.1, None),
        (float("nan"), 0.1, "noise"),
    ],
)
def test_unsure_text_is_noise_or_no_speech(score: float, no_speech: float, reason: str | None) -> None:
    assert guard(range(5), score, no_speech, looping=False) == reason
    assert guard([], score, no_speech, looping=False) is None


@pytest.mark.parametrize(
    ("score", "no_speech", "reason"),
    [
        (-0.41, 0.03, "noise"),
        (-0.41, 0.005, None),
        (-0.1, 0.8, "no_speech"),
        (-0.9, 1e-12, None),
        (0.0, 1.0, "no_speech"),
    ],
)
def test_a_model_may_ask_for_more_certainty(score: float, no_speech: float, reason: str | None) -> None:
    assert guard(range(5), score, no_speech, looping=False, least_sure=0.1) == reason
    assert guard([], score, no_speech, looping=False, least_sure=0.1) is None


# -- loading ------------------------------------------------------------------------------------------------------


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("name", "spoil", "error", "message"),
    [
        ("model.bin", Path.unlink, OSError, "model.bin is missing"),
        ("config.json", Path.unlink, OSError, "config.json is missing"),
        ("tokenizer.json", Path.unlink, OSError, "tokenizer.json is missing"),
        ("vocabulary.json", Path.unlink, ValueError, "can't be loaded: .*vocabulary.*fetch it again"),
        ("model.bin", cut, ValueError, "can't be loaded: .*fetch it again"),
        ("model.bin", lambda path: path.write_bytes(b"<html>" * 99), ValueError, "can't be loaded"),
        ("config.json", lambda path: path.write_text("{}"), ValueError, "no alignment_heads"),
        ("tokenizer.json", cut, ValueError, "tokenizer.json is damaged"),
    ],
)
def test_spoilt_files_are_named(
    directory: Path, tmp_path: Path, name: str, spoil: Callable[[Path], object], error: type[Exception], message: str
) -> None:
    for file in directory.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    spoil(tmp_path / name)
    with pytest.raises(error, match=message):
        loaded(tmp_path)


def test_a_directory_may_declare_less_than_its_tokens_say(tmp_path: Path) -> None:
    build(tmp_path)
    (tmp_path / "steno.json").write_text('{"languages": ["de"], "tasks": ["transcribe"]}')
    card = loaded(tmp_path).card
    assert (card.languages, card.tasks) == (("de",), ("transcribe",))


def test_a_directory_may_not_declare_languages_that_it_has_no_tokens_for(tmp_path: Path) -> None:
    build(tmp_path)
    (tmp_path / "steno.json").write_text('{"languages": ["de", "tlh"]}')
    with pytest.raises(ValueError, match="no tokens for tlh"):
        loaded(tmp_path)


@pytest.mark.parametrize("declared", ['{"languages": ["de", "en"]}', '{"tasks": ["translate"]}'])
def test_a_model_of_one_language_may_not_declare_more(tmp_path: Path, declared: str) -> None:
    build(tmp_path, multilingual=False)
    (tmp_path / "steno.json").write_text(declared)
    with pytest.raises(ValueError, match=r"no tokens for (de|translate)$"):
        loaded(tmp_path)


def test_languages_that_could_not_be_detected_are_named(tmp_path: Path) -> None:
    build(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    ids = config["lang_ids"]
    (tmp_path / "config.json").write_text(json.dumps(config | {"lang_ids": ids[:2]}))
    with pytest.raises(ValueError, match=rf"config\.json: lang_ids lacks {ids[2]} \(de\), so"):
        loaded(tmp_path)
    (tmp_path / "steno.json").write_text('{"languages": ["zh", "de"]}')
    with pytest.raises(ValueError, match="lang_ids lacks"):
        loaded(tmp_path)


@pytest.mark.parametrize(
    ("languages", "asked", "heard"), [(["de"], (), "de"), (["en", "zh"], (), None), (["en", "zh"], ("zh",), "zh")]
)
def test_languages_that_need_not_be_detected_may_lack_their_ids(
    tmp_path: Path, languages: list[str], asked: tuple[str, ...], heard: str | None
) -> None:
    build(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"lang_ids": config["lang_ids"][:2]}))
    (tmp_path / "steno.json").write_text(json.dumps({"languages": languages}))
    said = final(loaded(tmp_path), noise(2), DecodeOptions(languages=asked))
    assert said.language in ([heard] if heard else languages)
