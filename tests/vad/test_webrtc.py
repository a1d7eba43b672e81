from __future__ import annotations

import numpy as np
import pytest

from tests.conformance.check_detector import check_detector, score
from tests.vad.voice import melody, noise, silence, voice
from vad import webrtc
from vad.endpointer import Endpointer, EndpointOptions


def test_keeps_the_detectors_contract() -> None:
    check_detector(webrtc.load(), np.concatenate((silence(0.2), voice(1.5), silence(0.3))))


def test_faint_sound_is_silence() -> None:
    detector = webrtc.load()
    assert not any(score(detector, voice(1, -68), detector.open()))


def test_steady_noise_is_silence_from_the_start() -> None:
    detector = webrtc.load()
    assert np.mean(score(detector, noise(5, -35), detector.open())) < 0.05


def test_noise_that_starts_is_known_within_twice_the_span() -> None:
    detector = webrtc.load()
    scores = score(detector, np.concatenate((silence(1), noise(6, -35))), detector.open())
    assert any(scores[50:60])
    assert np.mean(scores[50 + int(2 * webrtc.FLOOR_S * 50) + 1 :]) < 0.05


def test_speech_is_heard_in_steady_noise() -> None:
    detector = webrtc.load()
    heard = noise(5, -45)
    heard[32_000:64_000] += voice(2, -28)
    scores = score(detector, heard, detector.open())
    assert np.mean(scores[100:200]) > 0.6
    assert np.mean(scores[:98] + scores[215:]) < 0.05


@pytest.mark.parametrize("note_s", [0.25, 0.4, 1.5])
def test_music_begins_nothing(note_s: float) -> None:
    detector = webrtc.load()
    endpointer = Endpointer(EndpointOptions(), detector.frame)
    scores = score(detector, np.concatenate((silence(0.5), melody(6, note_s=note_s))), detector.open())
    assert not any(endpointer.push(probability, -20) for probability in scores)


def test_a_voice_is_heard_behind_music_and_over_it() -> None:
    detector = webrtc.load()
    behind = score(detector, np.concatenate((melody(2), voice(2))), detector.open())
    assert np.mean(behind[100 + int(webrtc.MUSIC_S * 50) :]) > 0.6
    over = score(detector, melody(4, -35) + voice(4, -20), detector.open())
    assert np.mean(over) > 0.6
