"""How much audio the encoder is given for a window: the speech, a model's own measure of silence behind it, and what
fills up the next of a few shapes.

Pure; knows nothing of weights. Encoding costs about as much as it is given, but a Whisper as published was trained on
30 seconds, and hears less well with less; what a model bears is for its directory to say (`declaration.py`).
"""

from __future__ import annotations

from models.base import SAMPLE_RATE, Kind
from models.declaration import Context
from models.features import FRAMES, HOP

SHAPES = (300, 400, 500, 650, 800, 1000, 1300, 2000, FRAMES)
"""Frames that windows have, so that utterances of about equal length share a call. Not 160 or 256: CTranslate2 takes 80
or 128 encoder positions for the features of as many mel bands."""


def frames(samples: int, kind: Kind, context: Context) -> int:
    """The least shape that holds `samples` and what `context` asks for; all 30 s where it asks for nothing else."""
    behind_s = context.partial if kind in (Kind.FIRST, Kind.PARTIAL) else context.final
    if behind_s is None or kind is Kind.RETRY:
        return FRAMES
    wanted = max(samples + behind_s * SAMPLE_RATE, context.least * SAMPLE_RATE) / HOP
    return next((shape for shape in SHAPES if shape >= wanted), FRAMES)
