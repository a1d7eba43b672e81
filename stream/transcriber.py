"""A session's audio on its way to words: through its channels to the engine, and back as events.

Knows nothing of sockets, protocols or tasks: every call returns at once, and what there is to tell goes to `say`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from models.agreement import joint
from models.base import SAMPLE_RATE, DecodeOptions, Hypothesis, Samples
from stream.audio import Converter, from_16k
from stream.channel import Channel, Endpoint, Happening, Onset, Speech
from stream.engine import Engine
from stream.events import (
    Ack,
    Cleared,
    Configured,
    Done,
    Event,
    SessionOptions,
    Warned,
)
from stream.metrics import Metrics
from stream.pace import Rung
from stream.ticket import Decoded, GaveUp, Progress, Restarted, Ticket, Update
from stream.transcript import Segment, Transcript
from vad.endpointer import EndReason

ACK_S = 0.25
"""Audio between two acks, where nothing else calls for one."""
BEHIND_S, CAUGHT_UP_S = 3.0, 1.0
"""Backlog of live audio at which a client is told that decoding is behind, and that it no longer is."""
GIVEN_UP = {
    Rung.THINNED: "decoding can't keep up with all who talk: partials come less often",
    Rung.SELDOM: "finals come late with so many who talk: there are next to no partials",
}


class Transcriber:
    """`advanced` is called whenever the backlog may have shrunk or a segment has had its final.

    `bug` is what went wrong while an engine's update was taken in: nobody was there to catch it.
    """

    def __init__(
        self,
        options: SessionOptions,
        engine: Engine,
        say: Callable[[Event], None],
        advanced: Callable[[], None],
        clock: Callable[[], float],
        metrics: Metrics,
    ) -> None:
        self.options = options
        self._engine = engine
        self._say = say
        self._advanced = advanced
        self._clock = clock
        self._metrics = metrics
        self._converter = Converter(options.audio)
        self._channels = [Channel(options.endpointing) for _ in range(options.audio.channels)]
        self._transcript = Transcript(self._channels)
        self._tickets: dict[Segment, Ticket] = {}
        self._carry: list[tuple[str | None, int]] = [(None, 0)] * options.audio.channels  # and up to where it was heard
        self._acked = Ack(received=0, durable=0)
        self._behind: str | None = None
        self.bug: Exception | None = None

    @property
    def settled(self) -> bool:
        return self._transcript.settled

    @property
    def received(self) -> int:
        """Samples per channel accepted, at the client's rate."""
        return self._converter.received

    @property
    def backlog_s(self) -> float:
        """Seconds of accepted audio that the engine has yet to take account of, on the channel with the most."""
        pending = [0] * len(self._channels)
        for segment, ticket in self._tickets.items():
            pending[segment.channel] += ticket.pending
        return max(pending) / SAMPLE_RATE

    def accept(self, payload: bytes) -> None:
        """Whole samples of all channels in the session's format. From here on they count as received."""
        before = self.received
        self._push(self._converter.push(payload))
        audio = self.options.audio
        self._metrics.received.inc((self.received - before) / audio.sample_rate * audio.channels)
        self._watch_backlog()
        if self.received - self._acked.received >= ACK_S * audio.sample_rate:
            self._ack()

    def finalize(self, id: str | None) -> None:
        self._cut("finalize")
        self._tell(self._transcript.finalize(id, self.received))

    def clear(self) -> None:
        """Forget what has come and is in no ended segment."""
        for number, channel in enumerate(self._channels):
            for happening in channel.cut("finalize"):
                if isinstance(happening, Endpoint):
                    segment = self._transcript.latest(number)
                    self._tickets.pop(segment).cancel()
                    self._tell(self._transcript.forget(segment, happening))
        self._say(Cleared())
        self._ack()
        self._advanced()

    def configure(self, options: SessionOptions) -> None:
        """Options that are known to be good; they hold for segments that open from now on."""
        self.options = options
        for channel in self._channels:
            channel.configure(self.options.endpointing)
        self._say(Configured(options=self.options))

    def stop(self) -> None:
        """No more audio comes: end what is open. `settled` once all of it has had its final."""
        self._cut("stop")

    def done(self) -> Done:
        """The session's last word, after `stop` and once settled."""
        partials, finals = self._transcript.latencies()
        self._say(Ack(received=self.received, durable=self.received))
        return Done(
            received=self.received,
            audio=self._channels[0].position,
            speech=sum(channel.speech for channel in self._channels),
            segments=self._transcript.segments,
            words=self._transcript.words,
            partial_latency=partials,
            final_latency=finals,
        )

    def close(self) -> None:
        """Give up what is still open."""
        for ticket in self._tickets.values():
            ticket.cancel()
        self._tickets.clear()

    def _cut(self, reason: EndReason) -> None:
        self._push(self._converter.flush())
        for number, channel in enumerate(self._channels):
            self._follow(number, channel.cut(reason))

    def _push(self, audio: list[Samples]) -> None:
        for number, samples in enumerate(audio):
            self._follow(number, self._channels[number].push(samples))

    def _follow(self, channel: int, happenings: list[Happening]) -> None:
        for happening in happenings:
            match happening:
                case Onset():
                    self._open(channel, happening)
                case Speech(samples, speech):
                    self._tickets[self._transcript.latest(channel)].push(samples, speech)
                case Endpoint():
                    segment = self._transcript.latest(channel)
                    self._tell(self._transcript.endpoint(segment, happening, self._clock()))
                    self._tickets[segment].finish(happening.last - segment.base)

    def _open(self, channel: int, onset: Onset) -> None:
        segment, events = self._transcript.onset(channel, onset)
        segment.partials = self.options.partials
        self._tell(events)
        carry, heard = self._carry[channel]
        options = DecodeOptions(
            languages=self.options.languages,
            task=self.options.task,
            prompt=self.options.prompt,
            keywords=self.options.keywords,
            partials=self.options.partials,
            pause=max(0, onset.start - heard),
        )
        self._tickets[segment] = self._engine.begin(
            options, partial(self._heard, segment), carry=carry, live=self.options.mode == "live"
        )

    def _heard(self, segment: Segment, update: Update) -> None:
        try:
            self._take(segment, update)
            self._watch_backlog()
        except Exception as bug:
            self.bug = bug
        self._advanced()

    def _take(self, segment: Segment, update: Update) -> None:
        match update:
            case Decoded(hypothesis, started, ended):
                if hypothesis.carry is not None:
                    self._carry[segment.channel] = (hypothesis.carry, segment.base + hypothesis.covers)
                if hypothesis.final:
                    self._close_segment(segment, hypothesis, started, ended)
                else:
                    if segment.endpoint is None and hypothesis.agreed:
                        self._promise(segment, hypothesis)
                    self._tell(self._transcript.partial(segment, hypothesis))
            case Restarted(message) | GaveUp(message):
                self._say(Warned(code="stalled", message=f"segment {segment.number}: {message}"))
            case Progress():
                pass

    def _promise(self, segment: Segment, hypothesis: Hypothesis) -> None:
        promised = segment.base + hypothesis.words[hypothesis.agreed - 1].end
        between = joint(hypothesis.words, hypothesis.agreed)
        self._channels[segment.channel].promise(
            promised, between and (segment.base + between[0], segment.base + between[1])
        )

    def _close_segment(self, segment: Segment, hypothesis: Hypothesis, started: float, ended: float) -> None:
        if segment.endpoint is None:  # given up in the middle of speech: what follows is begun afresh
            self._follow(segment.channel, self._channels[segment.channel].cut("endpoint"))
        del self._tickets[segment]
        self._tell(self._transcript.final(segment, hypothesis, started, ended))
        self._ack()

    def _tell(self, events: list[Event]) -> None:
        for event in events:
            self._say(event)

    def _ack(self) -> None:
        durable = from_16k(self._transcript.durable, self.options.audio.sample_rate)
        ack = Ack(received=self.received, durable=max(self._acked.durable, durable))
        if ack != self._acked:
            self._acked = ack
            self._say(ack)

    def _watch_backlog(self) -> None:
        if self.options.mode != "live":
            return
        backlog_s = self.backlog_s
        behind = GIVEN_UP.get(self._engine.rung)
        if behind is None and backlog_s > (CAUGHT_UP_S if self._behind else BEHIND_S):
            behind = self._behind or f"decoding is {backlog_s:.1f} s behind"
        if behind and behind != self._behind:
            self._say(Warned(code="behind", message=behind))
        elif self._behind and not behind:
            self._say(Warned(code="behind_over", message="decoding has caught up"))
        self._behind = behind
