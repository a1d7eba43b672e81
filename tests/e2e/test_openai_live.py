"""OpenAI's realtime transcription over a real socket: the vendor's own clients, and the handshakes of frameworks."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest
from numpy.typing import NDArray
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from models.scripted import ledger_audio
from steno.bench import wer
from tests.e2e.conftest import ONE_WORKER, Server, hear, say
from tests.micro.corpus import Clip, read
from tests.wire.openai_items import TRANSCRIPTION, transcripts

KEY = "openai-live-77c1"
FIXTURES = Path(__file__).parents[1] / "fixtures"
PCM_16K: Any = {"type": "audio/pcm", "rate": 16_000}
COMMIT = {"type": "input_audio_buffer.commit"}
COMPLETED = f"{TRANSCRIPTION}.completed"


@pytest.fixture(scope="module")
def keyed(start_server: Callable[..., Server]) -> Server:
    return start_server("--model", "scripted", "--drain-s", "0", STENO_API_KEYS=KEY)


@pytest.fixture
async def client(keyed: Server) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(api_key=KEY, base_url=keyed.http + "/v1", max_retries=0) as client:
        yield client


@pytest.fixture
def blocking(keyed: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=KEY, base_url=keyed.http + "/openai/v1", max_retries=0) as client:
        yield client


def session(**of_input: Any) -> Any:
    return {"type": "transcription", "audio": {"input": of_input}}


def pieces(audio: bytes, size: int = 3200) -> Iterator[str]:
    for at in range(0, len(audio), size):
        yield base64.b64encode(audio[at : at + size]).decode()


def spoken(first: int, blocks: int, hush_s: float = 1.0) -> bytes:
    """Numbered words and a pause, at 16 kHz."""
    return ledger_audio(first, blocks).tobytes() + bytes(int(hush_s * 16_000) * 2)


def numbers(first: int, last: int) -> str:
    return " ".join(f"w{number}" for number in range(first, last))


# -- OpenAI's clients ---------------------------------------------------------------------------------------------


async def test_turn_detection_makes_items_in_order(client: openai.AsyncOpenAI):
    messages: list[dict[str, Any]] = []
    async with client.realtime.connect(extra_query={"intent": "transcription"}) as connection:
        created: Any = await connection.recv()
        assert created.type == "session.created"
        assert created.session.type == "transcription"
        assert created.session.expires_at > time.time()
        assert created.session.audio.input.format.rate == 24_000
        turns: Any = {"type": "server_vad", "silence_duration_ms": 400, "threshold": 0.9}
        await connection.session.update(
            session=session(
                format=PCM_16K, transcription={"model": "gpt-4o-transcribe", "language": "en"}, turn_detection=turns
            )
        )
        updated: Any = await connection.recv()
        effective = updated.session.audio.input
        assert (effective.transcription.model, effective.transcription.language) == ("scripted", "en")
        assert (effective.turn_detection.silence_duration_ms, effective.turn_detection.threshold) == (400, 0.5)
        for piece in pieces(spoken(0, 15) + spoken(15, 10)):
            await connection.input_audio_buffer.append(audio=piece)
        async for event in connection:
            messages.append(event.to_dict())
            if sum(message["type"] == COMPLETED for message in messages) == 2:
                break
    assert list(transcripts(messages).values()) == [numbers(0, 15), numbers(15, 25)]
    last: Any = event
    assert last.usage.type == "duration"
    assert last.languages[0].code == "en"
    first = [message["type"].rpartition(".")[2] for message in messages if message["type"] != f"{TRANSCRIPTION}.delta"]
    assert first[:6] == ["speech_started", "speech_stopped", "committed", "added", "done", "completed"]


@pytest.mark.filterwarnings("ignore:connect.. must be used as a context manager:DeprecationWarning")
def test_manual_commits_make_an_item_each(blocking: openai.OpenAI):
    messages: list[dict[str, Any]] = []
    with blocking.realtime.connect(extra_query={"intent": "transcription"}) as connection:
        connection.session.update(session=session(format=PCM_16K, turn_detection=None))
        for first in (0, 12):
            for piece in pieces(spoken(first, 12)):
                connection.input_audio_buffer.append(audio=piece)
            connection.input_audio_buffer.commit()
        while sum(message["type"] == COMPLETED for message in messages) < 2:
            messages.append(json.loads(connection.recv_bytes()))
    assert [message["type"] for message in messages[:2]] == ["session.created", "session.updated"]
    assert messages[1]["session"]["audio"]["input"]["turn_detection"] is None
    assert list(transcripts(messages).values()) == [numbers(0, 12), numbers(12, 24)]
    assert messages[-1]["usage"] == {"type": "duration", "seconds": 2.2}


async def test_errors_are_events_and_the_session_goes_on(client: openai.AsyncOpenAI):
    async with client.realtime.connect(extra_query={"intent": "transcription"}) as connection:
        assert (await connection.recv()).type == "session.created"
        await connection.session.update(session=session(format=PCM_16K, turn_detection=None))
        assert (await connection.recv()).type == "session.updated"
        errors: list[Any] = []
        await connection.response.create(event_id="first")
        errors.append(await connection.recv())
        await connection.conversation.item.delete(item_id="item_1")
        errors.append(await connection.recv())
        await connection.input_audio_buffer.commit(event_id="third")
        errors.append(await connection.recv())
        await connection.input_audio_buffer.append(audio="no base64!")
        errors.append(await connection.recv())
        assert [each.type for each in errors] == ["error"] * 4
        assert [each.error.event_id for each in errors] == ["first", None, "third", None]
        assert errors[2].error.code == "input_audio_buffer_commit_empty"
        for piece in pieces(spoken(0, 10, 0)):
            await connection.input_audio_buffer.append(audio=piece)
        await connection.input_audio_buffer.commit()
        event: Any = await connection.recv()
        while event.type != COMPLETED:
            event = await connection.recv()
        assert event.transcript == numbers(0, 10)


async def test_whom_the_server_does_not_serve_is_told_before_the_upgrade(client: openai.AsyncOpenAI):
    with pytest.raises(InvalidStatus) as caught:
        async with client.with_options(api_key="wrong").realtime.connect():
            pass
    assert caught.value.response.status_code == 401
    with pytest.raises(InvalidStatus) as caught:
        async with client.realtime.connect(model="nobody"):
            pass
    assert caught.value.response.status_code == 404


async def test_the_clients_of_the_beta(client: openai.AsyncOpenAI, keyed: Server):
    ws = keyed.http.replace("http", "ws", 1) + "/v1"
    async with client.with_options(websocket_base_url=ws).beta.realtime.connect(
        model="gpt-4o-transcribe"
    ) as connection:
        created: Any = await connection.recv()
        assert created.type == "transcription_session.created"
        await connection.transcription_session.update(
            session={
                "input_audio_format": "g711_ulaw",
                "input_audio_transcription": {"model": "gpt-4o-transcribe", "language": "en"},
                "turn_detection": {"type": "server_vad", "silence_duration_ms": 600},
            }
        )
        updated: Any = await connection.recv()
        assert updated.type == "transcription_session.updated"
        assert updated.session.input_audio_format == "g711_ulaw"
        assert updated.session.turn_detection.silence_duration_ms == 600
        await connection.input_audio_buffer.append(audio=base64.b64encode(b"\xff" * 4000).decode())
        await connection.input_audio_buffer.commit()
        kinds = [(await connection.recv()).type for _ in range(3)]
        assert kinds == ["input_audio_buffer.committed", "conversation.item.created", COMPLETED]


# -- frameworks and browsers --------------------------------------------------------------------------------------


def dial(server: Server, query: str = "", **options: Any) -> ClientConnection:
    return connect(f"{server.http.replace('http', 'ws', 1)}/v1/realtime{query}", compression=None, **options)


def test_a_framework_that_adds_deltas_up_and_takes_any_error_for_the_end(keyed: Server):
    """LiveKit's way: one update with all it knows, no waiting, text by adding deltas up for each item."""
    authorization = {"Authorization": f"Bearer {KEY}"}
    query = "?intent=transcription&model=gpt-4o-mini-transcribe"
    with dial(keyed, query, additional_headers=authorization) as socket:
        everything = session(
            format=PCM_16K,
            transcription={"model": "gpt-4o-mini-transcribe", "prompt": "", "language": "en"},
            turn_detection={
                "type": "server_vad",
                "threshold": 0.5,
                "prefix_padding_ms": 600,
                "silence_duration_ms": 350,
                "create_response": False,
            },
            noise_reduction={"type": "near_field"},
        )
        everything["include"] = ["item.input_audio_transcription.logprobs"]
        everything["nonsense"] = {"of": ["tomorrow"]}
        say(socket, type="session.update", session=everything)
        for piece in pieces(spoken(0, 12)):
            say(socket, type="input_audio_buffer.append", audio=piece)
        messages = hear(socket, COMPLETED)
    assert "error" not in {message["type"] for message in messages}
    texts: dict[str, str] = {}
    for message in messages:
        if message["type"] == f"{TRANSCRIPTION}.delta":
            texts[message["item_id"]] = texts.get(message["item_id"], "") + message["delta"]
    assert list(texts.values()) == [numbers(0, 12)] == list(transcripts(messages).values())


