"""`steno-server transcribe`: recordings to texts without a server."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest

from stream.transcribe import Bar
from tests.e2e.command import run_command
from tests.stream.rest.served import RECORDING, TEXT

MODEL = ("--model", "scripted", "--offline")


@pytest.fixture
def talk(tmp_path: Path) -> str:
    file = tmp_path / "talk.wav"
    file.write_bytes(RECORDING)
    return str(file)


def test_a_recordings_text_is_printed_and_nothing_else(talk: str):
    assert run_command("transcribe", talk, *MODEL) == (0, TEXT + "\n", "")


def test_subtitles_and_times(talk: str):
    code, said, _ = run_command("transcribe", talk, *MODEL, "--format", "srt")
    assert code == 0
    assert said.startswith("1\n00:00:00,500 --> ")
    code, said, _ = run_command("transcribe", talk, *MODEL, "--format", "json", "--language", "en")
    told = json.loads(said)
    assert (code, told["text"], len(told["segments"]), len(told["words"])) == (0, TEXT, 2, 30)


def test_several_recordings_into_a_folder_and_one_that_is_none(talk: str, tmp_path: Path):
    broken, folder = tmp_path / "broken.wav", tmp_path / "texts"
    broken.write_bytes(b"no audio")
    code, said, complaint = run_command(
        "transcribe", str(broken), talk, *MODEL, "--format", "vtt", "--output", str(folder)
    )
    assert (code, said) == (1, "")
    assert complaint.count("\n") == 1
    assert f"{broken}: " in complaint
    assert [path.name for path in folder.iterdir()] == ["talk.vtt"]
    assert (folder / "talk.vtt").read_text().startswith("WEBVTT")


def test_what_cannot_be_done_is_said_at_once(talk: str, tmp_path: Path):
    for arguments, named in (
        ((talk, talk + "2", "--format", "srt"), "--output"),
        ((talk, str(tmp_path / "x/talk.mp3"), "--output", str(tmp_path)), "same name"),
        ((talk, "--language", "xx"), "`xx`"),
        ((str(tmp_path / "missing.wav"),), "missing.wav"),
    ):
        code, said, complaint = run_command("transcribe", *arguments, *MODEL)
        assert code != 0
        assert said == ""
        assert named in complaint


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_shows_how_far_it_is_on_a_terminal_only():
    for out, shown in ((Terminal(), True), (StringIO(), False)):
        with Bar("talk.mp3", out) as bar:
            bar.show(75.0, 300.0)
            bar.show(3700.0, None)
        drawn = out.getvalue()
        assert ("talk.mp3 " in drawn) == shown
        if shown:
            assert " 25%  1:15 of 5:00" in drawn
            assert "1:01:40" in drawn
            assert drawn.endswith("\r")
