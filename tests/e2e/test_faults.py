"""Decoders that raise, hang, die or never load: no session ends, nothing accepted is lost."""

import os
import re
import signal
from collections.abc import Callable
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from models.scripted import ledger_audio
from tests.e2e.command import run_command
from tests.e2e.conftest import Server, hear, say
from tests.models.random_whisper import build


def stream(socket: ClientConnection, first: int, blocks: int) -> None:
    audio = ledger_audio(first, blocks).tobytes()
    for i in range(0, len(audio), 3200):
        socket.send(audio[i : i + 3200])


def words(messages: list[dict[str, Any]]) -> list[str]:
    return " ".join(message["text"] for message in messages if message["type"] == "final").split()


def numbered(first: int, blocks: int) -> list[str]:
    return [f"w{i}" for i in range(first, first + blocks)]


def complaints(messages: list[dict[str, Any]]) -> list[str]:
    """The codes of all warnings but those that a slow machine may add."""
    codes = [message["code"] for message in messages if message["type"] == "warning"]
    return [code for code in codes if code not in ("behind", "behind_over")]


def check_order(messages: list[dict[str, Any]]) -> None:
    """What every conversation keeps: gap-free numbers, stable text that only grows, finals that begin with it."""
    numbers = [message["seq"] for message in messages if "seq" in message]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    stable: dict[int, str] = {}
    for message in messages:
        if message["type"] in ("partial", "final"):
            before = stable.get(message["segment"], "")
            assert message["text"].startswith(before)
            if message["type"] == "partial":
                stable[message["segment"]] = message["text"][: message["stable"]]
                assert stable[message["segment"]].startswith(before)


def test_a_model_that_raises_once_costs_its_utterance_a_retry(server: Server):
    with server.connect() as socket:
        say(socket, type="start", prompt="raise@1:once")
        stream(socket, 0, 20)
        say(socket, type="stop")
        messages = hear(socket, "done")
    assert words(messages) == numbered(0, 20)
    assert complaints(messages) == ["stalled"]
    check_order(messages)


def test_a_model_that_raises_costs_the_neighbour_nothing(server: Server):
    with server.connect() as bad, server.connect() as good:
        say(bad, type="start", prompt="raise@1")
        say(good, type="start")
        stream(bad, 0, 20)
        stream(good, 100, 20)
        say(bad, type="stop")
        say(good, type="stop")
        troubled, untroubled = hear(bad, "done"), hear(good, "done")
    assert set(complaints(troubled)) == {"stalled"}
    assert words(untroubled) == numbered(100, 20)
    assert complaints(untroubled) == []


def test_an_utterance_that_fails_thrice_is_given_up_and_says_so(server: Server):
    with server.connect() as socket:
        say(socket, type="start", prompt="raise@1")
        stream(socket, 0, 10)
        say(socket, type="stop")
        messages = hear(socket, "done")
    assert set(complaints(messages)) == {"stalled"}
    assert {message["reason"] for message in messages if message["type"] == "suppressed"} == {"failed"}
    assert messages[-1]["received"] == 10 * 1600
    check_order(messages)


@pytest.fixture(scope="module")
def fragile(start_server: Callable[..., Server]) -> Server:
    return start_server("--model", "scripted", "--step-timeout-s", "0.5")


def test_a_worker_that_is_killed_is_replaced_and_nothing_is_lost(fragile: Server):
    with fragile.connect() as socket, fragile.connect() as other:
        for number, each in enumerate((socket, other)):
            say(each, type="start")
            stream(each, number * 100, 15)
            hear(each, "partial")
        [worker] = fragile.workers
        os.kill(worker.pid, signal.SIGKILL)
        for number, each in enumerate((socket, other)):
            stream(each, number * 100 + 15, 15)
            say(each, type="stop")
        for number, each in enumerate((socket, other)):
            messages = hear(each, "done")
            assert words(messages) == numbered(number * 100, 30)
            check_order(messages)
    assert fragile.workers != [worker]


def test_a_step_that_hangs_is_killed_and_its_utterance_given_up_after_three(fragile: Server):
    with fragile.connect() as socket:
        say(socket, type="start", prompt="hang@3")
        stream(socket, 0, 30)
        say(socket, type="stop")
        messages = hear(socket, "done")
    assert messages[-1]["received"] == 30 * 1600
    assert sum(message["type"] in ("final", "suppressed") for message in messages) == messages[-1]["segments"]
    check_order(messages)


@pytest.mark.parametrize("damage", ["cut short", "altered", "gone"])
def test_a_server_whose_weights_are_damaged_says_so_and_does_not_start(tmp_path: Any, damage: str):
    directory = build(tmp_path / "whisper")
    weights = directory / "model.bin"
    content = weights.read_bytes()
    if damage == "cut short":
        weights.write_bytes(content[: len(content) // 2])
    elif damage == "altered":
        weights.write_bytes(bytes(64) + content[64:])
    else:
        weights.unlink()
    code, said, complaint = run_command("serve", "--port", "0", "--model", str(directory))
    assert (code, said) == (2, "")
    assert f"{directory}" in complaint
    assert "Traceback" not in complaint.splitlines()[-1]


def test_sigterm_tells_the_clients_finishes_what_is_open_and_leaves(start_server: Callable[..., Server]):
    server = start_server("--model", "scripted", "--drain-s", "0.5")
    with server.connect() as socket:
        say(socket, type="start")
        stream(socket, 0, 12)
        hear(socket, "partial")
        server.process.terminate()
        messages = hear(socket, "going_away")
        assert messages[-1]["deadline_s"] == 0.5
        with pytest.raises(InvalidStatus) as refused:
            server.connect()
        assert refused.value.response.status_code == 503
        assert refused.value.response.headers["Retry-After"]
        messages = hear(socket, "error")
        assert words(messages) == numbered(0, 12)
        assert messages[-1]["code"] == "draining"
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=5)
        assert socket.close_code == 1012
    server.process.join(10)
    assert server.process.exitcode == 0


def test_a_client_that_stops_ends_the_drain_early(start_server: Callable[..., Server]):
    server = start_server("--model", "scripted", "--drain-s", "60")
    with server.connect() as socket:
        say(socket, type="start")
        stream(socket, 0, 8)
        server.process.terminate()
        hear(socket, "going_away")
        say(socket, type="stop")
        assert words(hear(socket, "done")) == numbered(0, 8)
    server.process.join(10)
    assert server.process.exitcode == 0


def test_no_audio_and_no_text_reach_the_log_or_the_metrics(server: Server):
    with server.connect("?prompt=canary-prompt&keywords=canary-keyword") as socket:
        stream(socket, 777, 10)
        say(socket, type="stop")
        assert words(hear(socket, "done")) == numbered(777, 10)
    logged = server.log.read_text()
    assert not re.search(r"canary|w77\d", logged)
