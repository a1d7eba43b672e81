"""stream/calibrate.py"""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from models.declaration import Context, declared
from models.registry import ModelSpec
from stream import calibrate
from stream.calibrate import Trial, advice, declaration, read
from stream.cli import main
from tests.models.random_whisper import build
from tests.vad.voice import voice


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two utterances in one file, silence in another, and a file that is none."""
    pause = np.zeros(16_000, np.int16)
    speech = np.concatenate([pause, voice(1.0), pause, voice(1.5), pause])
    soundfile.write(tmp_path / "call.wav", np.stack([speech, speech // 9], 1), 16_000)
    soundfile.write(tmp_path / "quiet.flac", pause, 16_000)
    (tmp_path / "notes.txt").write_text("not audio")
    return tmp_path


def test_recordings_are_cut_as_the_service_cuts_them(folder: Path):
    (folder / "refs.jsonl").write_text(json.dumps({"file": "call.wav", "text": "one two", "language": "en"}))
    call, quiet = read(folder)
    assert (call.name, call.text, call.language) == ("call.wav", "one two", "en")
    assert [len(utterance) / 16_000 for utterance in call.utterances] == pytest.approx([1.5, 2.0], abs=0.15)
    assert (quiet.utterances, quiet.text) == ([], None)


TRIALS = [
    Trial(None, 0.050, 0.000, 0.6),
    Trial(4.0, 0.051, 0.010, 0.2),
    Trial(1.0, 0.052, 0.015, 0.1),
    Trial(0.5, 0.060, 0.019, 0.05),
]


def test_the_shortest_context_that_costs_no_words_is_advised():
    assert advice(TRIALS) == Context(partial=0.5, final=1.0)


def test_a_model_that_bears_no_less_keeps_its_30_seconds():
    assert advice([TRIALS[0], Trial(4.0, 0.5, 0.5, 0.2)]) == Context()


def test_what_else_a_directory_declares_stays(tmp_path: Path):
    (tmp_path / "steno.json").write_text('{"languages": ["en"]}')
    (tmp_path / "steno.json").write_text(declaration(tmp_path, Context(partial=1.0, final=None)))
    assert declared(tmp_path).languages == ("en",)
    assert declared(tmp_path).context_s == Context(partial=1.0)


def test_the_command_prints_what_it_measured(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    model = build(tmp_path / "model")
    assert main(["calibrate", "--model", str(model), "--audio", str(folder)]) == 0
    table, advised = capsys.readouterr().out.split("\n\n")
    assert [line.split()[0] for line in table.splitlines()[1:]] == ["30", "4", "2", "1", "0.5"]
    assert "context_s" in json.loads(advised.split("\n", 1)[1])


def test_without_speech_there_is_nothing_to_measure(tmp_path: Path):
    spec = ModelSpec(name="any", kind="whisper", path=str(tmp_path))
    with pytest.raises(ValueError, match="no speech"):
        list(calibrate.calibrate(spec, tmp_path))
