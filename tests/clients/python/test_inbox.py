import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steno.events import Ack, Final, Latency, Partial, Suppressed, Warned
from steno.inbox import Inbox


def partial(segment, text="x"):
    return Partial(segment=segment, channel=0, start=0, end=1, text=text, stable=0, language=None, lag_ms=0)


def final(segment):
    return Final(
        seq=1,
        segment=segment,
        channel=0,
        start=0,
        end=1,
        text="x",
        language=None,
        confidence=None,
        reason="stop",
        latency=Latency(endpoint=0, queue=0, decode=0, send=0, total=0),
    )


def suppressed(segment):
    return Suppressed(seq=1, segment=segment, channel=0, start=0, end=1, reason="noise")


def taken(inbox):
    return [inbox.take() for _ in range(len(inbox))]


def test_the_latest_partial_of_each_segment_and_the_latest_ack_remain():
    inbox = Inbox()
    for event in (partial(0, "a"), Ack(received=1, durable=0), partial(1, "b"), partial(0, "c")):
        inbox.put(event)
    inbox.put(Ack(received=2, durable=0))
    assert taken(inbox) == [partial(1, "b"), partial(0, "c"), Ack(received=2, durable=0)]


@pytest.mark.parametrize("last", [final(0), suppressed(0)])
def test_a_segments_end_replaces_its_partial(last):
    inbox = Inbox()
    for event in (partial(0), partial(1), last):
        inbox.put(event)
    assert taken(inbox) == [partial(1), last]


def test_equal_events_that_count_are_all_kept():
    inbox = Inbox()
    warning = Warned(code="behind", message="m")
    for _ in range(3):
        inbox.put(warning)
    assert taken(inbox) == [warning] * 3


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("pfsw"), st.integers(0, 3)), max_size=40))
def test_nothing_that_counts_is_lost_or_overtaken_and_memory_follows_segments(steps):
    made = {"p": partial, "f": final, "s": suppressed, "w": lambda n: Warned(code=str(n), message="m")}
    events = [made[kind](number) for kind, number in steps]
    inbox = Inbox()
    for event in events:
        inbox.put(event)
    waiting = taken(inbox)
    counts = [event for event in events if not isinstance(event, Partial)]
    assert [event for event in waiting if not isinstance(event, Partial)] == counts
    partials = [event.segment for event in waiting if isinstance(event, Partial)]
    assert len(partials) == len(set(partials))
