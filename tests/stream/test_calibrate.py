"""stream/calibrate.py"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from models.base import ModelCard, Word
from models.declaration import Context, Declaration, declared
from models.features import Spectrogram
from models.redecode import Decoded, Window
from models.registry import ModelSpec
from stream import calibrate
from stream.calibrate import CarryTrial, Trial, advice, carry_advice, declaration, read
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
    assert [len(samples) / 16_000 for _, samples in call.utterances] == pytest.approx([1.5, 2.0], abs=0.15)
    assert [start / 16_000 for start, _ in call.utterances] == pytest.approx([0.7, 2.7], abs=0.15)
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
    (tmp_path / "steno.json").write_text(declaration(tmp_path, Context(partial=1.0, final=None), 8))
    (tmp_path / "steno.json").write_text(declaration(tmp_path, Context(partial=1.0, final=None), None))
    assert declared(tmp_path) == Declaration(("en",), None, Context(partial=1.0), 8)


@pytest.mark.parametrize(
    ("wrong", "tokens"), [((0.05, 0.046, 0.0469), 8), ((0.05, 0.048, 0.049), 0), ((0.04, 0.05, 0.05), 0), ((), None)]
)
def test_what_spares_no_words_is_not_carried(wrong: tuple[float, ...], tokens: int | None):
    assert carry_advice([CarryTrial(8 * i, share) for i, share in enumerate(wrong)]) == tokens


class Parrot:
    """A decoder that says two words, and two more where it is told what was said before."""

    card = ModelCard(kind="parrot", languages=("en",))
    hop = window = passage = 480_000
    carries = True

    def __init__(self) -> None:
        self.before: list[str] = []

    def with_context(self, context: Context, carry_tokens: int) -> "Parrot":
        self.carries = carry_tokens > 0
        return self

    def sound(self) -> Spectrogram:
        return Spectrogram(80)

    def key(self, window: Window) -> tuple[()]:
        return ()

    def rows(self, window: Window) -> int:
        return 1

    def decode(self, windows: Sequence[Window]) -> list[Decoded]:
        self.before += [window.before for window in windows]
        texts = [" one", " two", " three", " four"]
        words = tuple(Word(text, 1_000 * i, 1_000 * (i + 1), 0.9) for i, text in enumerate(texts))
        return [Decoded(words=words[: 4 if window.before else 2], language="en") for window in windows]


def test_each_utterance_is_told_of_the_one_before(folder: Path, monkeypatch: pytest.MonkeyPatch):
    parrot = Parrot()
    monkeypatch.setattr(calibrate, "open_whisper", lambda spec: parrot)
    spec = ModelSpec(name="any", kind="whisper", path="any")
    assert list(calibrate.carries(spec, folder, Context())) == []
    (folder / "refs.jsonl").write_text(json.dumps({"file": "call.wav", "text": "one two one two three four"}))
    trials = list(calibrate.carries(spec, folder, Context()))
    assert [trial.tokens for trial in trials] == [0, 8, 16, 24, 32]
    assert [trial.wrong for trial in trials] == pytest.approx([2 / 6, 0, 0, 0, 0])
    assert parrot.before == ["", ""] + ["", " one two"] * 4


def test_the_command_prints_what_it_measured(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    model = build(tmp_path / "model")
    assert main(["calibrate", "--model", str(model), "--audio", str(folder)]) == 0
    table, advised = capsys.readouterr().out.split("\n\n")
    assert [line.split()[0] for line in table.splitlines()[1:]] == ["30", "4", "2", "1", "0.5"]
    assert list(json.loads(advised.split("\n", 1)[1])) == ["context_s"]
    (folder / "refs.jsonl").write_text(json.dumps({"file": "call.wav", "text": "one two"}))
    assert main(["calibrate", "--model", str(model), "--audio", str(folder)]) == 0
    _, carried, advised = capsys.readouterr().out.split("\n\n")
    assert [line.split()[0] for line in carried.splitlines()[1:]] == ["0", "8", "16", "24", "32"]
    assert list(json.loads(advised.split("\n", 1)[1])) == ["context_s", "carry_tokens"]


def test_without_speech_there_is_nothing_to_measure(tmp_path: Path):
    spec = ModelSpec(name="any", kind="whisper", path=str(tmp_path))
    with pytest.raises(ValueError, match="no speech"):
        list(calibrate.calibrate(spec, tmp_path))
