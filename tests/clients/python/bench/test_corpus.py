import json

import numpy as np
import pytest
import soundfile

from steno.bench.corpus import read, sound
from steno.bench.reference import BadReference
from steno.errors import AudioError


@pytest.fixture
def folder(tmp_path):
    """Two recordings: a second of silence at 8 kHz in German, half a second at 16 kHz of nobody knows what."""
    soundfile.write(tmp_path / "a.wav", np.zeros(8000, np.int16), 8000)
    soundfile.write(tmp_path / "b.flac", np.full(8000, 5, np.int16), 16_000)
    rows = [{"file": "a.wav", "text": "Ja.", "language": "de"}, {"file": "b.flac", "text": ""}]
    (tmp_path / "refs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def test_recordings_come_with_their_references(folder):
    first, second = read(folder)
    assert (first.kind, first.recording.duration_s, first.reference.said) == (("de", 8000), 1.0, ["ja"])
    assert (second.kind, second.recording.duration_s) == ((None, 16_000), 0.5)
    assert sound(second) == np.full(8000, 5, "<i2").tobytes()


def test_some_files_can_be_chosen(folder):
    assert [entry.reference.file for entry in read(folder, files=["b.flac"])] == ["b.flac"]
    with pytest.raises(BadReference, match=r"refs.jsonl has no c\.flac"):
        read(folder, files=["b.flac", "c.flac"])


def test_languages_can_be_kept_from_the_server(folder):
    assert [entry.kind for entry in read(folder, detect=True)] == [(None, 8000), (None, 16_000)]


def test_a_reference_is_of_one_channel(folder):
    soundfile.write(folder / "a.wav", np.zeros((8000, 2), np.int16), 8000)
    with pytest.raises(AudioError, match=r"a\.wav has 2 channels"):
        read(folder)


def test_a_corpus_has_references(folder):
    (folder / "refs.jsonl").write_text("\n")
    with pytest.raises(BadReference, match="names no recordings"):
        read(folder)
    (folder / "refs.jsonl").unlink()
    with pytest.raises(FileNotFoundError):
        read(folder)
