"""stream/transcriber.py: what sessions and golden conversations don't show."""

from typing import Any, cast

from models.base import SAMPLE_RATE, DecodeOptions, Hypothesis, Word
from stream.audio import AudioFormat
from stream.engine import Engine
from stream.events import SessionOptions
from stream.metrics import Metrics
from stream.pace import Rung
from stream.ticket import Ticket
from stream.transcriber import Transcriber
from tests.vad.voice import silence, voice


class Begun:
    """An engine that decodes nothing: `tickets` are for the test to finish, the rest is what they came with."""

    rung = Rung.KEEPING_UP

    def __init__(self) -> None:
        self.tickets: list[Ticket] = []
        self.options: list[DecodeOptions] = []
        self.carries: list[str | None] = []

    def begin(self, options: DecodeOptions, deliver: Any, *, carry: str | None, live: bool) -> Ticket:
        self.options.append(options)
        self.carries.append(carry)
        self.tickets.append(Ticket(len(self.tickets), options, deliver, lambda order: None, carry=carry, live=live))
        return self.tickets[-1]


def final(covers: int, carry: str | None) -> Hypothesis:
    return Hypothesis(words=(Word(" so", 0, covers),), agreed=1, covers=covers, final=True, carry=carry)


def transcriber(engine: Begun) -> Transcriber:
    options = SessionOptions(audio=AudioFormat(sample_rate=SAMPLE_RATE))
    return Transcriber(options, cast("Engine", engine), [].append, lambda: None, lambda: 0.0, Metrics())


def test_a_channel_hands_on_what_it_was_told_and_how_long_ago():
    engine = Begun()
    heard = transcriber(engine)
    heard.accept(silence(1.0).tobytes() + voice(1.0).tobytes() + silence(1.0).tobytes())
    assert (engine.carries, len(engine.tickets)) == ([None], 1)
    engine.tickets[0].hear(final(SAMPLE_RATE, "x"), 0, 0)
    heard.accept(silence(2.0).tobytes() + voice(1.0).tobytes() + silence(1.0).tobytes())
    assert engine.carries == [None, "x"]
    assert abs(engine.options[1].pause - 3 * SAMPLE_RATE) < SAMPLE_RATE // 4
    engine.tickets[1].hear(final(SAMPLE_RATE, None), 0, 0)
    heard.accept(silence(2.0).tobytes() + voice(1.0).tobytes())
    assert engine.carries[2] == "x"
    assert abs(engine.options[2].pause - 7 * SAMPLE_RATE) < SAMPLE_RATE // 4
