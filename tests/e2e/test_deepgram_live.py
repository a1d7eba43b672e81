"""Deepgram's live transcription over a real socket: its own clients, containers in pieces, and what breaks."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import av
import httpx
import numpy as np
import psutil
import pytest
from deepgram import AsyncDeepgramClient, DeepgramClient
from deepgram.core.events import EventType
from deepgram.environment import DeepgramClientEnvironment
from deepgram.listen.v1.types import ListenV1Configure
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from models.scripted import ledger_audio
from tests.children import processes
from tests.e2e.conftest import Server, hear, say
from tests.stream.recordings import flac_bomb, opus_bomb, wav
from tests.vad.voice import silence

KEY = "live-5f3a91"
SPEECH = np.concatenate([silence(0.5), ledger_audio(0, 20), silence(1.5), ledger_audio(20, 10), silence(0.5)])
"""Two utterances of 2 s and 1 s."""
UTTERANCES = [" ".join(f"w{number}" for number in numbers) for numbers in (range(20), range(20, 30))]
OPTIONS: dict[str, Any] = {
    "model": "nova-3",
    "encoding": "linear16",
    "sample_rate": 16_000,
    "endpointing": 500,
    "interim_results": True,
    "utterance_end_ms": 1000,
    "vad_events": True,
    "diarize": True,
    "tag": ["t1", "t2"],
    "keyterm": ["Ada", "Bob"],
}
QUERY = "?encoding=linear16&sample_rate=16000&endpointing=500"


@pytest.fixture(scope="module")
def served(start_server: Callable[..., Server]) -> Server:
    """Sessions of two minutes at most, of audio as well."""
    limits = ("--max-sessions", "100", "--session-s", "120", "--drain-s", "0")
    return start_server("--model", "scripted", *limits, STENO_API_KEYS=KEY)


def environment(server: Server) -> DeepgramClientEnvironment:
    address = server.http.replace("http", "ws", 1)
    return DeepgramClientEnvironment(base=server.http, production=address, agent=address, agent_rest=server.http)


@pytest.fixture
def client(served: Server) -> Iterator[DeepgramClient]:
    with httpx.Client() as http:
        yield DeepgramClient(api_key=KEY, environment=environment(served), httpx_client=http)


def listen(server: Server, query: str, **options: Any) -> ClientConnection:
    address = server.http.replace("http", "ws", 1) + "/v1/listen" + query
    headers = {"Authorization": f"Token {KEY}"}
    return connect(address, compression=None, additional_headers=headers, **options)


def pieces(content: bytes, *sizes: int) -> Iterator[bytes]:
    start = number = 0
    while start < len(content):
        yield content[start : start + sizes[number % len(sizes)]]
        start += sizes[number % len(sizes)]
        number += 1


def heard(socket: ClientConnection) -> tuple[list[dict[str, Any]], int, str]:
    """All messages up to the close, and its code and reason."""
    messages: list[dict[str, Any]] = []
    while True:
        try:
            messages.append(json.loads(socket.recv(timeout=30)))
        except ConnectionClosed:
            return messages, socket.close_code or 0, socket.close_reason or ""


def transcripts(messages: list[Any]) -> list[str]:
    finals = [each for each in messages if each["type"] == "Results" and each["is_final"]]
    return [each["channel"]["alternatives"][0]["transcript"] for each in finals]


# -- the vendor's clients -----------------------------------------------------------------------------------------


def check(told: list[Any]) -> None:
    """What the clients made of SPEECH."""
    kinds = [each.type for each in told]
    assert kinds.count("SpeechStarted") == 2
    assert kinds.index("UtteranceEnd") < kinds.index("SpeechStarted", kinds.index("SpeechStarted") + 1)
    assert kinds[-1] == "Metadata"
    results = [each for each in told if each.type == "Results"]
    finals = [each for each in results if each.is_final]
    assert [each.channel.alternatives[0].transcript for each in finals] == UTTERANCES
    assert all(each.speech_final for each in finals)
    assert len(results) > len(finals)
    metadata = told[-1]
    assert metadata.sha256 == hashlib.sha256(SPEECH.tobytes()).hexdigest()
    assert metadata.duration == len(SPEECH) / 16_000
    assert metadata.request_id == results[0].metadata.request_id


def test_the_vendors_client_listens(client: DeepgramClient):
    told: list[Any] = []
    kinds: list[EventType] = []
    with client.listen.v1.connect(**OPTIONS) as connection:
        connection.on(EventType.MESSAGE, told.append)
        for kind in EventType:
            connection.on(kind, lambda _, kind=kind: kinds.append(kind))
        listening = threading.Thread(target=connection.start_listening)
        listening.start()
        for piece in pieces(SPEECH.tobytes(), 3200, 999):
            connection.send_media(piece)
        connection.send_keep_alive()
        connection.send_close_stream()
        listening.join(30)
    assert kinds[0] == EventType.OPEN
    assert kinds[-1] == EventType.CLOSE
    assert EventType.ERROR not in kinds
    check(told)


async def test_the_vendors_asynchronous_client_listens(served: Server):
    told: list[Any] = []
    async with httpx.AsyncClient() as http:
        client = AsyncDeepgramClient(api_key=KEY, environment=environment(served), httpx_client=http)
        async with client.listen.v1.connect(**OPTIONS) as connection:
            connection.on(EventType.MESSAGE, told.append)
            listening = asyncio.create_task(connection.start_listening())
            for piece in pieces(SPEECH.tobytes(), 6400):
                await connection.send_media(piece)
            await connection.send_close_stream()
            await asyncio.wait_for(listening, 30)
    check(told)


def test_the_vendors_client_finalizes_and_configures(client: DeepgramClient):
    with client.listen.v1.connect(**OPTIONS | {"endpointing": "false", "vad_events": False}) as connection:
        connection.send_finalize()
        first = connection.recv()
        assert (first.type, first.from_finalize, first.channel.alternatives[0].transcript) == ("Results", True, "")
        connection.send_configure(ListenV1Configure(keyterms=["Eve"], features={"punctuate": True}))
        confirmed = connection.recv()
        assert (confirmed.type, confirmed.keyterms) == ("ConfigureSuccess", ["Eve"])
        connection.send_media(silence(0.2).tobytes() + ledger_audio(0, 10).tobytes())
        connection.send_finalize()
        while not (told := connection.recv()).is_final:
            pass
        assert (told.from_finalize, told.channel.alternatives[0].transcript) == (
            True,
            " ".join(UTTERANCES[0].split()[:10]),
        )
        connection.send_close_stream()
        assert [each.type for each in connection] == ["Metadata"]


def test_a_wrong_key_is_told_before_the_upgrade(served: Server):
    with httpx.Client() as http:
        stranger = DeepgramClient(api_key="wrong", environment=environment(served), httpx_client=http)
        with pytest.raises(Exception) as caught, stranger.listen.v1.connect(model="nova-3"):
            pass
    assert "401" in str(caught.value)


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("?encoding=linear16", 400, "BAD_REQUEST"),
        ("?encoding=g729&sample_rate=8000", 400, "UNSUPPORTED"),
        ("?model=nobody", 404, "UNKNOWN_MODEL"),
        ("?language=tlh", 400, "UNSUPPORTED"),
    ],
)
def test_what_is_wrong_is_told_before_the_upgrade_as_the_vendor_does(
    served: Server, query: str, status: int, code: str
):
    with pytest.raises(InvalidStatus) as caught:
        listen(served, query)
    answer = caught.value.response
    assert answer.status_code == status
    body = json.loads(answer.body or b"")
    assert body["err_code"] == code
    assert body["request_id"]
    assert body["err_msg"]


# -- the same as elsewhere ----------------------------------------------------------------------------------------


def test_words_and_times_are_those_of_the_native_protocol(served: Server):
    with served.connect(additional_headers={"x-api-key": KEY}) as socket:
        say(socket, type="start", words=True, endpointing={"silence_ms": 500})
        for piece in pieces(SPEECH.tobytes(), 6400):
            socket.send(piece)
        say(socket, type="stop")
        finals = [each for each in hear(socket, "done") if each["type"] == "final"]
    with listen(served, QUERY) as socket:
        for piece in pieces(SPEECH.tobytes(), 1001):
            socket.send(piece)
        say(socket, type="CloseStream")
        messages, code, _ = heard(socket)
    assert code == 1000
    times = ("start", "end", "confidence")
    ours = [[(word["text"], *(word[time] for time in times)) for word in each["words"]] for each in finals]
    alternatives = [each["channel"]["alternatives"][0] for each in messages if each["type"] == "Results"]
    theirs = [[(word["word"], *(word[time] for time in times)) for word in each["words"]] for each in alternatives]
    assert theirs == ours
    assert [each["start"] + each["duration"] for each in messages[:2]] == pytest.approx(
        [each["end"] for each in finals]
    )


def test_channels_apart_and_mixed(served: Server):
    stereo = np.stack([SPEECH, np.concatenate([np.zeros(16_000, np.int16), SPEECH[:-16_000]])], axis=1).tobytes()
    with listen(served, QUERY + "&channels=2&multichannel=true") as socket:
        for piece in pieces(stereo, 9999):
            socket.send(piece)
        socket.send(b"")
        messages, code, _ = heard(socket)
    assert code == 1000
    results = [each for each in messages if each["type"] == "Results"]
    assert transcripts([each for each in results if each["channel_index"] == [0, 2]]) == UTTERANCES
    assert transcripts([each for each in results if each["channel_index"] == [1, 2]])[0] == UTTERANCES[0]
    with listen(served, QUERY + "&channels=2") as socket:
        for piece in pieces(np.repeat(SPEECH, 2).tobytes(), 9999):
            socket.send(piece)
        socket.send(b"")
        messages, _, _ = heard(socket)
    assert transcripts(messages) == UTTERANCES
    assert {tuple(each["channel_index"]) for each in messages if each["type"] == "Results"} == {(0, 1)}


# -- containers ---------------------------------------------------------------------------------------------------


def opus(container: str) -> bytes:
    """SPEECH as a browser would send it."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        track = output.add_stream("libopus", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.repeat(SPEECH, 3).reshape(1, -1), "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, 0, Fraction(1, 48_000)
        cut = av.AudioResampler(track.codec_context.format, "mono", 48_000, 960)
        for part in (*cut.resample(frame), *cut.resample(None), None):
            output.mux(track.encode(part))
    return file.getvalue()


