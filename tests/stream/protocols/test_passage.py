"""Text told piece by piece: the pieces, joined, are the text, and segments are parts of it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from models.base import Hypothesis, Word
from stream import events
from stream.promise import Promise
from stream.protocols.passage import Passage, Spoken
from stream.text import render

LATENCY = events.Latency(endpoint=500.0, queue=0.0, decode=0.0, decoded_at=0.0)


def words(*texts: str) -> tuple[Word, ...]:
    return tuple(Word(text, 1000 * number, 1000 * number + 1000) for number, text in enumerate(texts))


def partial(*texts: str, stable: int, language: str | None = "en") -> events.Partial:
    return events.Partial(
        segment=0, channel=0, start=0, end=9000, words=words(*texts), stable=stable, language=language, lag=0
    )


def final(*texts: str, language: str | None = "en") -> events.Final:
    end = 1000 * len(texts)
    return events.Final(
        segment=0,
        channel=0,
        start=0,
        end=end,
        words=words(*texts),
        language=language,
        reason="endpoint",
        latency=LATENCY,
    )


def told(passage: Passage, *said: events.Partial | events.Final) -> list[str]:
    deltas = []
    for event in said:
        deltas.append(passage.add(event, event.stable if isinstance(event, events.Partial) else len(event.words)))
        if isinstance(event, events.Final):
            passage.close(event)
    return deltas


def test_only_what_is_stable_is_told_and_the_final_tells_the_rest():
    passage = Passage()
    assert told(
        passage,
        partial(" Well", " then", stable=0),
        partial(" Well", " then", stable=1),
        partial(" Well", " done", stable=1),
        final(" Well", " done."),
    ) == ["", "Well", "", " done."]
    assert passage.text == "Well done."


def test_punctuation_behind_the_last_stable_word_may_still_change():
    assert told(Passage(), partial(" No.", " no", stable=1), final(" No,", " no!")) == ["No", ", no!"]


def test_segments_are_apart_by_a_space_whether_or_not_the_model_writes_one():
    passage = Passage()
    assert told(passage, final(" One."), final("Two", " three."), partial(" Four", " five", stable=1)) == [
        "One.",
        " Two three.",
        " Four",
    ]
    assert passage.segments == [Spoken("One.", 0, 1000), Spoken(" Two three.", 0, 2000)]


def test_some_languages_write_no_spaces():
    assert told(Passage(), final("你好", language="zh"), final("世界", language="zh")) == ["你好", "世界"]


def test_a_segment_keeps_the_space_it_began_with():
    passage = Passage()
    assert told(
        passage, final("Hi."), partial("你", "好", stable=1, language=None), final("你", "好", language="zh")
    ) == [
        "Hi.",
        " 你",
        "好",
    ]


def test_what_was_told_of_a_segment_that_came_to_nothing_is_no_part_of_the_next():
    passage = Passage()
    told(passage, partial(" One", stable=1))
    passage.drop()
    assert told(passage, final(" Two.")) == [" Two."]
    assert passage.text == "One Two."


def test_the_language_is_the_one_spoken_longest():
    passage = Passage()
    assert passage.language is None
    told(passage, final(" One", language=None), final(" Hi", language="en"), final(" Zwei", " Worte", language="de"))
    assert (passage.language, passage.words) == ("de", 4)


texts = st.lists(st.sampled_from([" a", " b", " b.", "c", " …", ",", " «d»"]), max_size=5)
utterances = st.lists(st.tuples(texts, st.integers(0, 5)))
"""What a model believes, step by step, and how much of it it stands by."""


@settings(max_examples=300, deadline=None)
@given(st.lists(utterances, min_size=1, max_size=3))
def test_whatever_a_model_believes_the_deltas_joined_are_the_finals_joined(talk: list[list[tuple[list[str], int]]]):
    passage, deltas, finals = Passage(), [], []
    for utterance in talk:
        promise = Promise()
        for number, (believed, agreed) in enumerate(utterance, 1):
            final_step = number == len(utterance)
            count = min(agreed, len(believed))
            kept = promise.push(Hypothesis(words=words(*believed), agreed=count, covers=9000, final=final_step))
            if not kept.words:
                continue
            if kept.final:
                finals.append(render(kept.words))
                deltas += told(passage, final(*(word.text for word in kept.words)))
            else:
                deltas += told(passage, partial(*(word.text for word in kept.words), stable=kept.agreed))
    assert "".join(deltas) == " ".join(finals) == passage.text
    assert "".join(spoken.text for spoken in passage.segments) == passage.text
