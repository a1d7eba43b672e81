import asyncio
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed

import steno
from steno import client

SECOND = bytes(32_000)


async def heard_audio(peer, size):
    """Audio up to so many bytes."""
    audio = b""
    while len(audio) < size:
        audio += await peer.hear()
    return audio


async def events_of(session):
    return [event async for event in session]


async def last_before_error(session):
    """The last event before the iteration raises IncompleteError."""
    with suppress(steno.IncompleteError):
        async for event in session:
            last = event
        pytest.fail("the iteration ended well")
    return last


# -- a session ----------------------------------------------------------------------------------------------------


async def test_a_session_from_start_to_done(server):
    async def script(peer):
        assert await peer.open() == {"type": "start", "language": "en", "keywords": ["Steno"]}
        assert await heard_audio(peer, 6) == b"abcdef"
        await peer.say("ack", received=3, durable=0)
        assert await peer.hear() == {"type": "stop"}
        await peer.tell("speech_started", segment=0, channel=0, at=0.1)
        await peer.final(0, "Hello.")
        await peer.done(3)

    async with server(script) as url, steno.connect(url, language="en", keywords=["Steno"]) as session:
        assert session.ready.model == "scripted"
        await session.send(b"abcd")
        await session.send(memoryview(b"ef"))
        done = await session.stop()
        assert done.received == session.received == session.durable == 3
        kinds = [type(event).__name__ for event in await events_of(session)]
        assert kinds == ["Ready", "Ack", "SpeechStarted", "Final", "Done"]
        assert await events_of(session) == []
        assert await session.stop() is done


async def test_the_key_goes_into_a_header_and_nowhere_else(server):
    seen = []

    async def script(peer):
        seen.append(peer.socket.request)
        await peer.open()

    async with server(script) as url, steno.connect(url, api_key="k3y"):
        pass
    assert seen[0].headers["Authorization"] == "Bearer k3y"
    assert seen[0].path == "/v1/stream"


async def test_finalizes_are_answered_in_order_while_audio_goes_on(server):
    async def script(peer):
        await peer.open()
        assert await peer.hear() == {"type": "finalize", "id": "a"}
        assert await peer.hear() == {"type": "finalize"}
        assert await peer.hear() == b"ab"
        await peer.final(0, "One.")
        await peer.tell("finalized", id="a", at=0)
        await peer.tell("finalized", id=None, at=1)

    async with server(script) as url, steno.connect(url) as session:
        first = asyncio.create_task(session.finalize("a"))
        second = asyncio.create_task(session.finalize())
        await asyncio.sleep(0)
        await session.send(b"ab")
        assert (await first).at == 0
        assert (await second).at == 1


async def test_configure_tells_what_is_in_effect_or_what_is_wrong(server):
    async def script(peer):
        await peer.open()
        assert await peer.hear() == {"type": "configure", "language": "de"}
        await peer.say("error", code="bad_audio", message="not a number", fatal=False)
        await peer.tell("configured", language="de")
        assert await peer.hear() == {"type": "configure", "prompt": "x"}
        await peer.say("error", code="unsupported", message="no prompts", hint="another model", fatal=False)
        assert await peer.hear() == {"type": "stop"}
        await peer.done()

    async with server(script) as url, steno.connect(url) as session:
        assert (await session.configure(language="de")).options == {"language": "de"}
        with pytest.raises(steno.RequestError, match="no prompts") as refused:
            await session.configure(prompt="x")
        assert (refused.value.code, refused.value.hint) == ("unsupported", "another model")
        await session.stop()
        assert [event.code async for event in session if isinstance(event, steno.Failed)] == [
            "bad_audio",
            "unsupported",
        ]


async def test_an_idle_session_is_kept_alive(server):
    async def script(peer):
        await peer.open({"idle_s": 0.01})
        assert await peer.hear() == {"type": "keepalive"}
        assert await peer.hear() == {"type": "keepalive"}
        await peer.final(0, "Still here.")
        with suppress(ConnectionClosed):
            while True:
                await peer.hear()

    async with server(script) as url, steno.connect(url) as session:
        async for event in session:
            if isinstance(event, steno.Final):
                break


# -- flow ---------------------------------------------------------------------------------------------------------


