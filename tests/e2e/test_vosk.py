"""Vosk's clients on a live session: the message flow of the reference ones, over a real socket."""

from __future__ import annotations

import json
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK
from websockets.sync.client import ClientConnection, connect

from stream.audio import AudioFormat, Encoding
from tests.conformance.check_protocol import TALK, encoded
from tests.e2e.conftest import Server, natively

WORDS = [f"w{number}" for number in range(30)]


def opened(server: Server) -> ClientConnection:
    return connect(server.http.replace("http", "ws", 1) + "/vosk", compression=None)


def asked(socket: ClientConnection, message: str | bytes) -> dict[str, Any]:
    """What a message is answered with."""
    socket.send(message)
    answer: dict[str, Any] = json.loads(socket.recv(timeout=20))
    return answer


def transcribed(socket: ClientConnection, audio: bytes, size: int) -> list[dict[str, Any]]:
    """As the reference client does it: a frame, its answer, the next frame; eof, its answer, closed."""
    answers = [asked(socket, audio[start : start + size]) for start in range(0, len(audio), size)]
    answers.append(asked(socket, '{"eof" : 1}'))
    with pytest.raises(ConnectionClosedOK):
        socket.recv(timeout=20)
    return answers


def results(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [word for answer in answers for word in answer.get("result", [])]


@pytest.mark.parametrize("size", [640, 6400, 64_000])
def test_the_reference_clients_flow(server: Server, size: int):
    with opened(server) as socket:
        socket.send('{ "config" : { "sample_rate" : 16000 } }')
        answers = transcribed(socket, encoded(TALK, AudioFormat()), size)
    assert [word["word"] for word in results(answers)] == WORDS
    assert " ".join(answer["text"] for answer in answers if answer.get("text")).split() == WORDS
    assert all(answer.keys() in ({"partial"}, {"text"}, {"result", "text"}) for answer in answers)


@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_words_and_times_are_those_of_our_own_protocol(server: Server, rate: int):
    encoding: Encoding = "pcm_s16le"
    audio = encoded(TALK, AudioFormat(encoding, rate))
    with opened(server) as socket:
        if rate != 8_000:
            socket.send(json.dumps({"config": {"sample_rate": rate}}))
        answers = transcribed(socket, audio, rate // 5)
    words = [word for final in natively(server, audio, sample_rate=rate, words=True) for word in final["words"]]
    assert [(each["word"], each["start"], each["end"], each["conf"]) for each in results(answers)] == [
        (each["text"], each["start"], each["end"], each["confidence"]) for each in words
    ]
    assert words


def test_a_reset_ends_an_utterance_and_the_session_goes_on(server: Server):
    audio = encoded(TALK[8000:16_000], AudioFormat())
    with opened(server) as socket:
        socket.send('{"config": {"sample_rate": 16000, "words": 0}}')
        said = []
        for _ in range(2):
            assert "partial" in asked(socket, audio)
            said.append(asked(socket, '{"reset" : 1}'))
        assert [answer["text"].split() for answer in said] == [WORDS[:5]] * 2
        assert transcribed(socket, bytes(3200), 3200)[-1] == {"text": ""}


def test_what_is_wrong_is_told_and_ends_the_session(server: Server):
    with opened(server) as socket:
        assert "error" in asked(socket, "hello")
        with pytest.raises(ConnectionClosedError):
            socket.recv(timeout=20)
