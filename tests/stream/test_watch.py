"""Viewers of live sessions: what they are told, and that nothing they do reaches the session or each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from models.base import Word
from stream import events, watch
from stream.engine import Engine
from stream.errors import NotFound, QuotaExceeded
from stream.events import Event, SessionOptions
from stream.session import Session
from stream.watch import Broadcast, Hub, Viewer
from tests.stream.inline import scripted_engine, stopped
from tests.stream.peer import Peer, session_for
from tests.stream.test_session import SILENCE, START, STOP, speech

KEY, OTHER = "key", "other"
LATENCY = events.Latency(endpoint=1, queue=1, decode=1, decoded_at=0)
QUANTILES = events.Quantiles(p50=None, p95=None)
WORD = Word(text=" w1", start=0, end=800, confidence=0.5)
READY = events.Ready(
    session="s", token="t", model="scripted", options=SessionOptions(), resume_window_s=0.0, limits=events.Limits()
)
NUMBERED: list[Event] = [
    events.SpeechStarted(segment=0, channel=0, at=0),
    events.SpeechEnded(segment=0, channel=0, at=1600, reason="endpoint"),
    events.Final(
        segment=0, channel=0, start=0, end=800, words=(WORD,), language="en", reason="endpoint", latency=LATENCY
    ),
    events.Suppressed(segment=1, channel=0, start=0, end=800, reason="no_speech"),
    events.Cleared(),
    events.Finalized(id=None, at=1600),
    events.Configured(options=SessionOptions(model="scripted", prompt="Ada Lovelace", keywords=("Byron",))),
    events.Done(received=1, audio=1, speech=1, segments=1, words=1, partial_latency=QUANTILES, final_latency=QUANTILES),
]


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    engine = await scripted_engine()
    yield engine
    await engine.stop()


def started(segment: int) -> Event:
    return events.SpeechStarted(segment=segment, channel=0, at=0)


def partial(segment: int, text: str = "w1") -> Event:
    word = Word(text=text, start=0, end=800, confidence=None)
    return events.Partial(segment=segment, channel=0, start=0, end=800, words=(word,), stable=0, language=None, lag=0)


def broadcast(labels: Mapping[str, str] | None = None) -> Broadcast:
    live = Broadcast("s", KEY, lambda: labels or {}, 0.0, stopped, nowhere)
    live.hear(None, READY)
    return live


def nowhere(url: str, session: str) -> Any:
    raise AssertionError("no webhook was asked for")


async def shown(live: Broadcast, first: int = 1) -> list[dict[str, Any]]:
    """All that a viewer who comes now is told, until the session is over right then."""
    peer = Peer()
    with live.watched(first) as viewer:
        viewer.end("done")
        await viewer.run(peer)
    return [peer.heard.get_nowait() for _ in range(peer.heard.qsize())]


@asynccontextmanager
async def viewing(live: Broadcast, socket: Any, first: int = 1) -> AsyncIterator[asyncio.Task[None]]:
    with live.watched(first) as viewer:
        task = asyncio.create_task(viewer.run(socket))
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def the(hub: Hub) -> Broadcast:
    [live] = hub.sessions(KEY, every_key=False)
    return live


async def test_a_viewer_is_told_what_the_client_is_told(engine: Engine):
    hub, client, viewer = Hub(stopped), Peer(), Peer()
    session = session_for(client, engine)
    client.feed(START, speech(2.0), SILENCE, {"type": "finalize"}, speech(1.0), STOP)
    with hub.broadcasting(session, KEY, dict):
        async with viewing(the(hub), viewer) as task:
            await session.run()
            the(hub).end(session.outcome)
            await task
    told = await client.until("done")
    seen = await viewer.until("done")
    assert seen[0] == {"type": "watching", "session": session.id, "model": None, "first_seq": 1, "missed": 0}
    numbered = [message for message in told if "seq" in message]
    assert [message for message in seen if "seq" in message] == numbered
    assert [each["type"] for each in numbered].count("final") == 2
    assert viewer.code == 1000


async def test_a_late_viewer_gets_what_is_kept_and_hears_how_much_is_not(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(watch, "KEPT", 3)
    live = broadcast()
    for seq in range(1, 6):
        live.hear(seq, started(seq))
    live.hear(None, partial(5, "so"))
    live.hear(None, partial(5, "so far"))
    watching, *replayed, latest = await shown(live)
    assert watching == {"type": "watching", "session": "s", "model": "scripted", "first_seq": 3, "missed": 2}
    assert [each["seq"] for each in replayed] == [3, 4, 5]
    assert (latest["type"], latest["text"]) == ("partial", "so far")
    for first, seqs, missed in ((3, [3, 4, 5], 0), (5, [5], 0), (6, [], 0), (99, [], 0)):
        watching, *told = await shown(live, first)
        assert (watching["first_seq"], watching["missed"]) == (min(first, 6), missed)
        assert [each["seq"] for each in told if "seq" in each] == seqs


async def test_of_a_segment_under_way_the_latest_partial_waits_and_a_final_takes_its_place():
    live = broadcast()
    with live.watched(1) as viewer:
        for text in ("one", "two", "three"):
            live.hear(None, partial(0, text))
        live.hear(None, partial(1, "other"))
        live.hear(1, NUMBERED[2])
        viewer.end("done")
        await viewer.run(peer := Peer())
    told = [peer.heard.get_nowait() for _ in range(peer.heard.qsize())]
    assert [(each["type"], each.get("segment")) for each in told] == [
        ("watching", None),
        ("partial", 1),
        ("final", 0),
    ]


async def test_every_numbered_event_can_be_told():
    numbered = {each.__name__ for each in Event.__subclasses__() if each.numbered}
    assert {type(event).__name__ for event in NUMBERED} == numbered
    live = broadcast()
    for seq, event in enumerate(NUMBERED, 1):
        live.hear(seq, event)
    assert [each["seq"] for each in (await shown(live))[1:]] == list(range(1, len(NUMBERED) + 1))


async def test_what_is_between_a_session_and_its_client_is_not_told():
    live = broadcast()
    with live.watched(1) as viewer:
        live.hear(None, events.Ack(received=1, durable=1))
        live.hear(None, events.Replied(messages=("secret",)))
        live.hear(None, events.Accepted())
        live.hear(1, NUMBERED[-2])
        viewer.end("done")
        await viewer.run(peer := Peer())
    told = [peer.heard.get_nowait() for _ in range(peer.heard.qsize())]
    assert [each["type"] for each in told] == ["watching", "configured"]
    assert "Ada" not in str(told)
    assert "Byron" not in str(told)


class Stuck(Peer):
    """Never reads."""

    async def send(self, message: str | bytes) -> None:
        await asyncio.Event().wait()


async def test_who_does_not_read_is_closed_and_nobody_waits_for_it(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(watch, "SEND_S", 0.01)
    hub, client, viewer, stuck = Hub(stopped), Peer(), Peer(), Stuck()
    session = session_for(client, engine)
    client.feed(START, speech(2.0), SILENCE, STOP)
    with hub.broadcasting(session, KEY, dict):
        live = the(hub)
        async with viewing(live, stuck) as slow, viewing(live, viewer):
            await session.run()
            assert (await client.until("done"))[-1]["words"] == 20
            assert (await viewer.until("done"))[-1]["words"] == 20
            await slow
    assert stuck.code == 4408


async def test_who_reads_too_little_is_closed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(watch, "MAX_WAITING", 10)
    live, peer = broadcast(), Peer()
    with live.watched(1) as viewer:
        for seq in range(1, 12):
            live.hear(seq, started(seq))
        await viewer.run(peer)
    assert peer.code == 4408


async def test_partials_alone_never_make_a_viewer_too_slow(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(watch, "MAX_WAITING", 10)
    live, peer = broadcast(), Peer()
    with live.watched(1) as viewer:
        for number in range(100):
            live.hear(None, partial(number % 5))
        viewer.end("done")
        await viewer.run(peer)
    assert peer.code == 1000


@pytest.mark.parametrize("message", ["{}", b"\0\0"])
async def test_a_viewer_that_speaks_is_closed(message: str | bytes):
    live, peer = broadcast(), Peer()
    peer.feed(message)
    with live.watched(1) as viewer:
        await viewer.run(peer)
    assert peer.code == 4400


async def test_a_viewer_that_leaves_is_forgotten():
    live, peer = broadcast(), Peer()
    peer.hang_up()
    with live.watched(1) as viewer:
        await viewer.run(peer)
    assert live.viewers == set()


async def test_a_session_has_so_many_viewers_and_no_more(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(watch, "MAX_VIEWERS", 1)
    live = broadcast()
    with live.watched(1), pytest.raises(QuotaExceeded), live.watched(1):
        pass
    with live.watched(1):
        pass


def session(name: str) -> Any:
    made: Any = Session.__new__(Session)
    made.id, made.outcome = name, "gone"
    return made


def test_who_finds_which_session():
    hub = Hub(stopped)
    labels = {"callSid": "CA1", "track": "inbound"}
    with (
        hub.broadcasting(session("a"), KEY, lambda: labels),
        hub.broadcasting(session("b"), KEY, lambda: labels | {"track": "outbound"}),
        hub.broadcasting(session("c"), OTHER, lambda: {"callSid": "CA2"}),
        hub.broadcasting(session("d"), KEY, lambda: {"callSid": "a"}),
    ):
        assert [live.session for live in hub.sessions(KEY, False)] == ["d", "b", "a"]
        assert [live.session for live in hub.sessions(None, True)] == ["d", "c", "b", "a"]
        assert [live.session for live in hub.sessions(KEY, False, {"callSid": "CA1"})] == ["b", "a"]
        assert [live.session for live in hub.sessions(KEY, False, labels)] == ["a"]
        assert [live.session for live in hub.sessions(KEY, False, {"callSid": "CA2"})] == []
        assert hub.find(KEY, False, "a").session == "a", "an id goes before a label"
        assert hub.find(KEY, False, "CA1").session == "b"
        assert hub.find(OTHER, True, "CA1").session == "b"
        for key, name in ((OTHER, "a"), (OTHER, "CA1"), (KEY, "c"), (KEY, "CA2"), (None, "a"), (KEY, "")):
            with pytest.raises(NotFound):
                hub.find(key, False, name)
    assert hub.sessions(None, True) == []


async def test_viewers_hear_of_the_end_even_of_one_that_broke_off():
    hub, peer = Hub(stopped), Peer()
    with hub.broadcasting(made := session("a"), KEY, dict):
        live = the(hub)
        context = live.watched(1)
        viewer: Viewer = context.__enter__()
        made.outcome = "slow_reader"
    await viewer.run(peer)
    context.__exit__(None, None, None)
    assert (peer.code, viewer.over) == (1000, "slow_reader")
