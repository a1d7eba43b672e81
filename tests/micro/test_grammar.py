from __future__ import annotations

import re
from collections import Counter
from functools import cache

import numpy as np
import pytest

from steno.bench.wer import normalized
from tests.micro.grammar import LANGUAGES, sentence, vocabulary

DRAWS = 20_000


@cache
def drawn(language: str) -> list[str]:
    random = np.random.default_rng(0)
    return [sentence(language, random) for _ in range(DRAWS)]


each_language = pytest.mark.parametrize("language", LANGUAGES)


@pytest.mark.parametrize(("language", "least", "most"), [("en", 280, 320), ("de", 75, 90)])
def test_has_as_many_words_as_a_tiny_model_can_learn(language: str, least: int, most: int) -> None:
    assert least <= len(vocabulary(language)) <= most


@each_language
def test_every_word_occurs_and_no_other(language: str) -> None:
    counts = Counter(word for text in drawn(language) for word in normalized(text))
    assert counts.keys() == vocabulary(language)
    assert [word for word, count in counts.items() if count < DRAWS / 400] == []


@each_language
def test_sentences_hardly_repeat(language: str) -> None:
    assert len(set(drawn(language))) > 0.95 * DRAWS


@each_language
def test_sentences_are_short(language: str) -> None:
    lengths = [len(text.split()) for text in drawn(language)]
    assert (min(lengths) >= 3, max(lengths) <= 16) == (True, True)
    assert 8 <= np.mean(lengths) <= 11


@each_language
def test_sentences_are_words_with_plain_punctuation(language: str) -> None:
    plain = re.compile(r"[^\W\d_a-zäöüß][^\W\d_']*(?:'[a-z]+)?(?:,? [^\W\d_']+(?:'[a-z]+)?)*[.?]")
    assert [text for text in drawn(language) if not plain.fullmatch(text)] == []


@each_language
def test_a_word_is_always_written_alike(language: str) -> None:
    spellings = {word.strip(".,?") for text in drawn(language) for word in text.split()[1:]}
    assert [word for word, count in Counter(map(str.lower, spellings)).items() if count > 1] == []


@each_language
def test_the_same_words_are_punctuated_alike(language: str) -> None:
    written = {(tuple(normalized(text)), text) for text in drawn(language)}
    assert len({words for words, _ in written}) == len(written)


def test_the_same_seed_draws_the_same_sentences() -> None:
    assert [sentence("en", np.random.default_rng(7)) for _ in range(2)] == [
        sentence("en", np.random.default_rng(7))
    ] * 2
