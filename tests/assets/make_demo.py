"""Makes the demo clip, `stream/assets/demo.flac`, and its transcript, `demo.json`: two voices of flite in dialogue.

Knows nothing of Steno. To change a line: `python tests/assets/make_demo.py` (needs the Debian package flite).
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

ASSETS = Path(__file__).parents[2] / "stream" / "assets"
RATE = 16_000
VOICES = {"Sam": "rms", "Ana": "slt"}

# Speaker, seconds of silence before the turn, words.
TURNS = (
    ("Sam", 0.5, "Good morning. Can you hear me?"),
    ("Ana", 0.8, "Yes, I can hear you very well."),
    ("Sam", 1.0, "You can read the words while we are still speaking."),
    ("Ana", 1.0, "Do we need the internet for this?"),
    ("Sam", 0.8, "No. It stays here. Nothing ever leaves this computer."),
    ("Ana", 1.1, "And what does it cost?"),
    ("Sam", 0.8, "It is free, and everyone can use it."),
    ("Ana", 0.9, "I would like to try that."),
    ("Sam", 1.0, "Then let us use it for the meeting tomorrow morning."),
)
TAIL_S = 1.0

SPEECH_RMS = 0.08  # -22 dBFS, a comfortable voice
ROOM_RMS = 0.0004  # -68 dBFS: a quiet room, since digital silence occurs in no recording
AUDIBLE = 0.01  # of full scale, for finding where the speech begins and ends


def main() -> None:
    pieces: list[NDArray[np.float32]] = []
    utterances = []
    position = 0
    for speaker, pause_s, text in TURNS:
        speech = speak(VOICES[speaker], text)
        pause = round(pause_s * RATE)
        start, end = position + pause, position + pause + len(speech)
        pieces += [np.zeros(pause, np.float32), speech]
        utterances.append({"speaker": speaker, "start": start / RATE, "end": end / RATE, "text": text})
        position = end
    pieces.append(np.zeros(round(TAIL_S * RATE), np.float32))
    clip = np.concatenate(pieces)
    clip += np.random.default_rng(1).normal(0, ROOM_RMS, len(clip)).astype(np.float32)
    soundfile.write(ASSETS / "demo.flac", clip, RATE, subtype="PCM_16")
    transcript = json.dumps({"utterances": utterances}, indent=2)
    (ASSETS / "demo.json").write_text(transcript + "\n", encoding="utf-8")


def speak(voice: str, text: str) -> NDArray[np.float32]:
    """One turn, mono at 16 kHz, of the wanted loudness and without the silence around it."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as spoken:
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", spoken.name], check=True)
        samples, rate = soundfile.read(spoken.name, dtype="float32")
    assert rate == RATE, f"the voice {voice} speaks at {rate} Hz"
    samples *= SPEECH_RMS / np.sqrt(np.mean(samples**2))
    audible = np.flatnonzero(np.abs(samples) > AUDIBLE)
    spoken_part: NDArray[np.float32] = samples[audible[0] : audible[-1] + 1]
    return spoken_part


if __name__ == "__main__":
    main()
