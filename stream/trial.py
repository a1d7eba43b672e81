"""Has a model decode a clip of speech before it is trusted with anyone's: does it work, what does a step cost, how much
can it do.

Knows nothing of processes and utterances to come.
"""

from __future__ import annotations

import time

from models.base import SAMPLE_RATE, DecodeOptions, Model, Samples
from stream.costs import Costs

CLIP_S = 3
"""As much of the clip as it takes to know that a model works."""
RATE_S = 1.0
"""How long the clip is decoded to see how much a model can do."""
STEPS = 1000
"""More than any model takes for it."""


def pass_through(model: Model, clip: str, costs: Costs) -> None:
    """Decode a clip alone, and as many times at once as a step takes. Raises what the model does, or RuntimeError."""
    samples = _speech(clip)
    for rows in sorted({1, model.card.max_batch}):
        _decode(model, samples, rows, costs)


def rate(model: Model, clip: str, costs: Costs) -> float:
    """Clips that are decoded per second, with as many in a step as it takes."""
    samples, rows, done = _speech(clip), model.card.max_batch, 0
    began = time.monotonic()
    while time.monotonic() < began + RATE_S:
        _decode(model, samples, rows, costs)
        done += rows
    return done / (time.monotonic() - began)


def _speech(clip: str) -> Samples:
    import soundfile

    samples: Samples = soundfile.read(clip, frames=CLIP_S * SAMPLE_RATE, dtype="int16")[0]
    return samples


def _decode(model: Model, samples: Samples, rows: int, costs: Costs) -> None:
    """Bring so many utterances of the same speech to their finals."""
    batch = [model.begin(DecodeOptions()) for _ in range(rows)]
    for utterance in batch:
        utterance.accept(samples, True)
        utterance.finish(len(samples))
    for _ in range(STEPS):
        need = batch[0].need
        began = time.monotonic()
        final = model.step(batch)[0].final
        if need is not None:
            costs.observe(need.key, rows, time.monotonic() - began)
        if final:
            break
    else:
        raise RuntimeError("no final in the trial decode")
    for utterance in batch:
        model.close(utterance)
