"""What Deepgram's recorded and live transcripts share; more of it is seen in the tests of either."""

from __future__ import annotations

from models.base import Word
from stream.rest.deepgram_words import bare, favoured, seconds, spoken
from stream.rest.fields import Fields

WORDS = (Word(" Good", 8000, 16_000, 0.9), Word(" morning.", 16_000, 32_000))


def test_words_with_and_without_punctuation():
    assert spoken(WORDS, punctuated=True) == {
        "transcript": "Good morning.",
        "confidence": 0.9,
        "words": [
            {"word": "good", "start": 0.5, "end": 1.0, "confidence": 0.9, "punctuated_word": "Good"},
            {"word": "morning", "start": 1.0, "end": 2.0, "punctuated_word": "morning."},
        ],
    }
    assert spoken(WORDS, punctuated=False)["transcript"] == "good morning"


def test_nothing_was_said():
    assert spoken((), punctuated=True) == {"transcript": "", "words": []}


def test_a_word_is_bared_of_what_is_around_it():
    assert [bare(each) for each in (" “Don't", "U.S.,”", " —")] == [" don't", "u.s", " —"]


def test_terms_of_both_kinds_are_each_taken_once():
    fields = Fields([("keyterm", "Ada"), ("keywords", "Ada:3"), ("keywords", "Bob:-1"), ("keywords", "12:30")])
    assert favoured(fields) == (("Ada", "12"), True)


def test_times_are_told_to_the_millisecond():
    assert seconds(12_345) == 0.772
