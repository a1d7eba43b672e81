"""A telephone call as Twilio streams it, held by a test."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import numpy as np

from models.base import Samples
from models.scripted import ledger_audio
from stream.audio import MULAW

FRAME = 160
"""Samples, and bytes, of 20 ms at 8 kHz."""
SILENCE = b"\xff" * FRAME
TRACKS = ("inbound", "outbound")
CONNECTED = {"event": "connected", "protocol": "Call", "version": "1.0.0"}
DTMF = {"event": "dtmf", "streamSid": "MZ1", "sequenceNumber": "5", "dtmf": {"track": "inbound_track", "digit": "1"}}
MARK = {"event": "mark", "streamSid": "MZ1", "sequenceNumber": "6", "mark": {"name": "my label"}}
STOP = {"event": "stop", "streamSid": "MZ1", "sequenceNumber": "9", "stop": {"accountSid": "AC1", "callSid": "CA1"}}


def start(tracks: tuple[str, ...] = TRACKS, **parameters: Any) -> dict[str, Any]:
    return {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": "MZ1",
        "start": {
            "streamSid": "MZ1",
            "accountSid": "AC1",
            "callSid": "CA1",
            "tracks": list(tracks),
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": parameters,
        },
    }


def media(number: int, track: str, sound: bytes) -> dict[str, Any]:
    """The number-th frame of a track."""
    payload = base64.b64encode(sound).decode()
    told = {"track": track, "chunk": str(number + 1), "timestamp": str(number * 20), "payload": payload}
    return {"event": "media", "sequenceNumber": str(number + 2), "streamSid": "MZ1", "media": told}


def mulaw(samples: Samples) -> bytes:
    """16 kHz in, 8 kHz out, nothing filtered."""
    codes = np.argsort(MULAW, kind="stable").astype(np.uint8)
    levels = MULAW[codes].astype(np.int32)
    middles = (levels[1:] + levels[:-1]) // 2
    return codes[np.searchsorted(middles, samples[::2])].tobytes()


def side(seconds: float, *speech: tuple[float, float]) -> list[bytes]:
    """What one of the two says, in frames: it speaks from a second for some seconds."""
    sound = bytearray(SILENCE * round(seconds * 50))
    for at, lasts in speech:
        voice = mulaw(ledger_audio(0, round(lasts * 10)))
        sound[round(at * 8000) : round(at * 8000) + len(voice)] = voice
    return [bytes(sound[i : i + FRAME]) for i in range(0, len(sound), FRAME)]


def streamed(caller: list[bytes], called: list[bytes]) -> Iterator[dict[str, Any]]:
    """The frames of both in turn."""
    for number, sounds in enumerate(zip(caller, called, strict=True)):
        for track, sound in zip(TRACKS, sounds, strict=True):
            yield media(number, track, sound)


def interleaved(caller: list[bytes], called: list[bytes]) -> list[bytes]:
    """The same for a protocol that takes both at once."""
    pairs = (np.frombuffer(a + b, np.uint8).reshape(2, -1) for a, b in zip(caller, called, strict=True))
    return [pair.T.tobytes() for pair in pairs]
