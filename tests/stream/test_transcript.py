"""Order, numbers, durability and finalize bookkeeping of a session's segments."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.base import Hypothesis, Word
from stream.channel import Endpoint, Onset
from stream.events import Event, Final, Finalized, Partial, Quantiles, SpeechEnded, SpeechStarted, Suppressed
from stream.transcript import Latencies, Segment, Transcript


class Signal:
    """As much of a channel as a transcript looks at."""

    def __init__(self) -> None:
        self.position = 0
        self.settled = 0


def heard(*texts: str, final: bool = False, agreed: int = 0) -> Hypothesis:
    words = tuple(Word(f" {text}", 160 * i + 16, 160 * i + 160, 0.5) for i, text in enumerate(texts))
    return Hypothesis(words=words, agreed=agreed, covers=160 * len(texts) + 160, final=final)


def endpoint(segment: Segment, length: int = 1600) -> Endpoint:
    end = segment.base + length
    return Endpoint(end=end, last=end, decided=end + 8000, reason="endpoint")


@pytest.fixture
def signals() -> list[Signal]:
    return [Signal(), Signal()]


@pytest.fixture
def transcript(signals: list[Signal]) -> Transcript:
    return Transcript(signals)  # type: ignore[arg-type]


def opened(transcript: Transcript, channel: int = 0, at: int = 0) -> Segment:
    segment, _ = transcript.onset(channel, Onset(at=at, start=at))
    return segment


def ended(transcript: Transcript, segment: Segment, *texts: str) -> list[Event]:
    events = transcript.endpoint(segment, endpoint(segment), now=10.0)
    return events + transcript.final(segment, heard(*texts, final=True), 10.5, 10.75)


def test_a_segments_events_in_order(transcript: Transcript):
    segment, events = transcript.onset(0, Onset(at=320, start=160))
    events += transcript.partial(segment, heard("one"))
    events += ended(transcript, segment, "one", "two")
    assert [type(event) for event in events] == [SpeechStarted, Partial, SpeechEnded, Final]
    assert events[0].at == 320
    assert (events[1].start, events[1].end) == (160 + 16, 160 + 160)
    final = events[3]
    assert (final.start, final.end, final.reason) == (160 + 16, 160 + 320, "endpoint")
    assert (final.latency.endpoint, final.latency.queue, final.latency.decode) == (500, 500, 250)


def test_no_words_end_in_suppressed_with_the_detectors_bounds(transcript: Transcript):
    segment = opened(transcript, at=320)
    assert ended(transcript, segment)[-1] == Suppressed(segment=0, channel=0, start=320, end=1920, reason="no_speech")


def test_nothing_is_shown_once_the_end_of_speech_was_told(transcript: Transcript):
    segment = opened(transcript)
    transcript.endpoint(segment, endpoint(segment), now=1.0)
    assert transcript.partial(segment, heard("late")) == []


@pytest.mark.parametrize("over", [False, True])
def test_a_later_segment_waits_for_its_predecessors_final(transcript: Transcript, over: bool):
    first = opened(transcript)
    transcript.endpoint(first, endpoint(first), now=1.0)
    second, held = transcript.onset(0, Onset(at=8000, start=8000))
    held += transcript.partial(second, heard("old"))
    held += transcript.partial(second, heard("new"))
    if over:
        held += ended(transcript, second, "new")
    assert held == []
    other = opened(transcript, channel=1)
    assert transcript.partial(other, heard("meanwhile")) != []
    released = transcript.final(first, heard("first", final=True), 1.0, 1.0)
    due = [(SpeechEnded, 1), (Final, 1)] if over else [(Partial, 1)]
    assert [(type(event), event.segment) for event in released] == [(Final, 0), (SpeechStarted, 1), *due]
    assert released[-1].words[0].text == " new"


def cut_through(transcript: Transcript, segment: Segment, *texts: str) -> list[Event]:
    limit = segment.base + 160 * len(texts)
    transcript.endpoint(segment, Endpoint(end=limit, last=limit, decided=limit + 8000, reason="max_length"), now=10.0)
    return transcript.final(segment, heard(*texts, final=True), 10.5, 10.75)


def said(events: list[Event]) -> list[str]:
    return [word.text.strip() for event in events if isinstance(event, Final | Partial) for word in event.words]


def test_a_word_that_both_sides_of_a_cut_heard_is_said_once(transcript: Transcript):
    first = opened(transcript)
    transcript.partial(first, heard("half", "past", "four.", "Thanks"))
    second = opened(transcript, at=480)
    assert transcript.partial(second, heard("Four", "I'm", agreed=2)) == []
    assert said(cut_through(transcript, first, "half", "past", "four")) == ["half", "past", "four", "I'm"]
    [partial] = transcript.partial(second, heard("Four.", "I'm", "sorry", agreed=2))
    assert isinstance(partial, Partial)
    assert (said([partial]), partial.stable, partial.start) == (["I'm", "sorry"], 1, 480 + 160 + 16)
    assert said(ended(transcript, second, "Four.", "I'm", "very", "sorry")) == ["I'm", "very", "sorry"]
    assert transcript.words == 6


def test_however_early_the_other_side_was_decoded(transcript: Transcript):
    first = opened(transcript)
    transcript.partial(first, heard("half", "past", "four.", "Thanks"))
    second = opened(transcript, at=480)
    assert ended(transcript, second, "Four.", "I'm", "sorry") == []
    assert said(cut_through(transcript, first, "half", "past", "four")) == ["half", "past", "four", "I'm", "sorry"]


def test_how_promised_text_begins_is_settled(transcript: Transcript):
    first = opened(transcript)
    transcript.partial(first, heard("to", "six", "thousand", "dollars"))
    second = opened(transcript, at=480)
    cut_through(transcript, first, "to", "six", "thousand")
    assert said(transcript.partial(second, heard("six", "dollars", agreed=1))) == ["six", "dollars"]
    assert said(ended(transcript, second, "six", "thousand", "dollars")) == ["six", "thousand", "dollars"]


def test_behind_a_pause_nothing_is_an_echo(transcript: Transcript):
    first = opened(transcript)
    transcript.partial(first, heard("no", "thanks"))
    ended(transcript, first, "no")
    assert said(ended(transcript, opened(transcript, at=1600), "no", "thanks")) == ["no", "thanks"]


def test_finalize_is_answered_once_all_before_it_has_ended_and_in_order(transcript: Transcript):
    assert transcript.finalize("at once", 5) == [Finalized(id="at once", at=5)]
    one, two = opened(transcript), opened(transcript, channel=1)
    assert transcript.finalize("a", 10) == []
    late = opened(transcript, at=16000)
    assert transcript.finalize("b", 20) == []
    assert not any(isinstance(event, Finalized) for event in ended(transcript, one))
    assert ended(transcript, two)[-1] == Finalized(id="a", at=10)
    assert ended(transcript, late)[-1] == Finalized(id="b", at=20)


def test_durable_is_the_oldest_sample_that_still_owes_a_final(transcript: Transcript, signals: list[Signal]):
    signals[0].settled = signals[1].settled = 50_000
    assert transcript.durable == 50_000
    segment = opened(transcript, at=1000)
    later = opened(transcript, at=9000)
    assert transcript.durable == 1000
    ended(transcript, later)
    assert transcript.durable == 1000
    ended(transcript, segment)
    assert transcript.durable == 50_000
    assert transcript.settled


def test_quantiles_of_few_and_of_very_many():
    few, many = Latencies(), Latencies()
    assert few.quantiles() == Quantiles(p50=None, p95=None)
    few.add(3.0)
    assert few.quantiles() == Quantiles(p50=3.0, p95=3.0)
    for number in range(100_000):
        many.add(number * 7919 % 1000 / 10)
    quantiles = many.quantiles()
    assert quantiles.p50 == pytest.approx(50, abs=2)
    assert quantiles.p95 == pytest.approx(95, abs=2)
    assert len(many._values) <= Latencies.KEPT


@settings(max_examples=60)
@given(st.data())
def test_any_interleaving_keeps_every_channel_in_order(data: st.DataObject):
    transcript = Transcript([Signal(), Signal()])  # type: ignore[list-item]
    said: list[Event] = []
    waiting: list[Segment] = []
    open_now: dict[int, Segment] = {}
    for step in data.draw(st.lists(st.sampled_from(["talk", "stop", "decode", "finalize"]), max_size=40)):
        channel = data.draw(st.integers(0, 1))
        if step == "talk" and channel not in open_now:
            open_now[channel], events = transcript.onset(channel, Onset(at=0, start=0))
            said += events
        elif step == "stop" and channel in open_now:
            segment = open_now.pop(channel)
            said += transcript.endpoint(segment, endpoint(segment), 0.0)
            waiting.append(segment)
        elif step == "decode" and waiting:
            segment = waiting.pop(data.draw(st.integers(0, len(waiting) - 1)))
            said += transcript.final(segment, heard("x", final=True), 0.0, 0.0)
        elif step == "finalize":
            said += transcript.finalize(None, 0)
    for segment in open_now.values():
        said += transcript.endpoint(segment, endpoint(segment), 0.0)
    for segment in [*waiting, *open_now.values()]:
        said += transcript.final(segment, heard("x", final=True), 0.0, 0.0)
    assert transcript.settled
    for channel in (0, 1):
        mine = [event for event in said if getattr(event, "channel", None) == channel]
        numbers = sorted({event.segment for event in mine})
        assert [(event.segment, type(event)) for event in mine] == [
            (number, kind) for number in numbers for kind in (SpeechStarted, SpeechEnded, Final)
        ]
