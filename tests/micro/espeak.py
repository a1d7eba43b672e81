"""espeak-ng, a formant synthesizer with many accents and timbres, called in forks of this process.

Knows nothing of splits or of the sample rate that is wanted in the end. Needs Debian's libespeak-ng1.
"""

from __future__ import annotations

import ctypes
import math
import os
import pickle
import warnings
from bisect import bisect
from collections.abc import Sequence
from functools import cache
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

HERTZ = 22_050
_WORDS_PER_MINUTE = 175

# From espeak-ng/speak_lib.h
_SYNCHRONOUS, _PHONEME_EVENTS, _UTF8, _CHARACTERS = 2, 1, 1, 1
_RATE, _PITCH, _RANGE = 1, 3, 4
_WORD, _PHONEME = 1, 7


_Heard = tuple[int, int, int, int, bytes]
"""An event: type, position in the text, length there, sample, phoneme."""


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("identifier", ctypes.c_uint),
        ("position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("milliseconds", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user", ctypes.c_void_p),
        ("phoneme", ctypes.c_char * 8),
    )


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


def speak(
    name: str, tokens: Sequence[str], rate: float, pitch: float
) -> tuple[NDArray[np.int16], float, list[tuple[int, int]]]:
    """Samples, their rate, and each token's begin and end in samples. `name` is an accent and a variant: "en-us+f3"."""
    # What was said before changes how espeak speaks, by flutter, intonation and more, and nothing resets it:
    # it is made ready here, and each text is spoken by a new copy.
    library = _library()
    receiving, sending = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads, from Python 3.12: the copy needs none of them
        copy = os.fork()
    if copy == 0:
        try:
            with open(sending, "wb") as pipe:
                pickle.dump(_synthesize(library, name, " ".join(tokens).encode(), rate, pitch), pipe)
        finally:
            os._exit(0)
    os.close(sending)
    with open(receiving, "rb") as pipe:
        sent = pipe.read()
    os.waitpid(copy, 0)
    if not sent:
        raise ValueError(f"espeak cannot say {' '.join(tokens)!r} as {name}")
    samples, events = pickle.loads(sent)
    return samples, HERTZ, _spans(tokens, events, len(samples))


def _synthesize(
    library: ctypes.CDLL, name: str, text: bytes, rate: float, pitch: float
) -> tuple[NDArray[np.int16], list[_Heard]]:
    chunks: list[NDArray[np.int16]] = []
    events: list[_Heard] = []

    @_CALLBACK
    def hear(samples, count, event):  # type: ignore[no-untyped-def]
        if count > 0:
            chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        at = 0
        while event[at].type:  # a list that ends in a zero
            e = event[at]
            events.append((e.type, e.position - 1, e.length, e.sample, e.phoneme))
            at += 1
        return 0

    library.espeak_SetSynthCallback(hear)
    if library.espeak_SetVoiceByName(name.encode()):
        raise ValueError(f"espeak has no voice {name}")
    library.espeak_SetParameter(_RATE, round(_WORDS_PER_MINUTE * rate), 0)
    octave = 65  # measured: 50 are an octave of the lowest pitch, but the range above it follows less
    library.espeak_SetParameter(_PITCH, min(max(round(50 + octave * math.log2(pitch)), 0), 99), 0)
    library.espeak_SetParameter(_RANGE, min(round(50 * pitch), 99), 0)
    ctypes.CDLL(None).srand(1)  # breath is noise
    library.espeak_Synth(text, ctypes.c_size_t(len(text) + 1), 0, _CHARACTERS, 0, _UTF8, None, None)
    return np.concatenate(chunks), events


def _spans(tokens: Sequence[str], events: list[_Heard], end: int) -> list[tuple[int, int]]:
    begins = [0, *accumulate(len(token) + 1 for token in tokens[:-1])]
    heard: dict[int, tuple[int, int]] = {}
    token, begin, quiet = -1, 0, None  # the token that sounds, and since when there is a pause behind it
    for kind, position, length, sample, phoneme in events:
        if kind == _PHONEME:
            quiet = (quiet or sample) if phoneme in (b"_", b"_:") else None
        elif kind == _WORD and length and (following := bisect(begins, position) - 1) > token:
            if token >= 0:
                heard[token] = begin, quiet or sample
            token, begin, quiet = following, sample, None
    heard[token] = begin, quiet or end
    return _shared(tokens, heard)


def _shared(tokens: Sequence[str], heard: dict[int, tuple[int, int]]) -> list[tuple[int, int]]:
    """espeak speaks some pairs as one word ("in the"): its time is dealt out by letters."""
    if 0 not in heard:
        raise ValueError(f"espeak did not speak the first word of {' '.join(tokens)!r}")
    spans: list[tuple[int, int]] = []
    firsts = sorted(heard)
    for first, following in zip(firsts, [*firsts[1:], len(tokens)], strict=True):
        begin, end = heard[first]
        letters = [0, *accumulate(len(token) for token in tokens[first:following])]
        edges = [begin + (end - begin) * count // letters[-1] for count in letters]
        spans += pairwise(edges)
    return spans


@cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL("libespeak-ng.so.1")
    if library.espeak_Initialize(_SYNCHRONOUS, 0, None, _PHONEME_EVENTS) != HERTZ:
        raise RuntimeError("espeak-ng cannot be initialized")
    return library
