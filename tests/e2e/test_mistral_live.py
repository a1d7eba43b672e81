"""Mistral's own client on a live session, over a real socket, with nothing changed but its address."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from mistralai.client import Mistral
from mistralai.client.models import AudioFormat as TheirFormat
from mistralai.client.models import (
    RealtimeTranscriptionError,
    TranscriptionStreamDone,
    TranscriptionStreamLanguage,
    TranscriptionStreamSegmentDelta,
    TranscriptionStreamTextDelta,
)
from mistralai.extra.exceptions import RealtimeTranscriptionException
from mistralai.extra.realtime import UnknownRealtimeEvent
from websockets.asyncio.client import connect

from models.scripted import ledger_audio
from stream.audio import AudioFormat, Encoding
from tests.conformance.check_protocol import TALK, encoded
from tests.e2e.conftest import Server, natively
from tests.vad.voice import silence

KEY = "live-3c77e0"
MODEL = "voxtral-mini-transcribe-realtime-2602"
TEXT = " ".join(f"w{number}" for number in range(30))
LIMIT_S = 30


@pytest.fixture(scope="module")
def keyed(start_server: Callable[..., Server]) -> Server:
    return start_server("--model", "scripted", "--max-sessions", "100", "--drain-s", "0", STENO_API_KEYS=KEY)


def client(server: Server, key: str = KEY) -> Mistral:
    return Mistral(api_key=key, server_url=server.http)


async def pieces(audio: bytes, size: int = 3200) -> AsyncIterator[bytes]:
    for start in range(0, len(audio), size):
        yield audio[start : start + size]


async def heard(client: Mistral, audio: bytes, size: int = 3200, model: str = MODEL, **options: Any) -> list[Any]:
    """All events of `transcribe_stream`, each of them one that it knows."""
    async with asyncio.timeout(LIMIT_S):
        stream = client.audio.realtime.transcribe_stream(pieces(audio, size), model, **options)
        events = [event async for event in stream]
    assert not [event for event in events if isinstance(event, UnknownRealtimeEvent)]
    return events


async def until_done(events: AsyncIterator[Any]) -> list[Any]:
    """The next ones up to a `done` or an error. Their iterator closes the connection when it is dropped."""
    told: list[Any] = []
    async with asyncio.timeout(LIMIT_S):
        while not told or not isinstance(told[-1], TranscriptionStreamDone | RealtimeTranscriptionError):
            told.append(await anext(events))
            assert not isinstance(told[-1], UnknownRealtimeEvent), told[-1]
    return told


def joined(events: list[Any]) -> str:
    return "".join(event.text for event in events if isinstance(event, TranscriptionStreamTextDelta))


@pytest.mark.parametrize("prefix", ["", "/mistral"])
async def test_transcribe_stream(keyed: Server, prefix: str):
    mistral = Mistral(api_key=KEY, server_url=keyed.http + prefix)
    events = await heard(mistral, encoded(TALK, AudioFormat()), language="en", target_streaming_delay_ms=480)
    assert [event.type for event in events[:2]] == ["session.created", "session.updated"]
    assert events[0].session.model == "scripted"
    assert isinstance(next(event for event in events[2:]), TranscriptionStreamLanguage)
    done = events[-1]
    assert done.text == joined(events) == TEXT
    assert [event.type for event in events].count("transcription.done") == 1
    segments = [event for event in events if isinstance(event, TranscriptionStreamSegmentDelta)]
    assert "".join(segment.text for segment in segments) == TEXT
    assert [(each.text, each.start, each.end) for each in done.segments] == [
        (each.text, each.start, each.end) for each in segments
    ]
    assert (done.model, done.language) == ("scripted", "en")
    assert (done.usage.prompt_audio_seconds, done.usage.total_tokens) == (5, 30 + 375)


async def test_audio_may_be_cut_anywhere(keyed: Server):
    assert (await heard(client(keyed), encoded(TALK, AudioFormat()), size=1001))[-1].text == TEXT


@pytest.mark.parametrize(
    ("theirs", "ours", "rate"),
    [
        ("pcm_s16le", "pcm_s16le", 8_000),
        ("pcm_s32le", "pcm_s32le", 16_000),
        ("pcm_f16le", "pcm_f16le", 16_000),
        ("pcm_f32le", "pcm_f32le", 16_000),
        ("pcm_mulaw", "mulaw", 8_000),
        ("pcm_alaw", "alaw", 8_000),
    ],
)
async def test_words_and_times_are_those_of_our_own_protocol(keyed: Server, theirs: str, ours: Encoding, rate: int):
    audio = encoded(TALK, AudioFormat(ours, rate))
    finals = await asyncio.to_thread(
        natively, keyed, audio, key=KEY, encoding=ours, sample_rate=rate, endpointing={"silence_ms": 300}
    )
    events = await heard(
        client(keyed),
        audio,
        audio_format=TheirFormat(encoding=theirs, sample_rate=rate),
        turn_detection={"min_silence_ms": 300},
    )
    assert finals
    assert [(each.text.strip(), each.start, each.end) for each in events[-1].segments] == [
        (final["text"], final["start"], final["end"]) for final in finals
    ]
    turns = [event.type for event in events if event.type.startswith("turn.")]
    assert turns == ["turn.start", "turn.end"] * (len(turns) // 2) != []


async def test_a_flush_at_each_pause_as_voice_agents_have_it(keyed: Server):
    """LiveKit and Pipecat flush when their own detector hears a pause, take `done` for the end of the utterance, and
    stay connected."""
    async with await client(keyed).audio.realtime.connect(MODEL) as connection:
        told = aiter(connection)
        for number in range(3):
            audio = encoded(ledger_audio(10 * number, 10), AudioFormat()) + encoded(silence(0.2), AudioFormat())
            async for piece in pieces(audio, 640):
                await connection.send_audio(piece)
            await connection.flush_audio()
            events = await until_done(told)
            assert events[-1].text == joined(events) == " ".join(f"w{10 * number + each}" for each in range(10))
        await connection.end_audio()
        assert (await until_done(told))[-1].text == ""


async def test_a_flush_in_silence_is_answered(keyed: Server):
    async with await client(keyed).audio.realtime.connect(MODEL) as connection:
        told = aiter(connection)
        for _ in range(2):
            await connection.flush_audio()
            assert (await until_done(told))[-1].text == ""


async def test_an_update_behind_the_first_audio_is_an_error_and_the_session_goes_on(keyed: Server):
    async with await client(keyed).audio.realtime.connect(MODEL) as connection:
        told = aiter(connection)
        await connection.update_session(context_bias=["ada", "lovelace"])
        await connection.send_audio(encoded(ledger_audio(0, 10), AudioFormat()))
        await connection.update_session(language="de")
        error = (await until_done(told))[-1]
        assert (error.error.code, "before the first audio" in error.error.message) == (400, True)
        await connection.end_audio()
        assert len((await until_done(told))[-1].text.split()) == 10
        assert connection.session.context_bias == ["ada", "lovelace"]


async def test_what_can_not_be_is_an_error_that_their_client_raises_or_tells(keyed: Server):
    with pytest.raises(RealtimeTranscriptionException, match="401"):
        await client(keyed, "wrong").audio.realtime.connect(MODEL)
    with pytest.raises(RealtimeTranscriptionException, match="404"):
        await client(keyed).audio.realtime.connect("nobody")
    [*_, error] = await heard(client(keyed), bytes(3200), language="xx")
    assert isinstance(error, RealtimeTranscriptionError)
    assert error.error.code == 400


async def test_a_browser_is_answered_with_the_subprotocol_that_it_offered(server: Server):
    address = server.http.replace("http", "ws", 1) + "/v1/audio/transcriptions/realtime?model=" + MODEL
    async with connect(address, subprotocols=["realtime", "rt_token"], compression=None) as socket:
        assert socket.subprotocol == "realtime"
        assert json.loads(await socket.recv())["type"] == "session.created"


def test_nothing_that_was_said_is_in_the_log(keyed: Server):
    logged = keyed.log.read_text()
    assert "ignored target_streaming_delay_ms" in logged
    for secret in (KEY, TEXT[:11], "lovelace"):
        assert secret not in logged
