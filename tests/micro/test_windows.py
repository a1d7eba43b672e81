from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from tokenizers import Tokenizer

from models.features import log_mel as reference
from tests.micro.corpus import RATE, Clip
from tests.micro.vocabulary import FIXTURE
from tests.micro.voices import SpokenWord
from tests.micro.windows import EDGE_S, POSITION, Composer, Token, Window, Writer, used_tokens

Windows = Callable[[float], list[Window]]


@pytest.fixture(scope="module")
def writer() -> Writer:
    return Writer(Tokenizer.from_file(str(FIXTURE / "tokenizer.json")))


@pytest.fixture(scope="module")
def windows(writer: Writer) -> Windows:
    """Many, of so many seconds at most. All tests share them."""

    @cache
    def composed(seconds: float) -> list[Window]:
        composer = Composer(CLIPS, writer)
        return [composer.window(np.random.default_rng(seed), seconds, prompt=2) for seed in range(300)]

    return composed


def clip(text: str, language: str = "en") -> Clip:
    """Half a second a word, a tone for each; a second of silence around all."""
    words = text.split()
    tone = (9_000 * np.sin(np.arange(RATE // 2) / 5)).astype(np.int16)
    silence = np.zeros(RATE, np.int16)
    times = tuple(SpokenWord(word, 1 + i / 2, 1.5 + i / 2) for i, word in enumerate(words))
    samples = np.concatenate([silence, *[tone] * len(words), silence])
    return Clip("a.flac", samples, times, ((0, len(words)),), language, "somebody", "clean")


CLIPS = [clip("Thank you for calling."), clip("The order is late, sorry."), clip("Guten Tag, Frau Müller.", "de")]


def test_a_window_is_no_longer_than_asked_and_ends_its_text(writer: Writer, windows: Windows) -> None:
    for window in windows(6.0):
        assert len(window.samples) <= 6 * RATE
        assert window.tokens[-1].id == writer.end
        assert window.tokens[window.asked - 1].id == writer.start or not window.spoken


def test_words_are_said_where_it_is_loud(windows: Windows) -> None:
    for window in windows(6.0):
        for token in window.tokens[:-1]:
            if token.said:
                first, last = token.said
                assert last * POSITION <= len(window.samples) + POSITION
                assert np.abs(window.samples[first * POSITION : last * POSITION]).max() > 0.01


def test_a_cut_takes_the_words_behind_it_along(writer: Writer, windows: Windows) -> None:
    """No more text than the audio has room for, at half a second a word."""
    for window in windows(8.0):
        text = [token for token in window.tokens if token.said and token.id < writer.end]
        assert len({token.said for token in text}) * 0.1 <= len(window.samples) / RATE + EDGE_S


def test_timestamps_enclose_their_words(writer: Writer, windows: Windows) -> None:
    timed = [w for w in windows(8.0) if w.spoken and writer.untimed not in [t.id for t in w.tokens]]
    assert timed
    for window in timed:
        times = [token.id - writer.zero for token in window.tokens if token.id >= writer.zero]
        assert times == sorted(times)
        assert len(times) % 2 == 0


def test_silence_is_no_language(windows: Windows) -> None:
    silent = [window for window in windows(6.0) if not window.spoken]
    assert silent
    assert all(not any(token.said for token in window.tokens) for window in silent)


def test_used_tokens_are_those_of_all_windows(writer: Writer, windows: Windows) -> None:
    used = set(used_tokens(CLIPS, writer))
    assert {token.id for window in windows(8.0) for token in window.tokens} <= used


def test_a_word_of_several_tokens_shares_its_time(writer: Writer) -> None:
    tokens = list(writer.words([SpokenWord("Müller.", 1.0, 2.0)]))
    assert len(tokens) > 1
    assert all(isinstance(token, Token) and token.said for token in tokens)
    assert [token.said for token in (tokens[0], tokens[-1]) if token.said] == [(50, 67), (83, 100)]


def test_features_are_those_of_the_server(writer: Writer) -> None:
    torch = pytest.importorskip("torch")
    from tests.micro.batches import log_mel

    samples = CLIPS[0].samples[: 3 * RATE]
    audio = torch.from_numpy(samples / np.float32(32_768))[None]
    mine = log_mel(audio, torch.tensor([audio.shape[1]]))[0].numpy()
    assert mine[:, :-2] == pytest.approx(reference(samples, 80)[:, : mine.shape[1] - 2], abs=1e-3)
