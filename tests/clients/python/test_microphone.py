import sys
from types import SimpleNamespace

import pytest

from steno.errors import AudioError
from steno.microphone import Microphone


class PortAudioError(Exception):
    pass


class Device:
    """Stands in for the library: hears three chunks as soon as it starts."""

    def __init__(self, **settings):
        self.settings = settings
        self.closed = False
        devices.append(self)

    def start(self):
        for chunk in (b"aa", b"bb", b"cc"):
            self.settings["callback"](bytearray(chunk), 1, None, "")

    def close(self):
        self.closed = True


devices = []


async def test_what_was_heard_comes_in_order_until_stop(monkeypatch):
    library = SimpleNamespace(RawInputStream=Device, PortAudioError=PortAudioError)
    monkeypatch.setitem(sys.modules, "sounddevice", library)
    with Microphone(16_000) as microphone:
        heard = [await anext(microphone), await anext(microphone)]
        microphone.stop()
        heard += [chunk async for chunk in microphone]
    assert heard == [b"aa", b"bb", b"cc"]
    assert devices[-1].closed
    settings = devices[-1].settings
    assert (settings["samplerate"], settings["channels"], settings["dtype"]) == (16_000, 1, "int16")


async def test_lost_audio_is_told(monkeypatch, capsys):
    library = SimpleNamespace(RawInputStream=Device, PortAudioError=PortAudioError)
    monkeypatch.setitem(sys.modules, "sounddevice", library)
    with Microphone(16_000):
        devices[-1].settings["callback"](bytearray(b"dd"), 1, None, "input overflow")
    assert "lost audio: input overflow" in capsys.readouterr().err


async def test_no_device_is_told(monkeypatch):
    def none(**settings):
        raise PortAudioError("Error querying device -1")

    library = SimpleNamespace(RawInputStream=none, PortAudioError=PortAudioError)
    monkeypatch.setitem(sys.modules, "sounddevice", library)
    with pytest.raises(AudioError, match="device -1"), Microphone(16_000):
        pass


async def test_no_library_is_told(monkeypatch, tmp_path):
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(AudioError, match="libportaudio2"), Microphone(16_000):
        pass
