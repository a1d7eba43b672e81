"""The client and its command against a real server, over a real socket."""

import json

import pytest

import steno
import steno.sync
from models.scripted import ledger_audio
from steno.cli import main
from stream.engines import CLIP
from tests.e2e.conftest import Server


async def test_a_session_from_connect_to_done(server: Server):
    audio = ledger_audio(0, 30).tobytes()
    async with steno.connect(server.http, words=True, language="en") as session:
        assert (session.ready.model, session.ready.protocol) == ("scripted", 1)
        await session.send(audio[:48_000])
        finalized = await session.finalize("half")
        assert (finalized.id, finalized.at) == ("half", 24_000)
        configured = await session.configure(words=False, endpointing={"silence_ms": 900})
        assert configured.options["endpointing"]["silence_ms"] == 900
        with pytest.raises(steno.RequestError, match="tlh"):
            await session.configure(language="tlh")
        await session.send(audio[48_000:])
        done = await session.stop()
        finals = [event async for event in session if isinstance(event, steno.Final)]
    assert " ".join(final.text for final in finals).split() == [f"w{i}" for i in range(30)]
    assert [final.words is not None for final in finals] == [True, False]
    assert session.durable == session.received == done.received == 48_000


async def test_a_refused_handshake_and_a_fatal_error_are_errors_of_the_client(server: Server):
    with pytest.raises(steno.SessionError, match="nobody"):
        async with steno.connect(server.ws, model="nobody"):
            pass
    with pytest.raises(steno.ConnectError):
        async with steno.connect(server.http + "/elsewhere"):
            pass


def test_the_same_without_asyncio(server: Server):
    with steno.sync.connect(server.ws) as session:
        session.feed([ledger_audio(0, 10).tobytes()])
        texts = [event.text for event in session if isinstance(event, steno.Final)]
    assert " ".join(texts).split() == [f"w{i}" for i in range(10)]


@pytest.mark.parametrize("form", ["--json", "--srt", "--vtt", "--txt"])
def test_the_command_transcribes_a_file(server: Server, form: str, capsys: pytest.CaptureFixture[str]):
    assert main(["transcribe", str(CLIP), "--url", server.http, form]) == 0
    written = capsys.readouterr().out
    if form == "--json":
        assert len(json.loads(written)["segments"]) == 9
    assert ("-->" in written) == (form in ("--srt", "--vtt"))
    assert "s0" in written


def test_the_command_lists_the_servers_models(server: Server, capsys: pytest.CaptureFixture[str]):
    assert main(["models", "--url", server.http]) == 0
    assert "scripted" in capsys.readouterr().out
