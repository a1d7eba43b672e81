from __future__ import annotations

from collections import Counter
from ctypes import CDLL
from itertools import pairwise
from shutil import which
from typing import get_args

import numpy as np
import pytest

from tests.micro.splits import Split, split_of
from tests.micro.voices import SAMPLE_RATE, VOICES, Voice, say, voices

ENGLISH = "Thank you for calling, my name is Anna. Are you in the twenty-first house? I can't see it."
GERMAN = "Guten Tag, mein Name ist Müller. Können Sie mich in dem Büro anrufen? Das geht's nicht."
SPEAKERS = {
    "espeak:en-gb-scotland+f3": ENGLISH,
    "espeak:de+m1": GERMAN,
    "flite:slt": ENGLISH,
    "flite:kal16/pitch-3/tract+2": ENGLISH,
    "flite:rms/pitch+3": ENGLISH,
    "festival:kal_diphone": ENGLISH,
    "festival:cmu_us_slt_arctic_hts/pitch-2/tract+1": ENGLISH,
}
NAMED = {str(voice): voice for voice in VOICES}


def speaker(name: str) -> Voice:
    """Skips the test where the synthesizer is not installed."""
    voice = NAMED[name]
    library = {"espeak": "libespeak-ng.so.1", "flite": "libflite_cmu_us_slt.so.1"}.get(voice.engine)
    try:
        installed = CDLL(library) if library else which("festival")
    except OSError:
        installed = None
    if not installed:
        pytest.skip(f"{voice.engine} is not installed")
    return voice


def level(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(samples.astype(float) ** 2))) if len(samples) else 0.0


def test_a_split_has_its_share() -> None:
    shares = Counter(split_of(f"sentence {number}") for number in range(10_000))
    assert shares["train"] / 10_000 == pytest.approx(0.80, abs=0.02)
    assert shares["dev"] / 10_000 == pytest.approx(0.08, abs=0.02)


def test_a_key_stays_in_its_split() -> None:
    assert [split_of(key) for key in ("flite:slt", "a", "b", "espeak:en-us+f1")] == ["train", "train", "dev", "test"]


def test_every_voice_has_its_own_name_and_is_in_one_split() -> None:
    assert len(NAMED) == len(VOICES)
    parts = [voices(language, split) for language in ("en", "de") for split in get_args(Split)]
    assert sorted(map(str, sum(parts, ()))) == sorted(NAMED)


def test_strangers_of_every_kind_are_kept_for_testing() -> None:
    strangers = voices("en", "test")
    assert {voice.engine for voice in strangers} == {"espeak", "flite", "festival"}
    assert len({voice.name.split("+")[0] for voice in strangers if voice.engine == "espeak"}) > 4
    assert len(voices("de", "test")) > 4


@pytest.mark.parametrize("name", SPEAKERS)
def test_words_are_the_tokens_where_they_sound(name: str) -> None:
    spoken = say(speaker(name), SPEAKERS[name])
    assert [word.text for word in spoken.words] == SPEAKERS[name].split()
    assert 0 <= spoken.words[0].start <= 0.11
    assert 0 <= len(spoken.samples) / SAMPLE_RATE - spoken.words[-1].end <= 0.11
    assert all(word.start < word.end for word in spoken.words)
    assert all(word.end <= following.start for word, following in pairwise(spoken.words))
    edges = [round(edge * SAMPLE_RATE) for word in spoken.words for edge in (word.start, word.end)]
    stretches = np.split(spoken.samples, edges)  # a gap first, then in turn
    words, gaps = stretches[1::2], np.concatenate(stretches[::2])
    assert len(gaps) > SAMPLE_RATE // 5, "there are pauses between the sentences"
    assert min(map(level, words)) > 5 * level(gaps)


@pytest.mark.parametrize("name", SPEAKERS)
def test_nothing_is_left_of_what_was_said_before(name: str) -> None:
    voice, text = speaker(name), SPEAKERS[name]
    before = say(voice, text)
    say(voice, "Hello.", rate=1.3, pitch=0.9)
    assert np.array_equal(say(voice, text).samples, before.samples)


@pytest.mark.parametrize("name", SPEAKERS)
def test_rate_is_speed(name: str) -> None:
    slow, fast = (len(say(speaker(name), SPEAKERS[name], rate).samples) for rate in (0.8, 1.25))
    assert slow / fast == pytest.approx(1.25 / 0.8, rel=0.15)


@pytest.mark.parametrize("name", SPEAKERS)
def test_pitch_is_that_of_the_voice(name: str) -> None:
    low, high = (say(speaker(name), SPEAKERS[name], pitch=pitch) for pitch in (0.9, 1.1))
    assert median_pitch(high.samples) / median_pitch(low.samples) == pytest.approx(1.1 / 0.9, rel=0.1)
    assert len(high.samples) / len(low.samples) == pytest.approx(1, abs=0.06)


def median_pitch(samples: np.ndarray) -> float:
    """Hertz; where 80 ms are much like themselves a period later."""
    found = []
    for frame in np.lib.stride_tricks.sliding_window_view(samples.astype(float), 1280)[::640]:
        if np.abs(frame).max() > 0.2 * np.abs(samples).max():
            alike = np.correlate(frame, frame, "full")[1279:]
            period = 40 + int(alike[40:250].argmax())
            if alike[period] > 0.5 * alike[0]:
                found.append(SAMPLE_RATE / period)
    return float(np.median(found))


@pytest.mark.parametrize("text", ["", "wait — what", "naïve"])
def test_what_is_no_english_word_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        say(speaker("espeak:en-us+f1"), text)