async def test_audio_waits_for_acks_and_other_messages_do_not(server):
    window = 3200

    async def script(peer):
        await peer.open({"ahead_s": 0.1, "frame_bytes": 2000})
        assert len(await heard_audio(peer, window)) == window
        # Not acknowledged: the next thing heard is no audio.
        assert await peer.hear() == {"type": "finalize"}
        await peer.tell("finalized", at=1600)
        await peer.say("ack", received=1000, durable=0)
        assert len(await heard_audio(peer, 2000)) == 2000
        await peer.say("ack", received=2600, durable=0)
        assert len(await heard_audio(peer, window)) == window
        for received in range(4200, 16_001, 100):
            await peer.say("ack", received=received, durable=0)
        assert len(await heard_audio(peer, 32_000 - 2 * window - 2000)) == 32_000 - 2 * window - 2000
        assert await peer.hear() == {"type": "stop"}
        await peer.done(16_000)

    async with server(script) as url, steno.connect(url) as session:
        sending = asyncio.create_task(session.send(SECOND))
        await asyncio.sleep(0)
        assert (await session.finalize()).at == 1600
        stopping = asyncio.create_task(session.stop())
        await sending
        assert (await stopping).received == 16_000


async def test_concurrent_sends_do_not_mix(server):
    async def script(peer):
        await peer.open({"ahead_s": 0.001, "frame_bytes": 8})
        audio = b""
        while len(audio) < 200:
            audio += await peer.hear()
            await peer.say("ack", received=len(audio) // 2, durable=0)
        assert audio in (b"a" * 100 + b"b" * 100, b"b" * 100 + b"a" * 100)

    async with server(script) as url, steno.connect(url) as session:
        await asyncio.gather(session.send(b"a" * 100), session.send(b"b" * 100))


async def test_who_reads_no_events_still_sends_and_then_finds_all_that_counts(server):
    async def script(peer):
        await peer.open()
        for segment in range(50):
            await heard_audio(peer, 32_000)
            for stable in range(20):
                await peer.partial(segment, "x" * 20, stable)
            await peer.final(segment, f"Number {segment}.")
            await peer.say("ack", received=16_000 * (segment + 1), durable=16_000 * (segment + 1))
        assert await peer.hear() == {"type": "stop"}
        await peer.done(800_000)

    async with server(script) as url, steno.connect(url) as session:
        for _ in range(50):
            await session.send(SECOND)
        await session.stop()
        events = await events_of(session)
        assert [event.segment for event in events if isinstance(event, steno.Final)] == list(range(50))
        assert not any(isinstance(event, steno.Partial) for event in events)


# -- feed ---------------------------------------------------------------------------------------------------------


async def asynchronous(chunks):
    for chunk in chunks:
        yield chunk


@pytest.mark.parametrize("wrap", [iter, asynchronous])
async def test_feed_sends_all_and_stops(server, wrap):
    async def script(peer):
        await peer.open()
        assert await heard_audio(peer, 6) == b"aabbcc"
        assert await peer.hear() == {"type": "stop"}
        await peer.done(3)

    async with server(script) as url, steno.connect(url) as session:
        session.feed(wrap([b"aa", b"bb", b"cc"]))
        with pytest.raises(RuntimeError):
            session.feed([])
        assert isinstance((await events_of(session))[-1], steno.Done)


async def test_a_source_that_fails_ends_the_iteration_with_its_error(server):
    async def script(peer):
        await peer.open()
        assert await peer.hear() == b"aa"
        with pytest.raises(ConnectionClosed):
            await peer.hear()

    async def chunks():
        yield b"aa"
        raise OSError("the disk is gone")

    async with server(script) as url, steno.connect(url) as session:
        session.feed(chunks())
        with pytest.raises(OSError, match="the disk is gone"):
            await events_of(session)
        with pytest.raises(OSError, match="the disk is gone"):
            await session.send(b"bb")


async def test_stop_ends_a_feed_that_would_not_end(server):
    async def script(peer):
        await peer.open()
        received = 0
        while isinstance(frame := await peer.hear(), bytes):
            received += len(frame) // 2
            await peer.say("ack", received=received, durable=0)
        assert frame == {"type": "stop"}
        await peer.done(received)

    async def chunks():
        while True:
            yield b"aa"
            await asyncio.sleep(0)

    async with server(script) as url, steno.connect(url) as session:
        session.feed(chunks())
        async for event in session:
            if isinstance(event, steno.Ack):
                break
        assert (await session.stop()).received > 0
        assert isinstance((await events_of(session))[-1], steno.Done)


# -- misuse -------------------------------------------------------------------------------------------------------


async def test_misuse_is_told_before_anything_is_sent(server):
    async def script(peer):
        await peer.open()
        assert await peer.hear() == {"type": "stop"}
        await peer.done()

    async with server(script) as url, steno.connect(url) as session:
        with pytest.raises(ValueError):
            await session.send(b"odd")
        await session.stop()
        with pytest.raises(RuntimeError):
            await session.send(b"ab")
        with pytest.raises(RuntimeError):
            await session.finalize()


# -- sessions that fail -------------------------------------------------------------------------------------------


async def test_a_server_that_vanishes_fails_all_who_wait_and_says_what_is_safe(server):
    async def script(peer):
        await peer.open({"ahead_s": 0.1})
        await heard_audio(peer, 3200)
        assert (await peer.hear())["type"] == "finalize"
        assert (await peer.hear())["type"] == "configure"
        await peer.say("ack", received=1000, durable=700)
        await peer.final(0, "Saved.")
        await heard_audio(peer, 2000)
        peer.socket.transport.abort()

    async with server(script) as url, steno.connect(url) as session:
        waiting = [
            asyncio.create_task(step)
            for step in (session.send(SECOND), session.finalize(), session.configure(words=True))
        ]
        for failed in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(failed, steno.IncompleteError)
            assert (failed.received, failed.durable) == (1000, 700)
        assert isinstance(await last_before_error(session), steno.Final)
        with pytest.raises(steno.IncompleteError):
            await session.send(b"ab")


@pytest.mark.parametrize("code", [1000, 1011, 1012])
async def test_any_close_before_done_is_incomplete(server, code):
    async def script(peer):
        await peer.open()
        await peer.socket.close(code)

    async with server(script) as url, steno.connect(url) as session:
        with pytest.raises(steno.IncompleteError):
            await session.stop()


async def test_done_without_stop_is_incomplete_but_yielded(server):
    async def script(peer):
        await peer.open()
        await peer.done()

    async with server(script) as url, steno.connect(url) as session:
        assert isinstance(await last_before_error(session), steno.Done)


async def test_a_fatal_error_ends_the_session_with_its_reason(server):
    async def script(peer):
        await peer.open()
        await peer.say("error", code="timed_out", message="nothing came for 60 s", hint="send audio", fatal=True)
        await peer.socket.close(4410)

    async with server(script) as url, steno.connect(url) as session:
        with pytest.raises(steno.SessionError, match="nothing came for 60 s") as caught:
            await events_of(session)
        assert caught.value.code == "timed_out"
        with pytest.raises(steno.SessionError):
            await session.send(b"ab")


async def test_nonsense_from_the_server_ends_the_session(server):
    async def script(peer):
        await peer.open()
        await peer.socket.send("nonsense")
        with pytest.raises(ConnectionClosed):
            await peer.hear()

    async with server(script) as url, steno.connect(url) as session:
        with pytest.raises(steno.ProtocolError):
            await events_of(session)
        with pytest.raises(steno.ProtocolError):
            await session.send(b"ab")


# -- sessions that never open -------------------------------------------------------------------------------------


async def test_a_refused_option_is_raised_on_opening(server):
    async def script(peer):
        assert await peer.hear() == {"type": "start", "model": "nonesuch"}
        await peer.say("error", code="unknown_model", message="no model `nonesuch`", fatal=True)
        await peer.socket.close(4404)

    async with server(script) as url:
        with pytest.raises(steno.SessionError, match="nonesuch"):
            async with steno.connect(url, model="nonesuch"):
                pytest.fail("there is no session")


async def test_a_refused_handshake_tells_status_code_and_when_to_come_back(server):
    async def script(peer):
        pytest.fail("there is no session")

    def refuse(connection, request):
        response = connection.respond(503, '{"error":{"code":"overloaded","message":"no capacity"}}')
        response.headers["Retry-After"] = "5"
        return response

    async with server(script, process_request=refuse) as url:
        with pytest.raises(steno.RefusedError) as caught:
            async with steno.connect(url):
                pass
    assert (caught.value.status, caught.value.code, caught.value.retry_after) == (503, "overloaded", 5)
    assert str(caught.value).startswith("no capacity")


async def test_nothing_listening_is_a_connect_error(server):
    async with server(lambda peer: peer.open()) as url:
        pass
    with pytest.raises(steno.ConnectError):
        async with steno.connect(url):
            pass


async def test_a_close_before_ready_is_a_connect_error(server):
    async def script(peer):
        await peer.hear()

    async with server(script) as url:
        with pytest.raises(steno.ConnectError):
            async with steno.connect(url):
                pass


async def test_a_server_that_says_nothing_is_given_up(server, monkeypatch):
    monkeypatch.setattr(client, "OPEN_TIMEOUT_S", 0.05)

    async def script(peer):
        with suppress(ConnectionClosed):
            while True:
                await peer.hear()

    async with server(script) as url:
        with pytest.raises(steno.ConnectError, match="did not open"):
            async with steno.connect(url):
                pass
