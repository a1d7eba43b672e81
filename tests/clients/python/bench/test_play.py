from steno.bench.play import Play, plays
from steno.bench.reference import Reference, Span
from tests.clients.python.bench.heard import segment

ONE = Reference("1.flac", "one", words=(Span("one", 0.5, 1.0),))
TWO = Reference("2.flac", "two", utterances=(Span("two", 0.5, 1.0),))


def test_a_sessions_segments_belong_to_the_recording_that_was_played_then():
    early = segment(number=0, start=0.5, end=1.0, final="One.")
    across = segment(number=1, start=2.8, end=3.6, final="Two")
    late = segment(number=2, start=3.7, end=4.0, final="to")
    first, second = plays([(ONE, 3.0), (TWO, 3.0)], [early, across, late], began=7.0)
    assert (first.segments, second.segments) == ((early,), (across, late))
    assert (first.text, second.text) == ("One.", "Two to")
    assert (first.reference, second.reference.utterances) == (ONE, (Span("two", 3.5, 4.0),))
    assert first.began == second.began == 7.0


def test_words_are_spoken_in_the_segment_that_is_nearest():
    said = tuple(Span(text, at, at + 0.2) for text, at in (("a", 0.6), ("b", 1.5), ("c", 2.0), ("d", 4.0)))
    play = Play(Reference("a.flac", "a b c d", words=said), (segment(start=1, end=2), segment(start=2.15, end=3)))
    assert [[word.text for word in each] for each in play.spoken()] == [["a", "b"], ["c"]]


def test_nothing_is_spoken_in_no_segment():
    assert Play(ONE, ()).spoken() == []
