"""Voxtral Realtime end to end, in miniature, with random weights: what it writes means nothing, but it is all there."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.e2e.conftest import Server, hear, natively, say  # noqa: E402
from tests.e2e.test_faults import check_order  # noqa: E402
from tests.micro.corpus import read  # noqa: E402
from tests.models.tiny_voxtral_realtime import build  # noqa: E402

FIXTURES = Path(__file__).parents[1] / "fixtures"
SLOTS = 2


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("voxtral") / "tiny")


@pytest.fixture(scope="module")
def server(start_server: Callable[..., Server], directory: Path) -> Server:
    return start_server("--model", f"voxtral:{directory}", "--slots", str(SLOTS), "--device", "cpu", "--threads", "1")


@pytest.fixture(scope="module")
def speech() -> bytes:
    return read(FIXTURES / "clips")[0].samples.tobytes()


def told(server: Server, speech: bytes, **options: Any) -> list[str]:
    # Cut by nothing but the end: where a pause ends it, how much of that was heard already makes a difference.
    return [final["text"] for final in natively(server, speech, endpointing=None, **options)]


def test_a_channel_is_kept_for_a_session_or_it_is_refused_before_the_upgrade(server: Server):
    with server.connect() as first, server.connect() as second:
        for socket in (first, second):
            say(socket, type="start")
            hear(socket, "ready")
        with pytest.raises(InvalidStatus) as caught, server.connect():
            pass
        assert caught.value.response.status_code == 503
        assert int(caught.value.response.headers["Retry-After"]) > 0
        say(first, type="stop")
        hear(first, "done")
    with server.connect() as socket:
        say(socket, type="start", channels=SLOTS)
        hear(socket, "ready")


def test_two_channels_need_two_slots(server: Server):
    with server.connect() as first, server.connect() as second:
        say(first, type="start")
        hear(first, "ready")
        say(second, type="start", channels=SLOTS)
        assert hear(second, "error")[-1]["code"] == "overloaded"


def test_those_who_talk_at_once_are_told_what_each_is_told_alone(server: Server, speech: bytes):
    other = speech[: len(speech) // 2]
    alone = [told(server, speech), told(server, other)]
    with ThreadPoolExecutor() as pool:
        assert list(pool.map(lambda audio: told(server, audio), (speech, other))) == alone
    assert all(texts and texts[0] for texts in alone)


def test_partials_lead_to_finals_that_begin_with_them(server: Server, speech: bytes):
    with server.connect() as socket:
        say(socket, type="start", words=True, endpointing=None)
        for at in range(0, len(speech) // 2, 3_200):
            socket.send(speech[at : at + 3_200])
        messages = hear(socket, "partial")
        while not messages[-1]["stable"]:
            messages += hear(socket, "partial")
        say(socket, type="stop")
        messages += hear(socket, "done")
    check_order(messages)
    finals = {message["segment"]: message["text"] for message in messages if message["type"] == "final"}
    partials = [message for message in messages if message["type"] == "partial"]
    for partial in partials:
        assert finals[partial["segment"]].startswith(partial["text"][: partial["stable"]])


def test_a_recording_is_transcribed(server: Server, speech: bytes):
    clip = FIXTURES / "clips" / read(FIXTURES / "clips")[0].file
    with clip.open("rb") as file:
        answer = httpx.post(f"{server.http}/v1/audio/transcriptions", files={"file": file}, timeout=60)
    assert answer.status_code == 200
    assert answer.json()["text"]
