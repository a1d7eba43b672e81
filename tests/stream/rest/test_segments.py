"""Segments' texts, joined, are the transcript, whatever the model's habits with spaces."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.base import Word
from stream.rest.segments import (
    heard_languages,
    mean_confidence,
    mean_log_confidence,
    most_doubt,
    segments,
    text,
    word_by_word,
)
from tests.stream.rest.vendors import SAID, TEXT, final


def said(*texts: str, language: str | None = "en"):
    return final(*(Word(each, i, i + 1) for i, each in enumerate(texts)), language=language)


def test_the_first_has_no_space_before_it_and_the_others_do():
    told = segments(SAID)
    assert [each.text for each in told] == ["Good morning.", " Can you hear?"]
    assert text(told) == TEXT
    assert (told[1].start, told[1].end, told[1].number) == (SAID[1].start, SAID[1].end, 1)


def test_a_space_that_the_model_left_out_is_written():
    assert text(segments([said("Yes."), said("No.", " Never.")])) == "Yes. No. Never."


def test_none_is_written_where_the_language_has_none():
    assert text(segments([said("你好", "。", language="zh"), said("再见", language="zh")])) == "你好。再见"
    assert text(segments([said("你好", language="zh"), said(" Hello", language="en")])) == "你好 Hello"


TEXTS = st.lists(st.sampled_from([" a", "b", " c. ", "d\n", "  e"]), min_size=1, max_size=4)


@given(st.lists(st.tuples(TEXTS, st.sampled_from(["en", "ja", None])), max_size=4))
def test_word_by_word_it_is_the_same_text(spoken: list[tuple[list[str], str | None]]):
    told = segments([said(*texts, language=language) for texts, language in spoken])
    whole = text(told)
    assert text(word_by_word(told)) == whole
    assert whole == whole.strip()
    assert [each.number for each in word_by_word(told)] == list(range(sum(len(texts) for texts, _ in spoken)))


def test_languages_by_how_long_they_were_spoken():
    told = segments([said("a"), said("b", "c", language="de"), said("d", language=None)])
    assert heard_languages(told) == ["de", "en"]
    assert heard_languages(()) == []


def test_what_is_derived_from_confidences():
    words = [Word("a", 0, 1, 0.5), Word("b", 1, 2, None), Word("c", 2, 3, 0.9)]
    assert mean_confidence(words) == pytest.approx(0.7)
    assert mean_log_confidence(words) == pytest.approx((math.log(0.5) + math.log(0.9)) / 2)
    assert most_doubt(words) == pytest.approx(0.1)
    assert mean_log_confidence([Word("a", 0, 1, 0.0)]) == pytest.approx(math.log(1e-9))


def test_without_confidences_nothing_is_derived():
    unsure = [Word("a", 0, 1)]
    assert (mean_confidence(unsure), mean_log_confidence(unsure), most_doubt(unsure)) == (None, None, None)
