"""`steno-server demo`, as someone who has just installed Steno sees it."""

import json
import re
import subprocess
import sys

import pytest

from stream import cli
from stream.engines import CLIP
from tests.e2e.command import ROOT

LINE = re.compile(r" *(\d+):(\d\d\.\d\d) +(\d+):(\d\d\.\d\d)  (.+)")


def words(text: str) -> list[str]:
    return re.sub(r"[^a-z0-9' ]", "", text.lower()).split()


def errors(reference: list[str], heard: list[str]) -> int:
    """Words to insert, delete or replace."""
    row = list(range(len(heard) + 1))
    for i, wanted in enumerate(reference, 1):
        above, row = row, [i]
        for j, word in enumerate(heard, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (word != wanted)))
    return row[-1]


def test_the_demo_shows_every_turn_of_the_clip_at_its_time_and_sums_up():
    shown = subprocess.run(
        [sys.executable, "-m", "stream", "demo", "--model", "pocketsphinx"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=100,
    )
    assert shown.returncode == 0, shown.stderr
    assert "pocketsphinx is ready" in " ".join(shown.stdout.split())
    finals = [match for line in shown.stdout.splitlines() if (match := LINE.fullmatch(line))]
    turns = json.loads(CLIP.with_suffix(".json").read_text())["utterances"]
    assert len(finals) == len(turns)
    for final, turn in zip(finals, turns, strict=True):
        assert int(final[1]) * 60 + float(final[2]) == pytest.approx(turn["start"], abs=0.25)
        assert int(final[3]) * 60 + float(final[4]) == pytest.approx(turn["end"], abs=0.25)
    reference = [word for turn in turns for word in words(turn["text"])]
    heard = [word for final in finals for word in words(final[5])]
    assert errors(reference, heard) <= 0.05 * len(reference)
    for row in ("audio", "text", "partials", "finals"):
        assert re.search(rf"^{row} ", shown.stdout, re.MULTILINE)


def test_without_the_client_the_demo_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named '{name}'")

    monkeypatch.setattr("stream.demo.import_module", missing)
    assert cli.main(["demo"]) == 2
    assert "clients/python[cli]" in capsys.readouterr().err