def test_a_browser_is_given_the_subprotocol_that_it_can_go_on_with(server: Server):
    offered: Any = ["realtime", "openai-insecure-api-key.K"]
    with dial(server, "?intent=transcription", subprotocols=offered) as socket:
        assert socket.subprotocol == "realtime"
        hear(socket, "session.created")


def test_the_largest_append_is_taken(server: Server):
    with dial(server) as socket:
        say(socket, type="session.update", session=session(turn_detection=None))
        say(socket, type="input_audio_buffer.append", audio=base64.b64encode(bytes(15 << 20)).decode())
        socket.send(json.dumps(COMMIT))
        messages = hear(socket, COMPLETED)
    assert messages[-1]["usage"]["seconds"] == round((15 << 20) / 48_000, 3)


@pytest.mark.parametrize("message", [b"\0\0", "{", '{"type": "input_audio_buffer.append", "audio": 7}', "[" * 50_000])
def test_a_broken_message_costs_nobody_else_anything(server: Server, message: str | bytes):
    with dial(server) as wild, dial(server) as mild:
        say(mild, type="session.update", session=session(format=PCM_16K, turn_detection=None))
        for piece in pieces(spoken(0, 8, 0)):
            say(mild, type="input_audio_buffer.append", audio=piece)
            wild.send(message)
        mild.send(json.dumps(COMMIT))
        assert hear(mild, COMPLETED)[-1]["transcript"] == numbers(0, 8)
        assert hear(wild, "error")[-1]["error"]["type"] == "invalid_request_error"


