import numpy as np
import pytest
import soundfile

from steno.errors import AudioError
from steno.recording import describe, paced


def wave(count, channels=1):
    return np.random.default_rng(0).integers(-32768, 32768, (count, channels)).astype(np.int16)


@pytest.mark.parametrize(("suffix", "channels", "rate"), [("wav", 1, 8000), ("flac", 2, 44_100), ("wav", 8, 16_000)])
def test_16_bits_are_read_to_the_bit_in_chunks(tmp_path, suffix, channels, rate):
    path = str(tmp_path / f"a.{suffix}")
    samples = wave(1234, channels)
    soundfile.write(path, samples, rate)
    recording = describe(path)
    assert (recording.sample_rate, recording.channels) == (rate, channels)
    assert recording.duration_s == 1234 / rate
    chunks = list(recording.chunks(500 / rate))
    assert [len(chunk) // channels // 2 for chunk in chunks] == [500, 500, 234]
    assert b"".join(chunks) == samples.tobytes()


def test_floats_are_scaled_and_clipped(tmp_path):
    path = str(tmp_path / "a.wav")
    soundfile.write(path, np.array([0.0, 0.5, -1.0, 2.0, -2.0], np.float32), 16_000, subtype="FLOAT")
    read = np.frombuffer(b"".join(describe(path).chunks(1)), "<i2")
    assert read.tolist() == [0, 16384, -32768, 32767, -32768]


@pytest.mark.parametrize("suffix", ["ogg", "mp3"])
def test_compressed_files_are_read(tmp_path, suffix):
    path = str(tmp_path / f"a.{suffix}")
    soundfile.write(path, (np.sin(np.arange(16_000) / 10) * 0.5).astype(np.float32), 16_000)
    read = np.frombuffer(b"".join(describe(path).chunks(0.1)), "<i2")
    assert abs(len(read) - 16_000) < 3000
    assert 14_000 < np.abs(read).max() < 20_000


@pytest.mark.parametrize(
    ("rate", "channels", "named"), [(96_000, 1, "96000"), (4000, 1, "4000"), (16_000, 9, "9 channels")]
)
def test_what_a_session_does_not_take_is_refused(tmp_path, rate, channels, named):
    path = str(tmp_path / "a.wav")
    soundfile.write(path, wave(10, channels), rate)
    with pytest.raises(AudioError, match=named):
        describe(path)


def test_what_is_no_audio_is_refused(tmp_path):
    with pytest.raises(AudioError, match="nowhere"):
        describe(str(tmp_path / "nowhere.wav"))
    (tmp_path / "text.wav").write_text("hello")
    with pytest.raises(AudioError, match=r"text\.wav"):
        describe(str(tmp_path / "text.wav"))


async def test_pace_keeps_every_chunk_in_order():
    assert [chunk async for chunk in paced([b"a", b"b", b"c"], 0.001)] == [b"a", b"b", b"c"]
