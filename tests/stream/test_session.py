"""What golden conversations can't show: limits in time and size, flow control, peers that vanish, bugs of our own."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from models import registry
from models.scripted import ledger_audio
from stream import session as session_module
from stream.audio import AudioFormat
from stream.engine import Engine, EngineOptions, Lease
from stream.errors import Overloaded, StreamError, Unsupported
from stream.events import Accepted, Clear, Cleared, Command, Configure, Event, KeepAlive, Limits, Reply
from stream.link import in_thread
from stream.protocols.base import Messages
from stream.protocols.deepgram import DeepgramProtocol
from stream.protocols.native import NativeProtocol
from stream.worker import serve
from tests.children import processes
from tests.stream.inline import scripted_engine
from tests.stream.peer import Peer, session_for
from tests.stream.recordings import wav


class Chatty(NativeProtocol):
    """Answers audio, replies on its own, can be woken, cleared and begun anew, and closes in its own way."""

    answers_audio = True

    def receive(self, message: str | bytes) -> Sequence[Command]:
        asked = {} if isinstance(message, bytes) else json.loads(message)
        match asked.get("type"):
            case "hello":
                return (Reply(('{"type": "hi"}', '{"type": "there"}')), KeepAlive())
            case "clear":
                return (Clear(),)
            case "wake":
                self.wake = 0.0
                return ()
            case "again":
                return (Configure({"audio": AudioFormat(sample_rate=asked["rate"]), "model": asked["model"]}),)
            case _:
                return super().receive(message)

    def send(self, event: Event, seq: int | None, now: float) -> Messages:
        match event:
            case Accepted():
                return ['{"type": "accepted"}']
            case Cleared():
                return ['{"type": "cleared"}']
            case _:
                return super().send(event, seq, now)

    def tick(self, now: float) -> Messages:
        self.wake = None
        return ['{"type": "woken"}']

    def closing(self, error: StreamError | None) -> tuple[int, str]:
        return (3000 if error is None else 3001, "bye")


START = {"type": "start"}
STOP = {"type": "stop"}
SILENCE = np.zeros(16_000, np.int16).tobytes()


def speech(seconds: float) -> bytes:
    return ledger_audio(0, int(seconds * 10)).tobytes()


@pytest.fixture
async def engine() -> Any:
    engine = await scripted_engine()
    yield engine
    await engine.stop()


@pytest.fixture
async def threaded() -> Any:
    """An engine that needs time, as real ones do."""
    engine = Engine(registry.ModelSpec(name="scripted", kind="scripted"), EngineOptions(), launch=in_thread(serve))
    await engine.start()
    yield engine
    await engine.stop()


@pytest.mark.parametrize(
    ("limits", "messages", "named"),
    [
        (Limits(start_s=0.01), [], "start"),
        (Limits(idle_s=0.01), [START], "no message"),
        (Limits(session_s=0.01), [START], "lasted"),
    ],
)
async def test_time_limits_end_a_session_and_say_which(engine: Engine, limits: Limits, messages: list[Any], named: str):
    peer = Peer()
    peer.feed(*messages)
    await session_for(peer, engine, limits=limits).run()
    error = (await peer.until("error"))[-1]
    assert error["code"] == "timed_out"
    assert error["fatal"]
    assert named in error["message"]
    assert peer.code == 4410


async def test_what_was_accepted_has_its_final_before_a_time_limit_ends_the_session(engine: Engine):
    peer = Peer()
    peer.feed(START, speech(1))
    await session_for(peer, engine, limits=Limits(idle_s=0.05)).run()
    kinds = [message["type"] for message in await peer.until("error")]
    assert kinds.count("final") == 1


async def test_options_in_the_handshake_need_no_start(engine: Engine):
    peer = Peer()
    peer.feed(speech(0.5), STOP)
    await session_for(peer, engine, query=(("words", "true"),)).run()
    messages = await peer.until("done")
    assert messages[0]["type"] == "ready"
    assert next(message for message in messages if message["type"] == "final")["words"]
    assert peer.code == 1000


async def test_what_the_handshake_asks_in_vain_is_refused_before_the_upgrade(engine: Engine):
    with pytest.raises(Unsupported):
        session_for(Peer(), engine, query=(("language", "tlh"),))


async def test_a_full_engine_refuses_start_with_its_close_code(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    def full(channels: int, former: Lease | None) -> None:
        raise Overloaded("no room", retry_after_s=10)

    monkeypatch.setattr(engine, "admit", full)
    peer = Peer()
    peer.feed(START)
    await session_for(peer, engine).run()
    assert (await peer.heard.get())["code"] == "overloaded"
    assert peer.code == 1013


async def test_a_peer_that_vanishes_gives_its_place_and_its_utterances_back(threaded: Engine):
    peer = Peer()
    session = session_for(peer, threaded)
    running = asyncio.create_task(session.run())
    peer.feed({**START, "prompt": "slow=2"}, speech(1))
    await peer.until("speech_started")
    peer.hang_up()
    await running
    assert session.outcome == "gone"
    assert threaded.channels == 0
    assert threaded.backlog_s == 0


async def test_nothing_is_taken_after_stop(threaded: Engine):
    peer = Peer()
    peer.feed({**START, "prompt": "slow=0.2"}, speech(1), STOP, SILENCE, {"type": "finalize"}, {"type": "keepalive"})
    await session_for(peer, threaded).run()
    messages = await peer.until("done")
    errors = [message for message in messages if message["type"] == "error"]
    assert [(error["code"], error["fatal"]) for error in errors] == [("bad_request", False)] * 3
    assert messages[-1]["received"] == 16_000
    assert peer.code == 1000


async def test_audio_past_the_window_is_announced_held_and_never_lost(threaded: Engine):
    peer = Peer()
    limits = Limits(ahead_s=1.0)
    blocks = 60
    audio = ledger_audio(0, blocks).tobytes()
    frames = [audio[i : i + 3200] for i in range(0, len(audio), 3200)]
    peer.feed({**START, "prompt": "slow=0.05"}, *frames, STOP)
    await session_for(peer, threaded, limits=limits).run()
    messages = await peer.until("done")
    assert [message["code"] for message in messages if message["type"] == "warning"].count("too_fast") >= 1
    text = " ".join(message["text"] for message in messages if message["type"] == "final")
    assert text.split() == [f"w{i}" for i in range(blocks)]
    assert messages[-1]["received"] == len(audio) // 2


async def test_control_messages_do_not_wait_behind_audio_within_the_window(threaded: Engine):
    """A client that keeps to `ahead_s` past the last ack is read at once, however far decoding is behind."""
    peer = Peer()
    peer.feed({**START, "prompt": "slow=0.2"}, speech(0.5), speech(0.5), "nonsense")
    running = asyncio.create_task(session_for(peer, threaded, limits=Limits(ahead_s=1.0)).run())
    messages = await peer.until("error")
    assert not any(message["type"] in ("final", "warning") for message in messages)
    peer.hang_up()
    await running


async def test_backlog_of_live_audio_is_announced_and_its_end_too(threaded: Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("stream.transcriber.BEHIND_S", 0.5)
    monkeypatch.setattr("stream.transcriber.CAUGHT_UP_S", 0.2)
    peer = Peer()
    peer.feed({**START, "prompt": "slow=0.05"}, speech(2), SILENCE, STOP)
    await session_for(peer, threaded).run()
    warned = [message["code"] for message in await peer.until("done") if message["type"] == "warning"]
    assert warned[:2] == ["behind", "behind_over"]


async def test_a_long_segment_ends_with_a_sentence(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("models.agreement.SENTENCE_ENDS", ("7",))
    peer = Peer()
    audio = speech(9)
    frames = [audio[i : i + 3200] for i in range(0, len(audio), 3200)]
    peer.feed({**START, "endpointing": {"max_segment_s": 4}}, *frames, STOP)
    await session_for(peer, engine).run()
    messages = await peer.until("done")
    cuts = [each["at"] for each in messages if each["type"] == "speech_ended" and each["reason"] == "max_length"]
    # Each second's eighth word ends one; every other one is in the first half of its segment.
    assert cuts == pytest.approx([1.8, 3.8, 5.8, 7.8], abs=0.2)
    text = " ".join(message["text"] for message in messages if message["type"] == "final")
    assert text.split() == [f"w{i}" for i in range(90)]


async def test_a_reader_that_takes_too_long_is_told_and_closed(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(session_module, "SEND_S", 0.01)

    class Stuck(Peer):
        stuck = 1

        async def send(self, message: str | bytes) -> None:
            if self.stuck:
                self.stuck -= 1
                await asyncio.Event().wait()
            await super().send(message)

    peer = Stuck()
    peer.feed(START)
    session = session_for(peer, engine)
    await session.run()
    error = await peer.heard.get()
    assert (error["code"], error["fatal"]) == ("slow_reader", True)
    assert "1 events" in error["message"]
    assert peer.code == 4408
    assert session.outcome == "slow_reader"


async def test_a_flood_of_nonsense_is_read_no_faster_than_its_answers_are_taken(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(session_module, "MAX_WAITING", 5)

    class Slow(Peer):
        taken = 0

        async def receive(self) -> str | bytes | None:
            self.taken += 1
            return await super().receive()

        async def send(self, message: str | bytes) -> None:
            await asyncio.Event().wait()

    peer = Slow()
    peer.feed(START, *["nonsense"] * 100)
    running = asyncio.create_task(session_for(peer, engine).run())
    for _ in range(200):
        await asyncio.sleep(0)
    assert peer.taken < 20
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("where", ["stream.transcriber.Transcriber.accept", "stream.transcript.Transcript.partial"])
async def test_a_bug_of_ours_costs_one_session_and_says_so(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, where: str, caplog: pytest.LogCaptureFixture
):
    def bug(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(where, bug)
    peer = Peer()
    peer.feed(START, speech(1))
    await session_for(peer, engine).run()
    error = (await peer.until("error"))[-1]
    assert (error["code"], error["fatal"]) == ("engine_failed", True)
    assert peer.code == 1011
    assert "ZeroDivisionError" in caplog.text


async def test_draining_ends_with_finals_and_1012(engine: Engine):
    peer = Peer()
    session = session_for(peer, engine)
    running = asyncio.create_task(session.run())
    peer.feed(START, speech(1))
    await peer.until("partial")
    session.go_away(5)
    assert (await peer.until("going_away"))[-1]["deadline_s"] == 5
    session.shut_down()
    messages = await peer.until("error")
    await running
    assert [message["type"] for message in messages if message["type"] in ("final", "error")] == ["final", "error"]
    assert messages[-1]["code"] == "draining"
    assert peer.code == 1012


# -- what other dialects need ------------------------------------------------------------------------------------------


async def test_replies_keep_their_place_and_audio_is_answered(engine: Engine):
    peer = Peer()
    peer.feed({"type": "hello"}, START, SILENCE, {"type": "finalize"}, {"type": "hello"}, STOP)
    await session_for(peer, engine, dialect=Chatty).run()
    kinds = [message["type"] for message in await peer.until("done")]
    assert [kind for kind in kinds if kind != "ack"] == [
        *("hi", "there", "ready", "accepted", "finalized", "hi", "there", "done")
    ]
    assert peer.code == 3000


async def test_a_dialect_is_woken_when_it_asked_to_be(engine: Engine):
    peer = Peer()
    peer.feed(START, {"type": "wake"})
    running = asyncio.create_task(session_for(peer, engine, dialect=Chatty).run())
    async with asyncio.timeout(5):
        await peer.until("woken")
    peer.feed(STOP)
    assert [message["type"] for message in await peer.until("done")].count("woken") == 0
    await running


async def test_a_dialect_may_have_less_patience(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Chatty, "idle_s", 0.01)
    peer = Peer()
    peer.feed(START)
    await session_for(peer, engine, dialect=Chatty).run()
    assert (await peer.until("error"))[-1]["code"] == "timed_out"
    assert peer.code == 3001


async def test_what_is_cleared_has_no_final_and_what_comes_behind_it_has(engine: Engine):
    peer = Peer()
    pause = np.zeros(12_000, np.int16).tobytes()
    peer.feed(START, speech(1) + pause, speech(1), {"type": "clear"}, pause + speech(1), pause, STOP)
    await session_for(peer, engine, dialect=Chatty).run()
    messages = await peer.until("done")
    told = [message for message in messages if message["type"] in ("final", "suppressed", "cleared")]
    assert [message["type"] for message in told] == ["final", "suppressed", "cleared", "final"]
    assert told[1]["reason"] == "cleared"
    assert engine.backlog_s == 0
    assert messages[-1]["segments"] == 3


async def test_a_session_may_begin_anew_until_the_first_audio(engine: Engine):
    other = await scripted_engine("other")
    peer = Peer()
    peer.feed(
        START,
        {"type": "again", "rate": 16_000, "model": "nowhere"},
        {"type": "again", "rate": 8_000, "model": "other"},
        bytes(16_000),
        {"type": "again", "rate": 16_000, "model": "scripted"},
        STOP,
    )
    session = session_for(peer, engine, other, dialect=Chatty)
    await session.run()
    messages = [message for message in await peer.until("done") if message["type"] not in ("ack", "accepted")]
    assert [message["type"] for message in messages] == ["ready", "error", "configured", "error", "done"]
    assert [messages[1]["code"], messages[3]["code"]] == ["unknown_model", "bad_request"]
    assert messages[-1]["audio_s"] == 1.0
    assert engine.channels == other.channels == 0
    await other.stop()


# -- audio in containers -----------------------------------------------------------------------------------------------


async def listened(
    engine: Engine, *messages: Any, query: tuple[tuple[str, str], ...] = (), limits: Limits | None = None
):
    """What a client of Deepgram's, who sends a container, is told; the close code comes last."""
    peer = Peer()
    peer.feed(*messages)
    await session_for(peer, engine, query=query, limits=limits, dialect=DeepgramProtocol).run()
    told = []
    while not peer.heard.empty():
        told.append(peer.heard.get_nowait())
    return told, peer.code


