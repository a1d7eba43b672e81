"""stream/promise.py"""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from models.base import Hypothesis, Word
from stream.promise import SHORTEST, Promise
from stream.text import render, stable_length

TEXTS = st.sampled_from([" a", " b", " c", " c,", " c.", " -", "d", " ", ""])
TIMES = st.integers(0, 400)


@st.composite
def hypotheses(draw):
    """Anything that a model might say, well-behaved or not."""
    words = tuple(draw(st.lists(st.builds(Word, TEXTS, TIMES, TIMES), max_size=6)))
    return Hypothesis(words=words, agreed=draw(st.integers(0, len(words))), covers=draw(TIMES))


@st.composite
def finals(draw):
    rejected = draw(st.sampled_from([None, "noise", "repetition"]))
    return replace(draw(hypotheses()), final=True, rejected=rejected)


def promised(hypothesis):
    return render(hypothesis.words)[: stable_length(hypothesis.words, hypothesis.agreed)]


def said(*texts, agreed=0, **fields):
    words = tuple(Word(text, 100 * i, 100 * i + 90) for i, text in enumerate(texts))
    return Hypothesis(words=words, agreed=agreed, covers=fields.pop("covers", 100 * len(words)), **fields)


def texts(hypothesis):
    return [word.text for word in hypothesis.words]


@settings(max_examples=300)
@given(st.lists(hypotheses(), max_size=6), finals())
def test_whatever_a_model_says_the_promises_hold(partials, final):
    promise = Promise()
    kept = ""
    for told in [*partials, final]:
        safe = promise.push(told)
        assert promised(safe).startswith(kept)
        kept = promised(safe)
        assert safe.covers >= told.covers
        edges = [edge for word in safe.words for edge in (word.start, word.end)]
        assert edges == sorted(edges)
        assert all(word.end - word.start >= SHORTEST for word in safe.words)
        assert not edges or edges[0] >= 0
        assert not edges or edges[-1] <= safe.covers
        assert all(word.text.strip() for word in safe.words)
    assert safe.final
    assert safe.agreed == len(safe.words)
    assert bool(safe.words) == (safe.rejected is None)
    if kept:
        assert safe.words


def test_a_well_behaved_model_is_left_alone():
    promise = Promise()
    for told in (
        said(" so", " it", agreed=1, language="en"),
        said(" so", " it", " goes", agreed=2),
        said(" so", " it", " goes", agreed=3, final=True, carry="x"),
    ):
        assert promise.push(told) == told


def test_stable_words_outlive_a_model_that_takes_them_back():
    promise = Promise()
    promise.push(said(" so", " it", " goes", agreed=2))
    safe = promise.push(said(" sow", " hit", " goes", " on", agreed=3))
    assert texts(safe) == [" so", " it", " goes", " on"]
    assert safe.agreed == 3
    assert texts(promise.push(said(covers=400))) == [" so", " it", " goes"]


def test_punctuation_behind_the_last_stable_word_may_still_change():
    promise = Promise()
    promise.push(said(" so", " it.", agreed=2))
    assert texts(promise.push(said(" so", " it,", " goes", agreed=2))) == [" so", " it,", " goes"]
    promise.push(said(" so", " it,", " goes", agreed=3))
    assert texts(promise.push(said(" so", " it", " goes", agreed=3))) == [" so", " it,", " goes"]


def test_better_times_are_taken():
    promise = Promise()
    promise.push(said(" so", agreed=1))
    better = Hypothesis(words=(Word(" so", 20, 80),), agreed=1, covers=100)
    assert promise.push(better).words == better.words


def test_a_rejected_final_keeps_only_what_was_promised():
    promise = Promise()
    promise.push(said(" so", " so", " so", agreed=1))
    safe = promise.push(said(" so", " so", " so", final=True, rejected="repetition"))
    assert (texts(safe), safe.rejected) == ([" so"], None)
    assert Promise().push(said(" so", final=True, rejected="repetition")).rejected == "repetition"


def test_words_are_pressed_into_an_early_end():
    promise = Promise()
    promise.push(said(" so", " it", agreed=2))
    safe = promise.push(said(final=True, covers=60))
    assert [(word.start, word.end) for word in safe.words] == [(0, 44), (44, 60)]
