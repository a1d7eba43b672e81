from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from steno.bench.corpus import Entry
from steno.bench.reference import Reference, Span
from steno.recording import describe
from tests.benchmarks.joined import PAUSE_S, join

RATE = 16_000


def entry(folder: Path, number: int, *, start: float = 0.5, rate: int = RATE) -> Entry:
    """A second of which half is a word, whose samples all hold the clip's number; there is silence around it."""
    path = folder / f"{number}-{start}-{rate}.wav"
    samples = np.zeros(rate, np.int16)
    samples[round(start * rate) : round((start + 0.4) * rate)] = number
    soundfile.write(path, samples, rate)
    words = (Span(f"w{number}", start, start + 0.4),)
    return Entry(describe(str(path)), Reference(path.name, f"w{number}", words=words))


def test_words_are_where_the_references_say_and_pauses_short(tmp_path: Path) -> None:
    joined = join([entry(tmp_path, number) for number in range(1, 8)], 6.0, seed=1)
    assert 6.0 <= joined.seconds < 6.6
    for clip in joined.clips:
        [word] = clip.words
        middle = joined.samples[round((word.start + 0.01) * RATE) : round((word.end - 0.01) * RATE)]
        assert set(middle) == {int(word.text[1:])}
    for before, after in pairwise(joined.clips):
        assert PAUSE_S[0] - 1e-3 <= after.words[0].start - before.words[-1].end <= PAUSE_S[1] + 1e-3
    assert sum(joined.samples != 0) == pytest.approx(0.4 * RATE * len(joined.clips), abs=RATE)


def test_each_clip_has_its_turn_before_another_has_two(tmp_path: Path) -> None:
    joined = join([entry(tmp_path, number) for number in range(1, 4)], 3.6, seed=0)
    files = [clip.file for clip in joined.clips]
    assert len(set(files[:3])) == len(set(files[3:6])) == 3
    assert len(joined.entries) == 3


def test_what_a_clip_lacks_around_its_words_is_silence(tmp_path: Path) -> None:
    joined = join([entry(tmp_path, 1, start=0.0), entry(tmp_path, 2, start=0.6)], 2.0, seed=0)
    [first] = [clip for clip in joined.clips if clip.text == "w1"][:1]
    assert joined.samples[round((first.words[0].start + 0.01) * RATE)] == 1


def test_the_same_seed_gives_the_same_monologue(tmp_path: Path) -> None:
    entries = [entry(tmp_path, number) for number in range(1, 5)]
    one, same, other = (join(entries, 2.0, seed) for seed in (1, 1, 2))
    assert np.array_equal(one.samples, same.samples)
    assert not np.array_equal(one.samples, other.samples)
    assert b"".join(one.chunks(0.1)) == one.samples.tobytes()


def test_clips_that_cannot_be_joined_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="rates"):
        join([entry(tmp_path, 1), entry(tmp_path, 1, rate=8_000)], 1.0, seed=0)
    with pytest.raises(ValueError, match="times of words"):
        join([], 1.0, seed=0)
