"""The SDK in Node against a real server, over a real socket."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from models.scripted import ledger_audio
from tests import needs
from tests.e2e.conftest import Server

FOLDER = Path(__file__).parent
KEY = "js-5f3a91"


def node(script: str, *arguments: str) -> list[str]:
    needs.npm_package("ws")
    return [needs.command("node"), str(FOLDER / script), *arguments]


def words(finals: list[dict[str, Any]]) -> list[str]:
    return " ".join(final["text"] for final in finals).split()


def test_a_session_and_its_viewer(start_server: Callable[..., Server], tmp_path: Path):
    server = start_server("--model", "scripted", "--drain-s", "0", STENO_API_KEYS=KEY)
    audio = tmp_path / "audio"
    audio.write_bytes(ledger_audio(0, 30).tobytes())
    ran = subprocess.run(
        node("live.mjs", server.http, str(audio), KEY), capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    told = json.loads(ran.stdout)
    assert (told["refused"], told["unknown"], told["klingon"]) == (["RefusedError", 401], ["RefusedError", 404], True)
    assert (told["finalized"]["id"], told["finalized"]["at"]) == ("half", 24_000)
    assert told["configured"]["options"]["endpointing"]["silence_ms"] == 900
    assert (told["done"]["received"], told["error"]) == (48_000, None)
    finals = [event for event in told["events"] if event["type"] == "final"]
    assert words(finals) == [f"w{number}" for number in range(30)]
    assert ["words" in final for final in finals] == [True, False]
    assert [event["seq"] for event in told["viewed"] if "seq" in event] == list(range(1, told["done"]["seq"] + 1))
    assert words([event for event in told["viewed"] if event["type"] == "final"]) == words(finals)


def test_a_session_outlives_its_server_and_loses_and_doubles_nothing(
    start_server: Callable[..., Server], tmp_path: Path
):
    silence = np.zeros(16_000, np.int16)
    early = np.concatenate([ledger_audio(100, 10), silence, silence, silence, ledger_audio(110, 20), silence])
    steady = np.concatenate([silence, ledger_audio(0, 40), silence, silence])
    audio = tmp_path / "audio"
    audio.write_bytes(np.stack([steady, early], axis=1).tobytes())
    server = start_server("--model", "scripted", "--drain-s", "0")
    command = node("restart.mjs", server.http, str(audio))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as client:
        assert client.stdout
        assert client.stderr
        assert client.stdout.readline() == "one channel has its final, the other speaks\n"
        server.process.kill()
        server.process.join()
        start_server("--model", "scripted", "--drain-s", "0", "--port", server.http.rpartition(":")[2])
        last = client.stdout.readline()
        assert client.wait(30) == 0, client.stderr.read()
    finals = json.loads(last)
    for channel, expected in ((0, range(40)), (1, range(100, 130))):
        said = [final for final in finals if final["channel"] == channel]
        assert words(said) == [f"w{number}" for number in expected]
    assert [final["seq"] for final in finals] == sorted({final["seq"] for final in finals})
    assert len({final["segment"] for final in finals}) == len(finals)
