"""`steno bench` against a real server: the scripted model hears every word, so every figure of loss is 0."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import soundfile

from models.scripted import ledger_audio
from steno.cli import main
from stream.usage import PROC
from tests.e2e.conftest import Server

WORDS, WORD_S = 12, 0.1


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Two recordings of words that last 100 ms each."""
    rows = []
    for number, name in enumerate(("a.flac", "b.flac")):
        said = [f"w{number * WORDS + place}" for place in range(WORDS)]
        soundfile.write(tmp_path / name, ledger_audio(number * WORDS, WORDS), 16_000)
        words = [
            {"word": word, "start": place * WORD_S, "end": (place + 1) * WORD_S} for place, word in enumerate(said)
        ]
        rows.append({"file": name, "text": " ".join(said), "language": "en", "words": words})
    (tmp_path / "refs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def benched(server: Server, corpus: Path, *more: str) -> dict[str, Any]:
    path = corpus / "told.json"
    assert main(["bench", server.http, str(corpus), "--ramp", "0", "--json", str(path), *more]) == 0
    told: dict[str, Any] = json.loads(path.read_text())
    return told


def test_a_server_that_hears_all_is_told_to(server: Server, corpus: Path, capsys: pytest.CaptureFixture[str]):
    [told] = benched(server, corpus, "--sessions", "2", "--words", "--plot", str(corpus / "told.png"))["points"]
    assert (told["at_once"], told["model"]) == (2, "scripted")
    assert told["sessions"] == {"asked": 2, "done": 2, "refused": {}, "without_retry_after": 0, "broken": {}}
    assert (told["accuracy"]["words"], told["accuracy"]["errors"]) == (2 * WORDS, 0)
    assert told["losses"] == {"samples": 0, "segments": 0, "strays": 0, "overlaps": 0}
    assert told["stability"]["revised"] == 0
    assert told["word_times"]["start"]["largest"] <= 0.001
    assert told["latency"]["word_to_shown"]["count"] == told["latency"]["word_to_stable"]["count"] == 2 * WORDS
    assert told["latency"]["speech_to_final"]["count"] == 2
    assert (told["usage"] is not None) == PROC.exists()
    assert "2 sessions at once" in capsys.readouterr().out
    assert (corpus / "told.png").exists()


def test_who_finds_no_seat_is_refused(start_server: Any, corpus: Path):
    server = start_server("--model", "scripted", "--max-sessions", "1", "--drain-s", "0")
    [told] = benched(server, corpus, "--sessions", "2")["points"]
    assert told["sessions"]["done"] == 1
    assert told["sessions"]["refused"] == {"503 overloaded": 1}
    assert told["sessions"]["without_retry_after"] == 0
    assert "1 refused" in told["missed"]
