import asyncio
import threading

import pytest
from websockets.exceptions import ConnectionClosedOK

import steno
import steno.sync


async def in_thread(play, *arguments):
    """Let the server, on this loop, play against a client that blocks."""
    await asyncio.to_thread(play, *arguments)


async def test_a_session_from_start_to_done(server):
    async def script(peer):
        assert await peer.open() == {"type": "start", "language": "en"}
        assert await peer.hear() == b"ab"
        assert await peer.hear() == {"type": "configure", "words": True}
        await peer.tell("configured", language="de")
        assert await peer.hear() == {"type": "finalize", "id": "x"}
        await peer.final(0, "Hello.")
        await peer.tell("finalized", id="x", at=1)
        await peer.say("ack", received=1, durable=1)
        assert await peer.hear() == {"type": "stop"}
        await peer.done(1)

    def play(url):
        with steno.sync.connect(url, language="en") as session:
            session.send(b"ab")
            session.configure(words=True)
            assert session.finalize("x").at == 1
            assert session.stop().received == 1
            assert (session.ready.model, session.received, session.durable) == ("scripted", 1, 1)
            kinds = [type(event).__name__ for event in session]
            assert kinds == ["Ready", "Configured", "Final", "Finalized", "Ack", "Done"]

    async with server(script) as url:
        await in_thread(play, url)


async def test_a_source_that_blocks_is_fed_while_events_are_read(server):
    async def script(peer):
        await peer.open()
        assert await peer.hear() == b"aa"
        await peer.final(0, "One.")
        assert await peer.hear() == b"bb"
        assert await peer.hear() == {"type": "stop"}
        await peer.done(2)

    def play(url):
        answered = threading.Event()

        def chunks():
            yield b"aa"
            assert answered.wait(10)
            yield b"bb"

        with steno.sync.connect(url) as session:
            session.feed(chunks())
            for event in session:
                if isinstance(event, steno.Final):
                    answered.set()
            assert isinstance(event, steno.Done)

    async with server(script) as url:
        await in_thread(play, url)


async def test_errors_come_out_where_the_call_was(server):
    async def script(peer):
        await peer.open()
        await peer.hear()
        peer.socket.transport.abort()

    def play(url):
        with steno.sync.connect(url) as session:
            with pytest.raises(ValueError):
                session.send(b"odd")
            session.send(b"ab")
            with pytest.raises(steno.IncompleteError):
                list(session)

    async with server(script) as url:
        await in_thread(play, url)


async def test_an_error_in_the_block_closes_the_session_and_passes(server):
    async def script(peer):
        await peer.open()
        with pytest.raises(ConnectionClosedOK):
            await peer.hear()

    def play(url):
        with pytest.raises(ZeroDivisionError), steno.sync.connect(url):
            raise ZeroDivisionError

    async with server(script) as url:
        await in_thread(play, url)


async def test_no_thread_outlives_its_session(server):
    def play(url):
        with pytest.raises(steno.ConnectError), steno.sync.connect(url):
            pass
        assert "steno" not in [thread.name for thread in threading.enumerate()]

    async with server(lambda peer: peer.open()) as url:
        pass
    await in_thread(play, url)