async def test_what_is_asked_behind_audio_in_a_container_holds_behind_it(threaded: Engine):
    content = wav(speech(3), says=0xFFFF_FFFF)
    cuts = [content[start : start + 5000] for start in range(0, len(content), 5000)]
    told, code = await listened(threaded, *cuts, {"type": "Finalize"}, speech(1), {"type": "CloseStream"})
    assert code == 1000
    first, second = (each for each in told if each["type"] == "Results")
    assert first["from_finalize"]
    words = first["channel"]["alternatives"][0]["words"]
    assert [word["word"] for word in words][:28] == [f"w{number}" for number in range(28)], "libav holds back a packet"
    assert second["channel"]["alternatives"][0]["words"]
    assert told[-1]["type"] == "Metadata"


async def test_a_file_that_has_less_to_it_than_a_header_is_none(engine: Engine):
    for messages in ([b"RIFF", {"type": "CloseStream"}], [b"no audio at all"]):
        told, code = await listened(engine, *messages)
        assert ([each["type"] for each in told], code) == (["Error"], 1008)


async def test_a_container_without_any_audio_frame_costs_no_process(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(session_module, "unpacking", None)
    told, code = await listened(engine, {"type": "KeepAlive"}, {"type": "CloseStream"})
    assert ([each["type"] for each in told], code) == (["Metadata"], 1000)


async def test_a_client_that_vanishes_leaves_no_process(engine: Engine):
    peer = Peer()
    peer.feed(wav(speech(1))[:20_000], {"type": "Finalize"})
    running = asyncio.create_task(session_for(peer, engine, dialect=DeepgramProtocol).run())
    await peer.until("Results")
    peer.hang_up()
    await running
    assert not processes("stream.media_child")
