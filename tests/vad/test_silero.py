from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.conformance.check_detector import check_detector, score
from tests.vad.voice import noise, silence
from vad import silero
from vad.endpointer import ONSET
from vad.energy import levels

CLIPS = Path(__file__).parents[1] / "fixtures/clips"
REFS = [json.loads(line) for line in (CLIPS / "refs.jsonl").read_text().splitlines()]
DETECTOR = silero.load()
FRAME = DETECTOR.frame
FORGET = int(silero.FORGET_S * 16_000) // FRAME


def clip(name: str = "000000.flac") -> NDArray[np.int16]:
    return soundfile.read(CLIPS / name, dtype="int16")[0]


def quiet(frames: int) -> NDArray[np.int16]:
    return silence(frames * FRAME / 16_000)


def whole(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    return samples[: len(samples) // FRAME * FRAME]


CONVERSATION = np.concatenate(
    (
        *(clip()[: 40 * FRAME], quiet(3), clip("000001.flac")[20 * FRAME : 45 * FRAME]),
        *(quiet(FORGET + 3), clip("000003.flac")[: 40 * FRAME]),
    )
)
AT_ONCE = score(DETECTOR, CONVERSATION, DETECTOR.open())


def test_keeps_the_detectors_contract() -> None:
    check_detector(DETECTOR, clip())


def test_words_are_speech_and_what_is_around_them_is_not() -> None:
    inside, around = [], []
    for ref in REFS:
        scores = np.array(score(DETECTOR, clip(ref["file"]), DETECTOR.open()))
        at = (np.arange(len(scores)) + 0.5) * FRAME / 16_000
        inside.append(scores[[any(word["start"] <= time <= word["end"] for word in ref["words"]) for time in at]])
        around.append(scores[(at < ref["words"][0]["start"] - 0.1) | (at > ref["words"][-1]["end"] + 0.3)])
    assert min(np.mean(each >= ONSET) for each in inside) > 0.5
    assert np.mean(np.concatenate(inside) >= ONSET) > 0.9
    assert np.mean(np.concatenate(around) >= ONSET) < 0.02


@pytest.mark.parametrize("sound", ["noise", "hum"])
def test_steady_sounds_are_none(sound: str) -> None:
    time = np.arange(48_000) / 16_000
    hum = np.rint(3_000 * (np.sin(2 * np.pi * 50 * time) + 0.5 * np.sin(2 * np.pi * 150 * time))).astype(np.int16)
    heard = hum if sound == "hum" else noise(3, -35)
    assert max(score(DETECTOR, heard, DETECTOR.open())) < ONSET


def test_faint_sound_is_silence_and_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    state = DETECTOR.open()
    monkeypatch.setattr(DETECTOR, "_listen", None)
    assert set(score(DETECTOR, noise(1, silero.GATE_DB - 5), state)) == {0.0}


def test_gaps_between_words_are_skipped() -> None:
    speech = whole(clip())
    gap = quiet(FORGET - 1)
    state, other = DETECTOR.open(), DETECTOR.open()
    for _ in range(3):
        assert score(DETECTOR, speech, state) == score(DETECTOR, speech, other)
        score(DETECTOR, gap, state)
        other.tail = state.tail


def test_after_a_pause_it_begins_anew() -> None:
    state = DETECTOR.open()
    speech = whole(clip())
    score(DETECTOR, np.concatenate((speech, quiet(FORGET))), state)
    assert score(DETECTOR, speech, state) == score(DETECTOR, speech, DETECTOR.open())


def test_music_after_a_pause_is_not_more_of_the_speech_before() -> None:
    time = np.arange(16_000) / 16_000
    chord = sum(np.sin(2 * np.pi * pitch * time) for pitch in (220, 277, 330, 440))
    chord = np.rint(2_000 * np.exp(-3 * (time % 0.5)) * chord).astype(np.int16)
    state = DETECTOR.open()
    speech = clip()[: 60 * FRAME]
    assert max(score(DETECTOR, speech, state)[-5:]) > ONSET
    assert max(score(DETECTOR, np.concatenate((quiet(FORGET), chord)), state)) < ONSET


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, len(AT_ONCE) - 1)))
def test_how_many_frames_at_a_time_makes_no_difference(cuts: list[int]) -> None:
    state = DETECTOR.open()
    scores: list[float] = []
    for run in np.split(CONVERSATION.reshape(-1, FRAME), sorted(cuts)):
        scores += DETECTOR.score(run, levels(run), state)
    assert scores == AT_ONCE


def test_channels_with_pauses_of_their_own_stay_apart() -> None:
    mine, other = DETECTOR.open(), DETECTOR.open()
    heard = []
    for number, frame in enumerate(CONVERSATION.reshape(-1, FRAME)):
        heard += score(DETECTOR, frame, mine)
        score(DETECTOR, frame if number % 30 < 10 else quiet(1), other)
    assert heard == AT_ONCE


def test_network_of_another_name_is_said_to_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silero, "FILE", "assets/silero_vad_v99.onnx")
    with pytest.raises(FileNotFoundError, match=r"assets/silero_vad_v99.onnx in the package faster_whisper"):
        silero.load()


def test_package_of_the_network_is_not_imported() -> None:
    code = "import sys, vad.silero; vad.silero.load(); sys.exit('faster_whisper' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=True)
