import asyncio

import pytest

import steno
from steno.bench.heard import Talk
from steno.bench.talk import talk
from steno.events import Ack, Warned
from tests.clients.python.bench.heard import last, partial, segment

CHUNK = bytes(320)
"""10 ms."""


def events(number):
    """A segment from its start to its end."""
    told = segment(number=number, final="a")
    return [told.started, partial("a", number=number), told.ended, last("a", number=number)]


def test_a_segment_holds_its_events_and_when_they_came():
    told = Talk()
    for at, event in enumerate([*events(0), *events(1)]):
        told.hear(event, float(at))
    first, second = told.segments
    assert (first.started_at, first.partials_at, first.ended_at, first.last_at) == (0, [1], 2, 3)
    assert (second.started_at, second.partials_at, second.ended_at, second.last_at) == (4, [5], 6, 7)
    assert (told.text, told.strays) == ("a a", 0)
    assert first.texts == ["a", "a"]


@pytest.mark.parametrize(
    ("order", "strays"),
    [((0, 1, 2, 3, 3), 1), ((0, 1, 2, 3, 1), 1), ((1, 2, 3), 3), ((0, 0, 1, 2, 3), 1), ((0, 1, 2, 3, 0, 3), 2)],
    ids=["two finals", "a partial after the final", "never begun", "begun twice", "begun again"],
)
def test_events_out_of_place_are_counted(order, strays):
    told, mine = Talk(), events(0)
    for which in order:
        told.hear(mine[which], 0.0)
    assert told.strays == strays
    assert len(told.segments) == (order[0] == 0)


def test_marks_and_warnings_are_kept():
    told = Talk()
    told.hear(Ack(received=10, durable=4), 0.0)
    told.hear(Warned(code="behind", message=""), 0.0)
    assert (told.durable, told.warnings) == (4, ["behind"])


async def test_audio_goes_out_when_a_microphone_would_have_heard_it(server):
    async def script(peer):
        assert await peer.open() == {"type": "start", "sample_rate": 16_000, "language": "en"}
        for _ in range(3):
            assert len(await peer.hear()) == 320
        assert await peer.hear() == {"type": "stop"}
        await peer.tell("speech_started", segment=0, channel=0, at=0.0)
        await peer.tell("speech_ended", segment=0, channel=0, at=0.02, reason="stop")
        await peer.final(0, "Hi.")
        await peer.say("ack", received=480, durable=480)
        await peer.done(480)

    async with server(script) as url:
        told = await talk(url, [CHUNK] * 3, sample_rate=16_000, language="en")
    assert (told.model, told.sent, told.durable, told.text) == ("scripted", 480, 480, "Hi.")
    assert told.done
    assert len(told.lateness) == 3
    assert told.held_s == 0
    # The last chunk was due after 30 ms.
    assert told.segments[0].last_at >= 0.03


async def test_audio_may_go_out_faster_than_that(server):
    async def script(peer):
        await peer.open()
        while isinstance(await peer.hear(), bytes):
            pass
        await peer.tell("speech_started", segment=0, channel=0, at=0.0)
        await peer.done(160_000)

    async with server(script) as url:
        async with asyncio.timeout(5):
            told = await talk(url, [CHUNK * 100] * 10, speed=1000.0)
    # The last of ten seconds was due after 10 ms.
    assert told.segments[0].started_at >= 0.01
    assert len(told.lateness) == 10


async def test_time_that_a_server_has_audio_wait_is_told(server):
    async def script(peer):
        await peer.open(limits={"ahead_s": 0.01})
        assert len(await peer.hear()) == 320
        await peer.say("ack", received=160, durable=0)
        assert len(await peer.hear()) == 320
        await peer.done(320)

    async with server(script) as url:
        told = await talk(url, [CHUNK * 2])
    assert told.held_s > 0
    assert told.sent == 320


async def test_what_came_before_an_error_is_not_lost(server):
    async def script(peer):
        await peer.open()
        await peer.tell("speech_started", segment=0, channel=0, at=0.0)
        await peer.hear()
        peer.socket.transport.abort()

    told = Talk()
    async with server(script) as url:
        with pytest.raises(steno.IncompleteError):
            await talk(url, [CHUNK] * 100, told=told)
    assert (len(told.segments), told.done) == (1, None)


async def test_without_pace_nothing_is_late(server):
    async def script(peer):
        await peer.open()
        while isinstance(await peer.hear(), bytes):
            pass
        await peer.done(1600)

    async with server(script) as url:
        told = await talk(url, [CHUNK] * 10, paced=False)
    assert (told.lateness, told.sent) == ([], 1600)