def test_a_server_that_leaves_says_so_before_it_closes(start_server: Callable[..., Server]):
    server = start_server("--model", "scripted", "--drain-s", "0")
    with dial(server) as socket:
        hear(socket, "session.created")
        server.process.terminate()
        assert hear(socket, "error")[-1]["error"]["type"] == "server_error"
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=5)
        assert socket.close_code not in (1000, 1001)


# -- the same as our own ------------------------------------------------------------------------------------------


def natives(server: Server, audio: bytes, rate: int, **options: Any) -> list[dict[str, Any]]:
    with server.connect() as socket:
        say(socket, type="start", sample_rate=rate, **options)
        for at in range(0, len(audio), 48_000):
            socket.send(audio[at : at + 48_000])
        say(socket, type="finalize")
        return hear(socket, "finalized")


def test_words_and_times_are_those_of_the_native_protocol(server: Server):
    audio = spoken(0, 15) + spoken(15, 10) + spoken(25, 20)
    native = natives(server, audio, 16_000, endpointing={"silence_ms": 400, "preroll_ms": 200})
    turns = {"type": "server_vad", "silence_duration_ms": 400, "prefix_padding_ms": 200}
    with dial(server) as socket:
        say(socket, type="session.update", session=session(format=PCM_16K, turn_detection=turns))
        for piece in pieces(audio, 1001):
            say(socket, type="input_audio_buffer.append", audio=piece)
        messages = [message for _ in range(3) for message in hear(socket, COMPLETED)]
    finals = [message["text"] for message in native if message["type"] == "final"]
    assert list(transcripts(messages).values()) == finals
    starts = [message["audio_start_ms"] for message in messages if "audio_start_ms" in message]
    ends = [message["audio_end_ms"] for message in messages if "audio_end_ms" in message]
    begun = [round(message["at"] * 1000) for message in native if message["type"] == "speech_started"]
    assert starts == [max(0, at - 200) for at in begun]
    assert ends == [round(message["at"] * 1000) for message in native if message["type"] == "speech_ended"]


def raised(samples: NDArray[np.int16]) -> bytes:
    """16 kHz as 24 kHz, without loss: two thirds of the spectrum are filled."""
    length = len(samples) // 2 * 2
    spectrum = np.fft.rfft(samples[:length].astype(np.float64))
    wider = np.fft.irfft(spectrum, length * 3 // 2) * 1.5
    return np.clip(np.rint(wider), -32_768, 32_767).astype("<i2").tobytes()


def heard(server: Server, audio: bytes, rate: int) -> str:
    with dial(server) as socket:
        form = {"type": "audio/pcm", "rate": rate}
        say(socket, type="session.update", session=session(format=form, turn_detection=None))
        for piece in pieces(audio, 48_000):
            say(socket, type="input_audio_buffer.append", audio=piece)
        socket.send(json.dumps(COMMIT))
        messages = hear(socket, COMPLETED)
    [text] = transcripts(messages).values()
    return text


def test_24_khz_is_heard_as_well_as_16(start_server: Callable[..., Server]):
    micro = start_server("--model", str(FIXTURES / "whisper-micro"), *ONE_WORKER)
    clips: list[Clip] = read(FIXTURES / "clips")
    errors = {16_000: 0.0, 24_000: 0.0}
    for clip in clips:
        reference = wer.normalized(clip.text)
        [native] = [
            message["text"]
            for message in natives(micro, clip.samples.tobytes(), 16_000, endpointing=None)
            if message["type"] == "final"
        ]
        errors[16_000] += wer.errors(reference, wer.normalized(native))
        errors[24_000] += wer.errors(reference, wer.normalized(heard(micro, raised(clip.samples), 24_000)))
    words = sum(len(clip.words) for clip in clips)
    assert errors[24_000] <= errors[16_000] + 0.005 * words
