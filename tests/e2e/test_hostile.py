"""Bad input over a real socket: each gets a named error, costs nobody else anything, and loses nothing accepted."""

import json
import socket as sockets
import struct
import time
import urllib.request
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from models.scripted import ledger_audio
from tests.e2e.conftest import Server, hear, say


def text_of(messages: list[dict[str, Any]]) -> list[str]:
    return " ".join(message["text"] for message in messages if message["type"] == "final").split()


def ledger(first: int, blocks: int) -> bytes:
    return ledger_audio(first, blocks).tobytes()


WRONG = {
    "an odd byte count": (b"\0" * 3, "bad_audio"),
    "an empty frame": (b"", "bad_audio"),
    "a frame over the limit": (b"\0" * 65_538, "too_large"),
    "text where JSON is due": ("hello", "bad_request"),
    "JSON that is no object": ("[1, 2]", "bad_request"),
    "an unknown type": ('{"type": "sing"}', "bad_request"),
    "an unknown field": ('{"type": "stop", "soon": true}', "bad_request"),
    "a wrong value": ('{"type": "configure", "words": "some"}', "bad_request"),
    "a second start": ('{"type": "start"}', "bad_request"),
    "text over the limit": (json.dumps({"type": "finalize", "id": "x" * 9000}), "too_large"),
    "a language the model lacks": ('{"type": "configure", "language": "tlh"}', "unsupported"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_message_in_the_middle_of_speech_changes_nothing(server: Server, what: str):
    message, code = WRONG[what]
    with server.connect() as socket:
        say(socket, type="start")
        socket.send(ledger(0, 7))
        socket.send(message)
        error = hear(socket, "error")[-1]
        assert (error["code"], error["fatal"]) == (code, False)
        assert error["message"]
        socket.send(ledger(7, 7))
        say(socket, type="stop")
        messages = hear(socket, "done")
    assert text_of(messages) == [f"w{i}" for i in range(14)]
    assert messages[-1]["received"] == 14 * 1600


def raw_connection(server: Server, query: str = "") -> sockets.socket:
    """A WebSocket whose handshake is done, to be used by the byte."""
    host, port = server.http.removeprefix("http://").split(":")
    raw = sockets.create_connection((host, int(port)))
    raw.sendall(
        f"GET /v1/stream{query} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    assert raw.recv(12) == b"HTTP/1.1 101"
    return raw


def test_a_frame_that_the_transport_refuses_closes_with_1009_before_it_has_come(server: Server):
    with raw_connection(server) as raw:
        raw.sendall(b"\x82\xff" + (22 << 20).to_bytes(8) + bytes(4))
        answer = b""
        while chunk := raw.recv(4096):
            answer += chunk
    assert b"\x88" in answer
    assert (1009).to_bytes(2) in answer


def test_audio_before_start_is_named_and_not_accepted(server: Server):
    with server.connect() as socket:
        socket.send(ledger(0, 3))
        assert hear(socket, "error")[-1]["code"] == "not_started"
        say(socket, type="start")
        socket.send(ledger(3, 4))
        say(socket, type="stop")
        assert text_of(hear(socket, "done")) == ["w3", "w4", "w5", "w6"]


def test_audio_between_start_and_ready_is_kept(server: Server):
    with server.connect() as socket:
        say(socket, type="start")
        socket.send(ledger(0, 5))
        say(socket, type="stop")
        assert text_of(hear(socket, "done")) == [f"w{i}" for i in range(5)]


@pytest.mark.parametrize("rate", [7999, 48_001, "16k"])
def test_a_wrong_sample_rate_is_fatal(server: Server, rate: Any):
    with server.connect() as socket:
        say(socket, type="start", sample_rate=rate)
        error = hear(socket, "error")[-1]
        assert error["fatal"]
        assert "sample_rate" in error["message"]
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=5)
        assert socket.close_code == 4400


def test_nan_and_huge_floats_are_taken_for_silence_and_full_scale(server: Server):
    with server.connect() as socket:
        say(socket, type="start", encoding="pcm_f32le")
        wild = [np.nan, np.inf, -np.inf, 1e38, -1e38]
        socket.send(np.array(wild * 400, np.float32).tobytes())
        loud = (ledger_audio(0, 12) / 32_768).astype(np.float32).tobytes()
        socket.send(loud[:40_000])
        socket.send(loud[40_000:])
        say(socket, type="stop")
        done = hear(socket, "done")[-1]
        assert done["received"] == 2000 + 12 * 1600
        assert done["words"] > 0


def test_no_start_in_time(start_server: Any):
    server = start_server("--model", "scripted", "--start-s", "0.05")
    with server.connect() as socket:
        error = hear(socket, "error")[-1]
        assert (error["code"], error["fatal"]) == ("timed_out", True)
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=5)
        assert socket.close_code == 4410


def test_an_hour_of_silence_keeps_the_clock_and_makes_no_segment(server: Server):
    with server.connect() as socket:
        say(socket, type="start", encoding="mulaw", sample_rate=8000, mode="file", words=True)
        for _ in range(3600 * 8 // 60):
            socket.send(b"\xff" * 60_000)
        say(socket, type="finalize")
        say(socket, type="stop")
        messages = hear(socket, "done")
    done = messages[-1]
    assert (done["received"], done["audio_s"], done["segments"]) == (3600 * 8000, 3600.0, 0)


def test_a_hundred_times_too_fast_is_announced_and_loses_nothing(server: Server):
    blocks = 600
    audio = ledger(0, blocks)
    with server.connect() as socket:
        say(socket, type="start", prompt="slow=0.01")
        for i in range(0, len(audio), 32_000):
            socket.send(audio[i : i + 32_000])
        say(socket, type="stop")
        messages = hear(socket, "done")
    assert text_of(messages) == [f"w{i}" for i in range(blocks)]
    assert messages[-1]["received"] == len(audio) // 2


def test_a_reader_that_never_reads_is_let_go_and_costs_the_others_nothing(start_server: Any):
    """Its socket fills up; it is given up after the send deadline, and another client never notices."""
    server = start_server("--model", "scripted", "--start-s", "10")
    deaf = raw_connection(server, "?mode=file")
    deaf.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    nonsense = b"\x81\x81\0\0\0\0x"
    deaf.settimeout(0.2)
    sent = 0
    while True:
        try:
            sent += deaf.send(nonsense * 1000)
        except TimeoutError:
            break
        assert sent < 50_000_000, "the server reads on though its answers are not taken"
    with server.connect() as socket:
        say(socket, type="start")
        socket.send(ledger(0, 5))
        say(socket, type="stop")
        assert text_of(hear(socket, "done")) == [f"w{i}" for i in range(5)]
    deaf.close()


@pytest.mark.parametrize("with_reset", [False, True])
def test_a_client_that_vanishes_gives_its_place_back(server: Server, with_reset: bool):
    with server.connect() as socket:
        say(socket, type="start", prompt="slow=5")
        socket.send(ledger(0, 10))
        hear(socket, "speech_started")
        assert _eventually(server, "stt_sessions_active 1.0")
        if with_reset:
            socket.socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
        socket.socket.shutdown(sockets.SHUT_RDWR)
        socket.socket.close()
    assert _eventually(server, "stt_sessions_active 0.0")


def _eventually(server: Server, line: str) -> bool:
    """Whether a line appears among the metrics within 10 s; each look takes the server's own time."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with urllib.request.urlopen(server.http + "/metrics") as answer:
            if line in answer.read().decode().splitlines():
                return True
    return False


@pytest.mark.parametrize(
    ("headers", "status"), [({"Host": "evil.example"}, 421), ({"Origin": "https://evil.example"}, 403)]
)
def test_a_foreign_host_or_origin_is_refused_before_the_upgrade(server: Server, headers: dict[str, str], status: int):
    host, port = server.http.removeprefix("http://").split(":")
    lines = {"Host": f"{host}:{port}", "Upgrade": "websocket", "Connection": "Upgrade"} | headers
    lines |= {"Sec-WebSocket-Key": "x3JJHMbDL1EzLkh9GBhXDw==", "Sec-WebSocket-Version": "13"}
    with sockets.create_connection((host, int(port))) as raw:
        raw.sendall(
            b"GET /v1/stream HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items()).encode() + b"\r\n"
        )
        answer = b""
        while chunk := raw.recv(4096):
            answer += chunk
    assert answer.startswith(f"HTTP/1.1 {status}".encode())
    assert b'{"error":{"code":' in answer


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("?sample_rate=1", 400, "bad_request"),
        ("?colour=red", 400, "bad_request"),
        ("?language=tlh", 400, "unsupported"),
        ("?model=nobody", 404, "unknown_model"),
    ],
)
def test_a_wrong_query_is_refused_before_the_upgrade(server: Server, query: str, status: int, code: str):
    with pytest.raises(InvalidStatus) as caught, server.connect(query):
        pass
    assert caught.value.response.status_code == status
    assert json.loads(caught.value.response.body)["error"]["code"] == code
