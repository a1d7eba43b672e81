"""What one session has said and still owes: numbers segments, orders their events, knows what is durable.

Knows nothing of sockets, models and clocks: the caller hands in times. Positions are samples at 16 kHz since the
session's first sample, the same for all channels.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from models.base import SAMPLE_RATE, Hypothesis, Word
from stream.channel import Channel, Endpoint, Onset
from stream.echo import Cut
from stream.events import (
    Event,
    Final,
    Finalized,
    Latency,
    Partial,
    Quantiles,
    SpeechEnded,
    SpeechStarted,
    Suppressed,
)


@dataclass(slots=True, eq=False)
class Segment:
    """A stretch of speech on its way to its final. `base` is where its utterance's audio begins.

    partials: whether the client wanted them when it opened. latest: its last hypothesis so far. promised: some of its
    text was. echo: so many words that it begins with are the end of the one before. last: how it ends, once that is
    known. held: what is told once the one before has ended.
    """

    number: int
    channel: int
    at: int
    base: int
    partials: bool = True
    endpoint: Endpoint | None = None
    decided_at: float = 0.0
    latest: Hypothesis | None = None
    promised: bool = False
    echo: int = 0
    last: Callable[[], Event] | None = None
    held: deque[Event] = field(default_factory=deque)


class Latencies:
    """Milliseconds: every one until there are KEPT, then evenly fewer, so that hours stay cheap to sort."""

    KEPT = 8192

    def __init__(self) -> None:
        self._values = array("f")
        self._count = 0
        self._stride = 1

    def add(self, ms: float) -> None:
        if self._count % self._stride == 0:
            self._values.append(ms)
        self._count += 1
        if len(self._values) > self.KEPT:
            self._values = self._values[::2]
            self._stride *= 2

    def quantiles(self) -> Quantiles:
        if not self._values:
            return Quantiles(p50=None, p95=None)
        ordered = sorted(self._values)
        return Quantiles(
            p50=round(ordered[len(ordered) // 2], 1),
            p95=round(ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)], 1),
        )


class Transcript:
    """Give it what the channels and the engine say, in order; it returns the events that are due now.

    Within a channel, events come in order of segments: those of a later one are held until its predecessor's final.
    """

    def __init__(self, channels: list[Channel]) -> None:
        self._channels = channels
        self._open: list[deque[Segment]] = [deque() for _ in channels]
        self._cuts: list[Cut | None] = [None] * len(channels)  # the last ones
        self._finalizing: deque[tuple[str | None, int, set[int]]] = deque()
        self._lags = Latencies()
        self._totals = Latencies()
        self.segments = 0
        self.words = 0

    @property
    def settled(self) -> bool:
        """Whether every segment has had its final."""
        return not any(self._open)

    @property
    def durable(self) -> int:
        """Below this every sample is in a final, suppressed, or silence, on every channel."""
        return min(
            segments[0].base if segments else channel.settled
            for segments, channel in zip(self._open, self._channels, strict=True)
        )

    def latest(self, channel: int) -> Segment:
        """The segment that a channel opened last; there is one whenever its speech is open."""
        return self._open[channel][-1]

    def onset(self, channel: int, onset: Onset) -> tuple[Segment, list[Event]]:
        segment = Segment(self.segments, channel, onset.at, onset.start)
        self.segments += 1
        self._open[channel].append(segment)
        return segment, self._say(segment, SpeechStarted(segment=segment.number, channel=channel, at=onset.at))

    def endpoint(self, segment: Segment, endpoint: Endpoint, now: float) -> list[Event]:
        segment.endpoint = endpoint
        segment.decided_at = now
        ended = SpeechEnded(segment=segment.number, channel=segment.channel, at=endpoint.end, reason=endpoint.reason)
        return self._say(segment, ended)

    def partial(self, segment: Segment, hypothesis: Hypothesis) -> list[Event]:
        """A hypothesis that is not final. Nothing new is shown once the end of speech was told."""
        segment.latest = hypothesis
        if self._waits(segment):
            return []
        hypothesis = self._unechoed(segment, hypothesis)
        if segment.endpoint or not hypothesis.words or not segment.partials:
            return []
        words = _placed(hypothesis.words, segment.base)
        position = self._channels[segment.channel].position
        lag = max(0, position - segment.base - hypothesis.covers)
        self._lags.add(lag / SAMPLE_RATE * 1000)
        told = Partial(
            segment=segment.number,
            channel=segment.channel,
            start=words[0].start,
            end=words[-1].end,
            words=words,
            stable=hypothesis.agreed,
            language=hypothesis.language,
            lag=lag,
        )
        return [told]

    def final(self, segment: Segment, hypothesis: Hypothesis, started: float, ended: float) -> list[Event]:
        """The segment's last hypothesis, with the clock times of the step that made it."""
        segment.last = partial(self._last, segment, hypothesis, started, ended)
        return self._release(segment.channel)

    def _last(self, segment: Segment, hypothesis: Hypothesis, started: float, ended: float) -> Event:
        assert segment.endpoint is not None
        endpoint = segment.endpoint
        words = _placed(self._unechoed(segment, hypothesis).words, segment.base)
        if endpoint.reason == "max_length" and segment.latest:
            self._cuts[segment.channel] = Cut.through(words, segment.latest.words, endpoint.last)
        start, end = (words[0].start, words[-1].end) if words else (segment.at, endpoint.end)
        if words:
            self.words += len(words)
            latency = Latency(
                endpoint=(endpoint.decided - endpoint.end) / SAMPLE_RATE * 1000,
                queue=max(0.0, started - segment.decided_at) * 1000,
                decode=max(0.0, ended - max(started, segment.decided_at)) * 1000,
                decoded_at=max(ended, segment.decided_at),
            )
            self._totals.add(latency.endpoint + latency.queue + latency.decode)
            return Final(
                segment=segment.number,
                channel=segment.channel,
                start=start,
                end=end,
                words=words,
                language=hypothesis.language,
                reason=endpoint.reason,
                latency=latency,
            )
        return Suppressed(
            segment=segment.number,
            channel=segment.channel,
            start=start,
            end=end,
            reason=hypothesis.rejected or "no_speech",
        )

    def forget(self, segment: Segment, endpoint: Endpoint) -> list[Event]:
        """The segment ends here, without words."""
        segment.endpoint = endpoint
        suppressed = Suppressed(
            segment=segment.number, channel=segment.channel, start=segment.at, end=endpoint.end, reason="cleared"
        )
        segment.last = lambda: suppressed
        return self._release(segment.channel)

    def finalize(self, id: str | None, at: int) -> list[Event]:
        """To be called behind the cut; answered in order, each once every segment begun before it has ended."""
        self._finalizing.append((id, at, {segment.number for segments in self._open for segment in segments}))
        return self._finalized()

    def latencies(self) -> tuple[Quantiles, Quantiles]:
        """Of partials (their lag) and of finals (end of speech in the audio to the end of decoding), in ms."""
        return self._lags.quantiles(), self._totals.quantiles()

    def _waits(self, segment: Segment) -> bool:
        """For the final of the one before."""
        return self._open[segment.channel][0] is not segment

    def _say(self, segment: Segment, event: Event) -> list[Event]:
        if not self._waits(segment):
            return [event]
        segment.held.append(event)
        return []

    def _unechoed(self, segment: Segment, hypothesis: Hypothesis) -> Hypothesis:
        """Without the words that the segment before has said."""
        cut = self._cuts[segment.channel]
        if cut and cut.at == segment.base and not segment.promised:
            segment.echo = cut.echo(hypothesis.words)
        agreed = max(0, hypothesis.agreed - segment.echo)
        segment.promised |= agreed > 0
        return replace(hypothesis, words=hypothesis.words[segment.echo :], agreed=agreed)

    def _release(self, channel: int) -> list[Event]:
        segments = self._open[channel]
        due: list[Event] = []
        while segments and (last := segments[0].last):
            due.append(last())
            for _, _, waited_for in self._finalizing:
                waited_for.discard(segments[0].number)
            segments.popleft()
            if segments:
                due += segments[0].held
                segments[0].held.clear()
                if segments[0].latest:
                    due += self.partial(segments[0], segments[0].latest)
        return due + self._finalized()

    def _finalized(self) -> list[Event]:
        due: list[Event] = []
        while self._finalizing and not self._finalizing[0][2]:
            id, at, _ = self._finalizing.popleft()
            due.append(Finalized(id=id, at=at))
        return due


def _placed(words: tuple[Word, ...], base: int) -> tuple[Word, ...]:
    return tuple(word.moved(base + word.start, base + word.end) for word in words)
