"""stream/chatting.py"""

import asyncio
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import pytest

from models.chat import ChatOptions
from models.registry import ModelSpec
from models.scripted import ledger_audio
from stream.chatting import Asked, Chatting, Recorded
from stream.engine import Engine
from stream.errors import BadRequest, Draining, EngineFailed, NotFound, TooLarge, UnsupportedMedia
from stream.link import in_thread
from stream.media_messages import MediaLimits
from stream.metrics import Metrics
from stream.worker import serve
from tests.stream.inline import scripted_engine
from tests.stream.recordings import wav

TALK, MORE = wav(ledger_audio(0, 10).tobytes()), wav(ledger_audio(50, 25).tobytes())
WORDS = " ".join(f"w{number}" for number in range(10))


@pytest.fixture
async def engine():
    engine = await scripted_engine("scripted-chat", "scripted-chat")
    yield engine
    assert engine._replicas[0].chats == {}, "every chat has ended"
    await engine.stop()


@pytest.fixture
def clip(tmp_path):
    def clip(content, where="messages[0].content[0]"):
        @asynccontextmanager
        async def opened():
            if isinstance(content, Exception):
                raise content
            path = tmp_path / "clip"
            path.write_bytes(content)
            with path.open("rb") as file:
                yield file

        return Recorded(where, opened)

    return clip


def chatting(engine, *content, options=None, stop=(), most_s=100.0, turn=None, **fields):
    asked = Asked((("user", content),), options or ChatOptions(), stop)
    limits = MediaLimits(max_audio_s=most_s)
    return Chatting(asked, engine, fields.pop("metrics", Metrics()), limits, turn or asyncio.Semaphore(1), **fields)


async def said(chat):
    async with aclosing(chat.deltas()) as deltas:
        return [delta async for delta in deltas]


def text(deltas):
    return "".join(delta.text for delta in deltas)


async def test_clips_are_heard_where_they_are_in_the_messages(engine, clip):
    chat = chatting(engine, clip(TALK), "And", clip(MORE), "?")
    deltas = await said(chat)
    more = " ".join(f"w{number}" for number in range(50, 75))
    assert text(deltas) == f"user: [1.0 s: {WORDS}] And [2.5 s: {more}] ?"
    assert [bool(delta.text or delta.finish) for delta in deltas] == [True] * len(deltas)
    assert (chat.heard, deltas[-1].finish, deltas[-1].audio_tokens) == (56_000, "stop", 750)


async def test_options_and_stops_reach_the_worker(engine):
    deltas = await said(chatting(engine, "Hi", options=ChatOptions(temperature=1, seed=3), stop=("seed",)))
    assert text(deltas) == "user: Hi (temperature 1, top_p 1, "
    deltas = await said(chatting(engine, "One two", options=ChatOptions(max_tokens=2)))
    assert (text(deltas), deltas[-1].finish) == ("user: One", "length")


@pytest.mark.parametrize(
    ("content", "error"),
    [(b"no audio at all", UnsupportedMedia), (NotFound("there is no file `x`"), NotFound)],
    ids=["no audio", "no file"],
)
async def test_what_is_wrong_with_a_clip_says_with_which(content, error, engine, clip):
    metrics = Metrics()
    with pytest.raises(error, match=r"`messages\[2\]\.content\[1\]`: ") as caught:
        await said(chatting(engine, clip(TALK), clip(content, "messages[2].content[1]"), metrics=metrics))
    assert caught.value.param == "messages"
    assert metrics.chats.labels(outcome=error.code)._value.get() == 1


async def test_all_clips_together_have_a_limit(engine, clip):
    assert text(await said(chatting(engine, clip(TALK), clip(TALK), most_s=2.0)))
    with pytest.raises(TooLarge):
        await said(chatting(engine, clip(TALK), clip(MORE), most_s=2.0))
    with pytest.raises(TooLarge, match="2 s in all"):
        await said(chatting(engine, clip(TALK), clip(TALK), clip(TALK), most_s=2.0))


async def test_the_models_own_limit_counts_as_well(engine, clip, monkeypatch):
    monkeypatch.setattr(engine, "card", replace(engine.card, chat_audio_s=0.5))
    with pytest.raises(TooLarge):
        await said(chatting(engine, clip(TALK)))


async def test_what_the_model_refuses_is_the_clients_fault(engine):
    with pytest.raises(BadRequest, match="tokens") as caught:
        await said(chatting(engine, "a " * 40_000))
    assert caught.value.param == "messages"


async def test_a_model_that_fails_is_the_servers_fault(engine):
    with pytest.raises(EngineFailed):
        await said(chatting(engine, "raise@1"))


async def test_the_next_one_has_its_turn_when_this_one_has_begun_to_speak(engine):
    turn = asyncio.Semaphore(1)
    async with aclosing(chatting(engine, "Hi", turn=turn).deltas()) as deltas:
        assert (await anext(deltas)).text == "user:"
        assert not turn.locked()
    async with turn:
        waiting = asyncio.create_task(said(chatting(engine, "Hi", turn=turn)))
        await asyncio.sleep(0)
        assert not waiting.done()
    assert text(await waiting) == "user: Hi"


async def test_one_that_is_left_takes_no_more_steps(clip):
    engine = Engine(ModelSpec(name="scripted-chat", kind="scripted-chat"), launch=in_thread(serve))
    await engine.start()
    metrics = Metrics()
    try:
        async with aclosing(chatting(engine, clip(TALK), "repeat=3000", metrics=metrics).deltas()) as deltas:
            await anext(deltas)
            assert len(engine._replicas[0].chats) == 1
        assert engine._replicas[0].chats == {}
        assert metrics.chats.labels(outcome="gone")._value.get() == 1
    finally:
        await engine.stop()


async def test_one_is_ended_when_the_server_goes(engine, clip):
    def go_on():
        raise Draining("the server is shutting down")

    for content in ((clip(TALK),), ("Hi",)):
        with pytest.raises(Draining):
            await said(chatting(engine, *content, go_on=go_on))
