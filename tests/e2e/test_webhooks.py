"""Webhooks of a real server: off unless named, and never inside; `tests/stream/test_webhooks.py` has what is posted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pytest
from websockets.exceptions import InvalidStatus

from models.scripted import ledger_audio
from tests.e2e.command import run_command
from tests.e2e.conftest import Server, hear, say


def test_without_the_flag_there_are_none(server: Server):
    with server.connect() as socket:
        say(socket, type="start", webhook="https://example.com/hook")
        error = hear(socket, "error")[-1]
        assert (error["code"], error["fatal"]) == ("unsupported", True)
    with pytest.raises(InvalidStatus) as caught, server.connect("?webhook=https://example.com/hook"):
        pass
    assert json.loads(caught.value.response.body)["error"]["code"] == "unsupported"


def test_a_name_that_leads_inside_is_not_posted_to_and_holds_nobody_up(
    start_server: Callable[..., Server], tmp_path: Path
):
    (tmp_path / "secret").write_text("a secret of some length")
    named = ("--webhook-allow", "localhost", "--webhook-secret-file", str(tmp_path / "secret"))
    server = start_server("--model", "scripted", "--drain-s", "0", *named)
    with server.connect() as socket:
        say(socket, type="start", webhook="http://127.0.0.1/hook")
        assert hear(socket, "error")[-1]["code"] == "bad_request"
    with server.connect() as socket:
        say(socket, type="start", webhook="http://localhost/hook")
        hear(socket, "ready")
        for speech in (ledger_audio(0, 20), np.zeros(16_000, np.int16)):
            socket.send(speech[:16_000].tobytes())
            socket.send(speech[16_000:].tobytes() or b"\0\0")
        say(socket, type="stop")
        assert hear(socket, "done")[-1]["words"] == 20
    told = httpx.get(server.http + "/metrics").text
    assert 'stt_webhooks_total{outcome="delivered"}' not in told
    assert "/hook" not in server.log.read_text()


def test_unsigned_webhooks_are_refused_at_start_up():
    code, _, complaint = run_command(
        "serve", "--port", "0", "--model", "scripted", "--webhook-allow", "hooks.example.com"
    )
    assert code == 2
    assert "--webhook-secret-file" in complaint
