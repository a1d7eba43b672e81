"""How late words are shown and become stable, first texts and finals come, and how far times of words are off.

Pure. A measurement's `at` is the moment in the audio that it is about, on the clock that all sessions of a run share;
the rest is in seconds. Words are those of finals that are the reference's too, by an alignment with fewest errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from steno.bench.heard import Segment
from steno.bench.play import Play
from steno.bench.reference import Span
from steno.bench.wer import kept, normalized

APART_S = 1.0
"""A word this far from its segment is another one that is spelled alike."""


@dataclass(frozen=True, slots=True)
class WordLag:
    """From a word's end in the reference until it is shown and stays, and until it can't change any more."""

    at: float
    shown: float
    stable: float


@dataclass(frozen=True, slots=True)
class FirstLag:
    """Until a segment's first text: its first partial, or else its final.

    onset: from where its speech begins in the reference, None where that isn't known. started: from `speech_started`.
    """

    at: float
    onset: float | None
    started: float


@dataclass(frozen=True, slots=True)
class FinalLag:
    """Until a segment's final, where a pause ended it.

    speech: from where its speech ends in the reference, None where that isn't known. endpoint: from `speech_ended`.
    told: the server's own account of the time from its decision to what it sent.
    """

    at: float
    speech: float | None
    endpoint: float
    told: float


@dataclass(frozen=True, slots=True)
class TimeError:
    """By how much a word's start and end differ from the reference's."""

    start: float
    end: float


# -- words --------------------------------------------------------------------------------------------------------


def word_lags(play: Play) -> list[WordLag]:
    said = tokens(play.reference.words)
    heard = [(segment, word) for segment in play.segments for word in _appearances(segment)]
    pairs = [(said[i], *heard[j]) for i, j in kept([one.text for one in said], [word.text for _, word in heard])]
    return [
        WordLag(play.began + one.end, word.shown_at - one.end, word.stable_at - one.end)
        for one, segment, word in pairs
        if _near(one, segment)
    ]


def time_errors(play: Play) -> list[TimeError]:
    """Of finals that list their words."""
    said = tokens(play.reference.words)
    finals = [segment.final for segment in play.segments if segment.final]
    heard = tokens(Span(word.text, word.start, word.end) for final in finals for word in final.words or ())
    return [
        TimeError(abs(said[i].start - heard[j].start), abs(said[i].end - heard[j].end))
        for i, j in kept([one.text for one in said], [one.text for one in heard])
    ]


@dataclass(slots=True)
class _Appearance:
    text: str
    shown_at: float
    stable_at: float


def _appearances(segment: Segment) -> list[_Appearance]:
    """A final's words, each with when it was shown and when stable, to stay: with the final at last."""
    if segment.final is None:
        return []
    words = normalized(segment.final.text)
    found = [_Appearance(word, segment.last_at, segment.last_at) for word in words]
    staying, stable = set(range(len(words))), len(words)
    for partial, at in reversed(list(zip(segment.partials, segment.partials_at, strict=True))):
        staying &= {place for _, place in kept(normalized(partial.text), words)}
        stable = min(stable, len(normalized(partial.stable_text)))
        for place in staying:
            found[place].shown_at = at
        for appearance in found[:stable]:
            appearance.stable_at = at
    return found


def tokens(spans: Iterable[Span]) -> list[Span]:
    """Words as they are compared; one that is several shares its time among them."""
    return [token for span in spans for token in _split(span)]


def _split(span: Span) -> Iterator[Span]:
    words = normalized(span.text)
    length = (span.end - span.start) / max(1, len(words))
    for place, word in enumerate(words):
        yield Span(word, span.start + place * length, span.start + (place + 1) * length)


def _near(word: Span, segment: Segment) -> bool:
    assert segment.final
    return segment.final.start - APART_S <= word.middle <= segment.final.end + APART_S


# -- segments -----------------------------------------------------------------------------------------------------


def first_lags(play: Play) -> Iterator[FirstLag]:
    for segment, spoken in zip(play.segments, play.spoken(), strict=True):
        if segment.partials or segment.final:
            first = segment.partials_at[0] if segment.partials else segment.last_at
            onset = first - min(span.start for span in spoken) if spoken else None
            yield FirstLag(play.began + segment.started.at, onset, first - segment.started_at)


def final_lags(play: Play) -> Iterator[FinalLag]:
    for segment, spoken in zip(play.segments, play.spoken(), strict=True):
        if segment.final and segment.ended and segment.ended.reason == "endpoint":
            speech = segment.last_at - max(span.end for span in spoken) if spoken else None
            latency = segment.final.latency
            told = (latency.queue + latency.decode + latency.send) / 1000
            yield FinalLag(play.began + segment.ended.at, speech, segment.last_at - segment.ended_at, told)
