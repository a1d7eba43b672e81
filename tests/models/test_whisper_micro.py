"""Whisper where words mean something: the adapter on a small model, trained, with speech it has never heard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.base import SAMPLE_RATE, DecodeOptions, Hypothesis, Model, Samples, Word
from models.redecode import Window
from models.registry import ModelSpec, load
from models.tokens import Vocabulary
from models.whisper import Whisper
from steno.bench import wer
from stream.channel import Channel, Endpoint, Onset, Speech
from tests.conformance.check_model import check_model, listen
from tests.micro.corpus import Clip, read
from tests.micro.degrade import babble
from tests.vad.voice import melody, noise, silence
from vad.endpointer import EndpointOptions

FIXTURES = Path(__file__).parents[1] / "fixtures"
MICRO = FIXTURES / "whisper-micro"


@pytest.fixture(scope="module")
def model() -> Model:
    return load(ModelSpec(name="whisper-micro", kind="whisper", path=str(MICRO)))


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    return read(FIXTURES / "clips")


@pytest.fixture(scope="module")
def said(model: Model, clips: list[Clip]) -> list[Hypothesis]:
    """What each clip says, its language being told."""
    return [whole(model, clip.samples, DecodeOptions(languages=(clip.language,))) for clip in clips]


def in_language(clips: list[Clip], language: str) -> list[Clip]:
    return [clip for clip in clips if clip.language == language]


def whole(model: Model, samples: Samples, options: DecodeOptions) -> Hypothesis:
    utterance = model.begin(options)
    utterance.accept(samples, True)
    utterance.finish(len(samples))
    while not (said := model.step([utterance])[0]).final:
        pass
    model.close(utterance)
    return said


def text(hypothesis: Hypothesis) -> list[str]:
    return wer.normalized("".join(word.text for word in hypothesis.words))


def test_keeps_the_contract(model: Model, clips: list[Clip]) -> None:
    check_model(model, [clip.samples for clip in in_language(clips, "en")[:2]])


def test_finds_the_words_in_either_language(clips: list[Clip], said: list[Hypothesis]) -> None:
    wrong = sum(wer.errors(wer.normalized(clip.text), text(each)) for clip, each in zip(clips, said, strict=True))
    assert wrong <= 0.12 * sum(len(clip.words) for clip in clips)


def test_languages_are_detected_side_by_side(model: Model, clips: list[Clip]) -> None:
    pair = [in_language(clips, "en")[0], in_language(clips, "de")[0]]
    told = listen(model, [clip.samples for clip in pair], DecodeOptions(partials=False))
    assert [hypotheses[-1].language for hypotheses in told] == ["en", "de"]
    for clip, hypotheses in zip(pair, told, strict=True):
        assert text(hypotheses[-1]) == text(whole(model, clip.samples, DecodeOptions()))
        assert wer.errors(wer.normalized(clip.text), text(hypotheses[-1])) <= 0.3 * len(clip.words)


def test_a_language_that_may_not_occur_is_not_detected(model: Model, clips: list[Clip]) -> None:
    [german, *_] = in_language(clips, "de")
    assert whole(model, german.samples, DecodeOptions(languages=("en",))).language == "en"


def test_words_have_their_times(clips: list[Clip], said: list[Hypothesis]) -> None:
    errors = []
    for clip, words in zip(clips, [each.words for each in said], strict=True):
        if len(words) == len(clip.words):
            for word, spoken in zip(words, clip.words, strict=True):
                errors += [abs(word.start / SAMPLE_RATE - spoken.start), abs(word.end / SAMPLE_RATE - spoken.end)]
    assert len(errors) >= sum(len(clip.words) for clip in clips)  # that is, of half of the words
    assert np.median(errors) <= 0.08


def test_confidence_tells_words_from_guesses(model: Model, clips: list[Clip], said: list[Hypothesis]) -> None:
    heard = [word for each in said for word in each.words]
    noisy = np.random.default_rng(0)
    guessed = []
    for clip in clips:
        loud = clip.samples + noisy.normal(0, 2.0 * int(clip.samples.max()), len(clip.samples))
        drowned = loud.clip(-32_768, 32_767).astype(np.int16)
        guessed += whole(model, drowned, DecodeOptions(languages=(clip.language,))).words
    assert np.mean([word.confidence for word in heard]) > 0.8
    assert all(word.confidence < 0.8 for word in guessed) or np.mean([w.confidence for w in guessed]) < 0.7


@pytest.mark.parametrize("prompt", ["Thank you for calling.", "The order number is four seven two. " * 5])
def test_a_prompt_does_not_get_into_the_words(
    model: Model, clips: list[Clip], said: list[Hypothesis], prompt: str
) -> None:
    changed = words = 0
    for clip, plain in zip(clips, map(text, said), strict=True):
        if clip.language != "en":
            continue
        prompted = text(whole(model, clip.samples, DecodeOptions(languages=("en",), prompt=prompt)))
        changed += wer.errors(plain, prompted)
        words += len(plain)
    assert changed <= 0.15 * words


def test_what_it_was_not_trained_for_is_not_on_its_card(model: Model) -> None:
    assert model.card.languages == ("en", "de")
    assert model.card.tasks == ("transcribe",)


def test_noise_and_silence_say_nothing(model: Model) -> None:
    random = np.random.default_rng(0)
    for level in (0, 3, 30, 300, 2_000):
        said = whole(model, random.normal(0, level, 2 * SAMPLE_RATE).astype(np.int16), DecodeOptions())
        assert (said.words, said.rejected is None) == ((), False)


def test_what_is_no_speech_says_nothing_in_a_session(model: Model, clips: list[Clip]) -> None:
    music = np.concatenate((silence(0.5), melody(8, -24, 0.5) + melody(8, -32, 2) + melody(8, -32, 4)))
    random = np.random.default_rng(0)
    white = random.normal(0, 1_000, 4 * SAMPLE_RATE).astype(np.int16)
    beeps = np.rint(4_000 * np.sin(np.arange(4 * SAMPLE_RATE) * 2 * np.pi * 480 / SAMPLE_RATE)).astype(np.int16)
    beeps[np.arange(len(beeps)) // (SAMPLE_RATE // 2) % 2 == 1] = 0
    voices = [clip.samples / np.float32(32_768) for clip in clips[:12]]
    crowd = np.rint(32_767 * babble(voices, 8, random)).astype(np.int16)
    for sound in (music, white, noise(4, -30), beeps, crowd, silence(2)):
        assert words_shown(model, sound) == []


def words_shown(model: Model, samples: Samples) -> list[Word]:
    """All words of partials and finals, where a channel finds the utterances."""
    shown: list[Word] = []
    channel, base = Channel(EndpointOptions()), 0
    utterance = model.begin(DecodeOptions())
    happenings = [each for at in range(0, len(samples), 1_600) for each in channel.push(samples[at : at + 1_600])]
    for happening in [*happenings, *channel.cut("stop")]:
        match happening:
            case Onset():
                utterance, base = model.begin(DecodeOptions(languages=("de",))), happening.start
            case Speech():
                utterance.accept(happening.samples, happening.speech)
            case Endpoint():
                utterance.finish(happening.last - base)
        while utterance.need:
            shown += model.step([utterance])[0].words
    return shown


def test_the_token_budget_ends_what_would_be_cut(clips: list[Clip]) -> None:
    """Many sentences without a pause fit into one window's budget: its last word is there."""
    import ctranslate2

    decoder = Whisper(ctranslate2.models.Whisper(str(MICRO)), Vocabulary(MICRO / "tokenizer.json"))
    samples = np.concatenate([clip.samples for clip in in_language(clips, "de")])
    sound = decoder.sound()
    sound.push(samples)
    options = DecodeOptions(languages=("de",))
    [decoded] = decoder.decode([Window(sound=sound, end=len(samples), options=options, language="de")])
    assert decoded.complete
    assert decoded.words[-1].end > len(samples) - SAMPLE_RATE
