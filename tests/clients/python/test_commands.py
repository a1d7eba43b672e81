import json
import os
import signal
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

import steno
from steno.commands import mic, transcribe


@pytest.fixture
def recording(tmp_path):
    """Three seconds on two channels at 8 kHz."""
    path = str(tmp_path / "talk.wav")
    soundfile.write(path, np.zeros((24_000, 2), np.int16), 8000)
    return path


def listening(*, until=24_000, mode="file"):
    """A server that takes a recording and finds two utterances in it, the later one first."""

    async def script(peer):
        start = await peer.open()
        assert start == {"type": "start", "words": False, "sample_rate": 8000, "channels": 2, "mode": mode}
        received = 0
        while received < until:
            received += len(await peer.hear()) // 4
            await peer.say("ack", received=received, durable=0)
        await peer.partial(0, "Hel")
        await peer.final(1, "World.", 2.0, 3.0, channel=1)
        await peer.final(0, "Hello.", 0.0, 1.0)
        if until < 24_000:
            peer.socket.transport.abort()
            return
        assert await peer.hear() == {"type": "stop"}
        await peer.done(received)

    return script


def asked(recording, **changes):
    settings = {"realtime": False, "format": None, "output": None, **changes}
    return {"api_key": None, "options": {"words": False}, "file": recording, **settings}


async def test_finals_are_shown_as_they_come(server, recording, capsys):
    async with server(listening()) as url:
        await transcribe(url, **asked(recording))
    assert capsys.readouterr().out == " 0:02.00  0:03.00  [2] World.\n 0:00.00  0:01.00  [1] Hello.\n"


async def test_a_document_is_all_that_standard_output_gets(server, recording, capsys):
    async with server(listening()) as url:
        await transcribe(url, **asked(recording, format="txt"))
    assert capsys.readouterr() == ("Hello.\nWorld.\n", "")


async def test_a_document_in_a_file_leaves_standard_output_to_the_view(server, recording, capsys, tmp_path):
    async with server(listening()) as url:
        await transcribe(url, **asked(recording, format="json", output=tmp_path / "out"))
    assert [one["text"] for one in json.loads((tmp_path / "out").read_text())["segments"]] == ["Hello.", "World."]
    assert "Hello." in capsys.readouterr().out


async def test_a_session_cut_short_leaves_what_came(server, recording, capsys):
    async with server(listening(until=8000)) as url:
        with pytest.raises(steno.IncompleteError):
            await transcribe(url, **asked(recording, format="txt"))
    assert capsys.readouterr().out == "Hello.\nWorld.\n"


async def test_real_time_is_a_live_session(server, tmp_path):
    path = str(tmp_path / "short.wav")
    soundfile.write(path, np.zeros((800, 2), np.int16), 8000)

    async def script(peer):
        assert (await peer.open())["mode"] == "live"
        assert len(await peer.hear()) == 3200
        assert await peer.hear() == {"type": "stop"}
        await peer.done(800)

    async with server(script) as url:
        await transcribe(url, **asked(path, realtime=True))


async def test_the_microphone_records_until_the_first_interrupt(server, monkeypatch, capsys):
    class Device:
        def __init__(self, callback, **settings):
            self.callback = callback

        def start(self):
            self.callback(bytes(3200), 1600, None, "")

        def close(self):
            pass

    async def script(peer):
        assert await peer.open() == {"type": "start", "language": ["en"], "sample_rate": 16_000}
        assert len(await peer.hear()) == 3200
        os.kill(os.getpid(), signal.SIGINT)
        assert await peer.hear() == {"type": "stop"}
        await peer.final(0, "Bye.")
        await peer.done(1600)

    monkeypatch.setitem(sys.modules, "sounddevice", SimpleNamespace(RawInputStream=Device, PortAudioError=OSError))
    before = signal.getsignal(signal.SIGINT)
    async with server(script) as url:
        await mic(url, None, {"language": ["en"]})
    assert signal.getsignal(signal.SIGINT) in (before, signal.default_int_handler)
    assert "Bye." in capsys.readouterr().out
