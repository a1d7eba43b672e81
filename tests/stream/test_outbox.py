"""Nothing numbered is lost or reordered, and only superseded partials and acks are."""

from hypothesis import given
from hypothesis import strategies as st

from stream.events import Ack, Event, Partial, SpeechStarted, Suppressed, Warned
from stream.outbox import Outbox


def partial(segment: int, lag: int = 0) -> Partial:
    return Partial(segment=segment, channel=0, start=0, end=1, words=(), stable=0, language=None, lag=lag)


def started(segment: int) -> SpeechStarted:
    return SpeechStarted(segment=segment, channel=0, at=0)


def ended(segment: int) -> Suppressed:
    return Suppressed(segment=segment, channel=0, start=0, end=1, reason="no_speech")


def drained(outbox: Outbox) -> list[tuple[int | None, Event]]:
    return list(iter(outbox.take, None))


def test_only_the_latest_partial_of_a_segment_waits():
    outbox = Outbox()
    for event in (started(0), partial(0, 1), partial(1, 2), partial(0, 3)):
        outbox.put(event)
    assert drained(outbox) == [(1, started(0)), (None, partial(1, 2)), (None, partial(0, 3))]
    assert outbox.superseded == 1


def test_a_final_supersedes_its_segments_partial():
    outbox = Outbox()
    for event in (partial(0), partial(1), ended(0)):
        outbox.put(event)
    assert drained(outbox) == [(None, partial(1)), (1, ended(0))]


def test_an_ack_never_overtakes_the_finals_it_speaks_of():
    outbox = Outbox()
    outbox.put(Ack(received=1, durable=0))
    outbox.put(ended(0))
    outbox.put(Ack(received=2, durable=2))
    assert drained(outbox) == [(1, ended(0)), (None, Ack(received=2, durable=2))]


def test_equal_warnings_are_all_kept():
    outbox = Outbox()
    warning = Warned(code="behind", message="")
    outbox.put(warning)
    outbox.put(warning)
    assert outbox.waiting == len(drained(outbox)) == 2


events = st.one_of(
    st.builds(partial, st.integers(0, 2), st.integers(0, 99)),
    st.builds(started, st.integers(0, 2)),
    st.builds(ended, st.integers(0, 2)),
    st.builds(lambda n: Ack(received=n, durable=n), st.integers(0, 99)),
)


@given(st.lists(st.one_of(events, st.none())))
def test_numbers_have_no_gaps_and_numbered_events_keep_their_order(steps: list[Event | None]):
    outbox, taken = Outbox(), []
    for step in steps:
        if step is not None:
            outbox.put(step)
        elif entry := outbox.take():
            taken.append(entry)
    taken += drained(outbox)
    numbered = [(seq, event) for seq, event in taken if seq is not None]
    assert [event for _, event in numbered] == [step for step in steps if step and step.numbered]
    assert [seq for seq, _ in numbered] == list(range(1, len(numbered) + 1))
