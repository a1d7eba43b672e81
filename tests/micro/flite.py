"""flite, whose voices are made from recordings of American and Scottish speakers, called in this process.

Knows nothing of splits or of the sample rate that is wanted in the end. Needs Debian's libflite1.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

_FIRST, _LAST = "R:SylStructure.daughter1.daughter1.R:Segment.p.end", "R:SylStructure.daughtern.daughtern.R:Segment.end"

_Address = ctypes.c_void_p


class _Wave(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_char_p),
        ("hertz", ctypes.c_int),
        ("length", ctypes.c_int),
        ("channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    )


class _Voice(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char_p), ("features", _Address))


def speak(
    name: str, tokens: Sequence[str], rate: float, pitch: float
) -> tuple[NDArray[np.int16], float, list[tuple[int, int]]]:
    """Samples, their rate, and each token's begin and end in samples. `name` is "slt", say."""
    shift = 1.0
    if name == "rms":  # the one that ignores f0_shift: it is spoken slower, then played faster
        pitch, shift = 1.0, pitch
    library, voice = _library(), _voice(name)
    features = _Voice.from_address(voice).features
    library.feat_set_float(features, b"duration_stretch", ctypes.c_float(shift / rate))
    library.feat_set_float(features, b"f0_shift", ctypes.c_float(pitch))
    ctypes.CDLL(None).srand(1)  # unvoiced sounds are noise
    utterance = library.flite_synth_text(" ".join(tokens).encode(), voice)
    try:
        wave = _Wave.from_address(library.utt_wave(utterance))
        samples = np.ctypeslib.as_array(wave.samples, (wave.length,)).copy()
        spans = [(round(begin * wave.hertz), round(end * wave.hertz)) for begin, end in _spans(library, utterance)]
        return samples, wave.hertz * shift, spans
    finally:
        library.delete_utterance(utterance)


def _spans(library: ctypes.CDLL, utterance: int) -> list[tuple[float, float]]:
    """Seconds; what no whitespace parts is one token."""
    spans: list[tuple[float, float]] = []
    for token in _chain(library, library.relation_head(library.utt_relation(utterance, b"Token"))):
        words = list(_chain(library, library.item_daughter(token)))
        if not words:
            continue
        end = library.flite_ffeature_float(words[-1], _LAST.encode())
        if spans and not library.flite_ffeature_string(token, b"whitespace"):
            spans[-1] = spans[-1][0], end
        else:
            spans.append((library.flite_ffeature_float(words[0], _FIRST.encode()), end))
    return spans


def _chain(library: ctypes.CDLL, item: int | None) -> Iterator[int]:
    while item:
        yield item
        item = library.item_next(item)


@cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL("libflite.so.1", mode=ctypes.RTLD_GLOBAL)
    signatures = {
        "flite_synth_text": (_Address, ctypes.c_char_p, _Address),
        "utt_wave": (_Address, _Address),
        "utt_relation": (_Address, _Address, ctypes.c_char_p),
        "relation_head": (_Address, _Address),
        "item_next": (_Address, _Address),
        "item_daughter": (_Address, _Address),
        "flite_ffeature_float": (ctypes.c_float, _Address, ctypes.c_char_p),
        "flite_ffeature_string": (ctypes.c_char_p, _Address, ctypes.c_char_p),
        "feat_set_float": (None, _Address, ctypes.c_char_p, ctypes.c_float),
        "delete_utterance": (None, _Address),
    }
    for function, (returns, *takes) in signatures.items():
        getattr(library, function).restype = returns
        getattr(library, function).argtypes = takes
    library.flite_init()
    return library


@cache
def _voice(name: str) -> int:
    register = getattr(ctypes.CDLL(f"libflite_cmu_us_{name}.so.1"), f"register_cmu_us_{name}")
    register.restype, register.argtypes = _Address, [ctypes.c_char_p]
    return int(register(None))
