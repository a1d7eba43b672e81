"""Calls that Twilio streams, through a session to the scripted model: which words they come to, and when."""

from __future__ import annotations

from typing import Any

import pytest

from models import registry
from stream.engine import Engine, EngineOptions
from stream.events import Done, Event, Final
from stream.link import in_thread
from stream.protocols.native import NativeProtocol
from stream.protocols.twilio import TwilioProtocol
from stream.worker import serve
from tests.stream import calls
from tests.stream.inline import scripted_engine
from tests.stream.peer import Peer, session_for

SECONDS = 4.0
CALLER = calls.side(SECONDS, (0.2, 1.0), (3.0, 0.6))
CALLED = calls.side(SECONDS, (1.5, 1.0))
SILENT = calls.media(0, "inbound", calls.SILENCE)["media"]["payload"]


@pytest.fixture
async def engine() -> Any:
    engine = await scripted_engine()
    yield engine
    await engine.stop()


class HangingUp(Peer):
    """Is gone right behind its last message."""

    def feed(self, *messages: Any) -> None:
        super().feed(*messages)
        self.hang_up()

    async def close(self, code: int, reason: str) -> None:
        await super().close(code, reason)
        raise ConnectionError


async def heard(engine: Engine, dialect: Any, *messages: Any, peer: Peer | None = None) -> list[Event]:
    """All that the session has to tell, whatever of it the dialect says."""
    events: list[Event] = []

    class Tapped(dialect):  # type: ignore[misc]
        def send(self, event: Event, seq: int | None, now: float) -> Any:
            events.append(event)
            return super().send(event, seq, now)

    peer = peer or Peer()
    peer.feed(*messages)
    await session_for(peer, engine, dialect=Tapped).run()
    assert peer.code == 1000
    return events


def finals(events: list[Event]) -> list[Final]:
    return sorted(
        (event for event in events if isinstance(event, Final)), key=lambda final: (final.channel, final.start)
    )


async def called(engine: Engine, *frames: Any) -> list[Event]:
    return await heard(engine, TwilioProtocol, calls.CONNECTED, calls.start(), *frames, calls.STOP)


async def test_words_and_their_times_are_those_of_the_native_protocol(engine: Engine):
    start = {"type": "start", "encoding": "mulaw", "sample_rate": 8000, "channels": 2}
    sent = calls.interleaved(CALLER, CALLED)
    native = finals(await heard(engine, NativeProtocol, start, *sent, {"type": "stop"}))
    told = finals(await called(engine, *calls.streamed(CALLER, CALLED)))
    assert told == native
    assert [(final.channel, round(final.words[0].start / 16_000, 1)) for final in told] == [
        (0, 0.2),
        (0, 3.0),
        (1, 1.5),
    ]


async def test_lost_and_late_frames_move_no_word(engine: Engine):
    """What is lost is in pauses here, so that no word is missing."""
    frames = list(calls.streamed(CALLER, CALLED))
    whole = finals(await called(engine, *frames))
    late = frames[:]
    for number in (20, 60, 110, 320):  # the caller's frame comes behind its next one, before the other side's
        late[number : number + 3] = [late[number + 2], late[number], late[number + 1]]
    pause = {*range(2 * 132, 2 * 140)}
    odd = [frame for number, frame in enumerate(late) if number not in pause]
    odd.insert(50, calls.DTMF)
    odd.insert(90, calls.MARK)
    assert finals(await called(engine, *odd)) == whole


async def test_a_track_without_frames_while_nothing_is_said_moves_no_word(engine: Engine):
    whole = finals(await called(engine, *calls.streamed(CALLER, CALLED)))
    spoken = [frame for frame in calls.streamed(CALLER, CALLED) if frame["media"]["payload"] != SILENT]
    events = await called(engine, *spoken, calls.media(round(SECONDS * 50) - 1, "inbound", calls.SILENCE))
    assert finals(events) == whole
    assert isinstance(events[-1], Done)
    assert events[-1].received == SECONDS * 8000


@pytest.mark.parametrize("last", [(), (calls.STOP,)])
async def test_a_line_that_is_gone_costs_no_final(engine: Engine, last: tuple[Any, ...]):
    """Twilio closes its socket right behind `stop`, and without one where something broke."""
    slow = Engine(registry.ModelSpec(name="scripted", kind="scripted"), EngineOptions(), launch=in_thread(serve))
    await slow.start()
    call = (calls.CONNECTED, calls.start(prompt="slow=0.2"), *calls.streamed(CALLER, CALLED))
    events = await heard(slow, TwilioProtocol, *call, *last, peer=HangingUp())
    assert [final.words for final in finals(events)] == [
        final.words for final in finals(await called(engine, *calls.streamed(CALLER, CALLED)))
    ]
    assert isinstance(events[-1], Done)
    assert slow.channels == 0
    await slow.stop()