def test_a_wav_in_odd_pieces_has_the_words_of_its_samples(served: Server):
    content = wav(SPEECH.tobytes(), says=0xFFFF_FFFF)
    with listen(served, "?endpointing=500") as socket:
        for piece in pieces(content, 1, 10, 3333):
            socket.send(piece)
        say(socket, type="Finalize")
        say(socket, type="CloseStream")
        messages, code, _ = heard(socket)
    assert code == 1000
    assert transcripts(messages) == UTTERANCES if messages[1]["from_finalize"] else [*UTTERANCES, ""]
    assert messages[-1]["duration"] == len(SPEECH) / 16_000
    assert messages[-1]["sha256"] == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("container", "query"), [("ogg", "&encoding=ogg-opus"), ("webm", ""), ("webm", "&encoding=opus")]
)
def test_what_browsers_record_is_heard_while_it_comes(served: Server, container: str, query: str):
    content = opus(container)
    with listen(served, f"?endpointing=500&interim_results=true{query}") as socket:
        for piece in pieces(content[: len(content) * 2 // 3], 7, 300, 1111):
            socket.send(piece)
        first = json.loads(socket.recv(timeout=30))
        assert (first["type"], first["is_final"]) == ("Results", False), "before the file has ended"
        for piece in pieces(content[len(content) * 2 // 3 :], 500):
            socket.send(piece)
        say(socket, type="CloseStream")
        messages, code, _ = heard(socket)
    assert code == 1000
    assert len([each for each in transcripts(messages) if each]) == 2
    assert messages[-1]["duration"] == pytest.approx(len(SPEECH) / 16_000, abs=0.1)


@pytest.mark.parametrize("content", [b"no audio, " * 100, bytes(5000), b"\x1a\x45\xdf\xa3" + bytes(5000)])
def test_what_is_no_audio_is_closed_with_its_code(served: Server, content: bytes):
    with listen(served, "") as socket:
        for piece in pieces(content, 1000):
            socket.send(piece)
        messages, code, reason = heard(socket)
    assert (code, reason) == (1008, "DATA-0000")
    assert messages[-1]["type"] == "Error"


@pytest.mark.parametrize("bomb", [flac_bomb, opus_bomb])
def test_a_bomb_in_a_container_harms_nobody(served: Server, bomb: Callable[[int], bytes]):
    with listen(served, QUERY) as talking, listen(served, "") as hostile:
        sending = iter(list(pieces(SPEECH.tobytes(), 6400)))
        talking.send(next(sending))
        for piece in pieces(bomb(3600), 1 << 16):
            hostile.send(piece)
        for piece in sending:
            talking.send(piece)
        say(talking, type="CloseStream")
        messages, code, _ = heard(talking)
        assert (transcripts(messages), code) == (UTTERANCES, 1000)
        assert heard(hostile)[1:] == (1009, "too_large")
    assert psutil.wait_procs(processes("stream.media_child", served.workers), timeout=10)[1] == []


# -- the rest -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["token", "bearer"])
def test_a_browser_sends_its_key_as_a_subprotocol_that_is_not_echoed(served: Server, scheme: str):
    address = served.http.replace("http", "ws", 1) + "/v1/listen"
    with connect(address, subprotocols=[Subprotocol(scheme), Subprotocol(KEY)], compression=None) as socket:
        assert socket.subprotocol == scheme


def test_mistakes_cost_nothing_but_themselves(served: Server):
    with listen(served, QUERY) as socket:
        socket.send("{")
        say(socket, type="Sing")
        for piece in pieces(SPEECH.tobytes(), 6400):
            socket.send(piece)
        say(socket, type="CloseStream")
        say(socket, type="CloseStream")
        socket.send(b"late")
        messages, code, _ = heard(socket)
    assert code == 1000
    assert [each["variant"] for each in messages[:2]] == ["SchemaError"] * 2
    assert transcripts(messages) == UTTERANCES


def test_it_is_also_below_its_prefix(served: Server):
    address = served.http.replace("http", "ws", 1) + "/deepgram/v1/listen" + QUERY
    with connect(address, additional_headers={"Authorization": f"bearer {KEY}"}, compression=None) as socket:
        say(socket, type="CloseStream")
        assert [each["type"] for each in heard(socket)[0]] == ["Metadata"]


def test_nothing_that_was_said_is_in_the_log(served: Server):
    log = served.log.read_text()
    assert "w0 w1" not in log
    assert KEY not in log
    assert "Traceback" not in log
