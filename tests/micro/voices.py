"""Who can speak for whisper-micro, and what they say: 16 kHz audio with the time of every word.

Knows nothing of sentences, recordings or training. A voice is wholly in one split, so that tests hear strangers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Literal

import numpy as np
import soxr
from numpy.typing import NDArray

from tests.micro import espeak, festival, flite
from tests.micro.splits import Split, split_of

SAMPLE_RATE = 16_000
Language = Literal["en", "de"]
Engine = Literal["espeak", "flite", "festival"]

_Speak = Callable[[str, Sequence[str], float, float], tuple[NDArray[np.int16], float, list[tuple[int, int]]]]
_SPEAK: dict[Engine, _Speak] = {"espeak": espeak.speak, "flite": flite.speak, "festival": festival.speak}

_SILENCE = SAMPLE_RATE // 10
"""What is kept of the synthesizer's silence before the first word and behind the last."""


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """Times are seconds from the recording's start."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Spoken:
    """Mono, 16 kHz; the words are the text's tokens as it spells them, in order, and don't overlap."""

    samples: NDArray[np.int16]
    words: tuple[SpokenWord, ...]


@dataclass(frozen=True, slots=True)
class Voice:
    """One speaker; `pitch` and `tract` move the voice and its formants by semitones, up for a smaller person."""

    engine: Engine
    name: str
    language: Language = "en"
    pitch: int = 0
    tract: int = 0

    def __str__(self) -> str:
        moved = [f"/{what}{by:+d}" for what, by in (("pitch", self.pitch), ("tract", self.tract)) if by]
        return f"{self.engine}:{self.name}{''.join(moved)}"


def say(voice: Voice, text: str, rate: float = 1.0, pitch: float = 1.0) -> Spoken:
    """`rate` (0.8 to 1.3) and `pitch` are factors. ValueError: a word that cannot be spoken or found in the audio."""
    tokens = text.split()
    if not tokens or not all(any(map(str.isalnum, token)) for token in tokens):
        raise ValueError(f"not words alone: {text!r}")
    if voice.language == "en" and not text.isascii():
        raise ValueError(f"English is written in ASCII: {text!r}")
    faster = _factor(voice.tract)  # spoken slower and lower by this, then played faster: only the formants have moved
    samples, hertz, spans = _SPEAK[voice.engine](
        voice.name, tokens, rate / faster, pitch * _factor(voice.pitch) / faster
    )
    if len(spans) != len(tokens):
        raise ValueError(f"{voice} spoke {len(spans)} words: {text!r}")
    scale = SAMPLE_RATE / (hertz * faster)
    # As floats: what it makes of int16 is dithered with noise that differs each time.
    audio = soxr.resample(samples.astype(np.float32), hertz * faster, SAMPLE_RATE)
    audio *= min(1, 32_767 / np.abs(audio).max())  # a loud voice overshoots
    scaled = [(round(begin * scale), min(round(end * scale), len(audio))) for begin, end in spans]
    edges = [edge for span in scaled for edge in span]
    if edges[0] < 0 or any(b > e for b, e in pairwise(edges)) or any(b == e for b, e in scaled):
        raise ValueError(f"{voice} has lost the times of {text!r}")
    first = max(edges[0] - _SILENCE, 0)
    words = [
        SpokenWord(token, (begin - first) / SAMPLE_RATE, (end - first) / SAMPLE_RATE)
        for token, (begin, end) in zip(tokens, scaled, strict=True)
    ]
    heard = audio[first : edges[-1] + _SILENCE]
    return Spoken(np.rint(heard).astype(np.int16), tuple(words))


def voices(language: Language, split: Split) -> tuple[Voice, ...]:
    return tuple(voice for voice in VOICES if voice.language == language and split_of(str(voice)) == split)


def _factor(semitones: int) -> float:
    return 2 ** (semitones / 12)


# "en" is British.
_ACCENTS = ("en", "en-us", "en-us-nyc", "en-029", "en-gb-x-rp", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-gbcwmd")
_TIMBRES = (
    *("f1", "f2", "f3", "f4", "f5", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8"),
    *("Alex", "Alicia", "Andrea", "Andy", "Annie", "Denis", "Diogo", "Gene", "Jacky", "Lee", "Marco", "Mario", "Mike"),
    *("Nguyen", "anika", "antonio", "aunty", "belinda", "boris", "ed", "iven", "john", "kaukovalta", "linda"),
    *("marcelo", "max", "michel", "norbert", "pablo", "paul", "pedro", "quincy", "rob", "shelby", "steph", "travis"),
    "victor",
)
"""Of espeak's variants those that sound like a person, and not like another one of them."""

VOICES: tuple[Voice, ...] = (
    *(Voice("espeak", f"{accent}+{timbre}") for accent, timbre in product(_ACCENTS, _TIMBRES)),
    *(Voice("espeak", f"de+{timbre}", "de") for timbre in _TIMBRES),
    *(
        Voice("flite", name, pitch=pitch, tract=tract)
        for name, pitch, tract in product(("awb", "kal16", "rms", "slt"), (-3, 0, 3), (-1, 0, 1, 2))
    ),
    *(
        Voice("festival", name, pitch=pitch, tract=tract)
        for name, pitch, tract in product(("kal_diphone", "cmu_us_slt_arctic_hts"), (-2, 0, 2), (0, 1))
    ),
)
