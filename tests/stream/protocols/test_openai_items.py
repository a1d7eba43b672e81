"""Which audio belongs to which item, and that the deltas of each make up its transcript."""

from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from models.base import Hypothesis, Word
from stream import events
from stream.events import Final, Partial
from stream.promise import Promise
from stream.protocols.openai_items import Item, Items
from stream.text import render

LATENCY = events.Latency(endpoint=0, queue=0, decode=0, decoded_at=0)


def words(*texts: str) -> tuple[Word, ...]:
    return tuple(Word(text, 1600 * i, 1600 * (i + 1)) for i, text in enumerate(texts))


def partial(*texts: str, stable: int, language: str | None = "en") -> Partial:
    return Partial(
        segment=0, channel=0, start=0, end=0, words=words(*texts), stable=stable, language=language, lag=0
    )  # fmt: skip


def final(*texts: str, language: str | None = "en") -> Final:
    return Final(
        segment=0,
        channel=0,
        start=0,
        end=0,
        words=words(*texts),
        language=language,
        reason="endpoint",
        latency=LATENCY,
    )


def test_punctuation_waits_for_the_word_behind_it():
    item = Item("a", 0)
    assert item.add(partial(" Hello,", " world.", stable=1)) == "Hello"
    assert item.add(partial(" Hello,", " world.", stable=1)) == ""
    assert item.add(partial(" Hello,", " world.", stable=2)) == ", world"
    assert item.add(final(" Hello,", " world!")) == "!"
    assert item.passage.text == "Hello, world!"


def test_segments_of_one_item_are_apart_as_their_language_writes():
    item = Item("a", 0)
    item.add(final(" One."))
    assert item.add(partial("Two", stable=1)) == " Two"
    assert item.add(final("Two.")) == "."
    assert item.add(final("三", language="zh")) == "三"
    assert item.add(final("四", "五", language="zh")) == "四五"
    assert item.passage.text == "One. Two.三四五"
    assert item.languages == ["en", "zh"]


TEXTS = st.lists(st.sampled_from([" a", " b,", " c.", "d", " e'f", "三", "。"]), min_size=1, max_size=6)
HEARD = st.lists(st.tuples(TEXTS, st.integers(0, 6)), min_size=1, max_size=6)


@given(st.lists(HEARD, min_size=1, max_size=3), st.sampled_from(["en", "zh", None]))
def test_deltas_make_up_the_transcript_whatever_a_model_says(
    segments: list[list[tuple[list[str], int]]], language: str
):
    item = Item("a", 0)
    deltas: list[str] = []
    transcripts: list[str] = []
    for heard in segments:
        promise = Promise()
        for number, (texts, agreed) in enumerate(heard, 1):
            last = number == len(heard)
            hypothesis = Hypothesis(
                words=words(*texts), agreed=min(agreed, len(texts)), covers=1600 * len(texts), final=last
            )  # fmt: skip
            kept = promise.push(hypothesis)
            spoken = [word.text for word in kept.words]
            if last:
                deltas.append(item.add(final(*spoken, language=language)))
                transcripts.append(render(kept.words))
            elif spoken:
                deltas.append(item.add(partial(*spoken, stable=kept.agreed, language=language)))
    assert "".join(deltas) == item.passage.text
    assert item.passage.text.replace(" ", "") == "".join(transcripts).replace(" ", "")
    assert item.passage.text == item.passage.text.strip()


def ids() -> Items:
    numbers = count()
    return Items(lambda: f"item_{next(numbers)}", manual=True)


def test_a_segment_belongs_to_the_span_in_which_it_begins():
    items = ids()
    first = items.cut(16_000, manual=True)
    second = items.cut(32_000, manual=True)
    assert items.begin(0, 15_999, 0) == (first, first.item)
    assert items.begin(1, 16_000, 0) == (second, second.item)
    assert items.begin(2, 32_000, 0) == (items.latest, items.latest.item)
    assert (first.item.seconds, second.item.seconds) == (1.0, 1.0)
    assert items.finalized(first.item.id) is first


def test_with_turn_detection_each_segment_is_an_item_that_begins_behind_the_last_one():
    items = ids()
    items.cut(0, manual=False)
    _, one = items.begin(0, 1000, 4800)
    items.ended = 20_000
    _, two = items.begin(1, 22_000, 4800)
    assert (one.start, two.start) == (0, 20_000)
    assert one is not two
    assert items.uncommitted(21_000) == 1000


def test_dropped_spans_are_forgotten_once_no_segment_can_belong_to_them():
    items = ids()
    for at in range(1, 1000):
        items.cut(at * 1600, manual=True).dropped = True
        items.cleared()
    assert len(items._spans) == 1


def test_a_clear_that_is_not_done_yet_keeps_its_span():
    items = ids()
    items.cut(1600, manual=True).dropped = True
    second = items.cut(3200, manual=True)
    second.dropped = True
    items.cleared()
    assert items.begin(0, 2000, 0)[0] is second
    items.close(0)
    items.cleared()
    assert len(items._spans) == 1


def test_a_segment_under_way_keeps_the_span_that_was_cleared():
    items = ids()
    span = items.cut(1600, manual=True)
    items.begin(0, 100, 0)
    span.dropped = True
    items.cleared()
    assert items.of(0)[0] is span
    items.close(0)
    items.begin(1, 1600, 0)
    assert len(items._spans) == 1
