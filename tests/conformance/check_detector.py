"""What every detector promises (`vad/detector.py`), as one suite: `check_detector(detector, speech)`.

Knows nothing of any one detector.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vad.detector import SAMPLE_RATE, Detector
from vad.endpointer import OFFSET, ONSET
from vad.energy import levels


def check_detector(detector: Detector[Any], speech: NDArray[np.int16]) -> None:
    """Run the whole suite on a clip (int16, 16 kHz) of a second or more, most of it speech."""
    assert len(speech) >= SAMPLE_RATE, "the clip needs a second"
    assert SAMPLE_RATE // 100 <= detector.frame <= SAMPLE_RATE // 10, "frames of 10 to 100 ms"
    alone = score(detector, speech, detector.open())
    assert all(0 <= probability <= 1 for probability in alone)
    assert all(type(probability) is float for probability in alone), "plain floats"
    assert np.mean(np.array(alone) >= ONSET) > 0.5, "speech is heard"
    _check_runs(detector, speech, alone)
    _check_channels_stay_apart(detector, speech, alone)
    _check_silence(detector, speech)


def score(detector: Detector[Any], samples: NDArray[np.int16], state: Any) -> list[float]:
    """Probabilities of the whole frames of `samples`, given in one run."""
    frames = samples[: len(samples) // detector.frame * detector.frame].reshape(-1, detector.frame)
    frames.flags.writeable = False
    probabilities = detector.score(frames, levels(frames), state)
    assert len(probabilities) == len(frames), "a probability for each frame"
    return probabilities


def _check_runs(detector: Detector[Any], speech: NDArray[np.int16], alone: list[float]) -> None:
    state = detector.open()
    single = [score(detector, speech[start : start + detector.frame], state) for start in _starts(detector, speech)]
    assert [probability for run in single for probability in run] == alone, "one by one as in one run"


def _check_channels_stay_apart(detector: Detector[Any], speech: NDArray[np.int16], alone: list[float]) -> None:
    mine, other = detector.open(), detector.open()
    heard = []
    for start in _starts(detector, speech):
        heard += score(detector, speech[start : start + detector.frame], mine)
        score(detector, speech[-detector.frame :], other)
    assert heard == alone, "another channel makes no difference"


def _check_silence(detector: Detector[Any], speech: NDArray[np.int16]) -> None:
    silence = np.zeros(5 * SAMPLE_RATE, np.int16)
    assert max(score(detector, silence, detector.open())) < OFFSET, "silence is none"
    state = detector.open()
    score(detector, speech, state)
    assert max(score(detector, silence, state)[SAMPLE_RATE // 2 // detector.frame :]) < OFFSET, (
        "nor is it behind speech"
    )


def _starts(detector: Detector[Any], samples: NDArray[np.int16]) -> range:
    return range(0, len(samples) - detector.frame + 1, detector.frame)
