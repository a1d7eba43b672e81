"""What whisper-micro costs once it is widened to the shape of Whisper base, beside a base of random weights."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from huggingface_hub import constants

from models.features import FRAMES
from tests.benchmarks.figures import Figure, parser, report
from tests.benchmarks.whisper_cost import build_base
from tests.micro.vocabulary import FIXTURE
from tests.micro.widen import widened

TOKENS = 30
APART = 10.0
"""Percent by which they may differ."""


def main() -> int:
    flags = parser(__doc__)
    flags.add_argument("--rounds", type=int, default=15, help="each of one model and then the other")
    flags.add_argument("--threads", type=int, default=os.cpu_count())
    chosen = flags.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = widened(FIXTURE, "int8", Path(constants.HF_HOME, "steno")), build_base(Path(folder))
        wide, base = (
            ctranslate2.models.Whisper(str(path), compute_type="int8", intra_threads=chosen.threads) for path in paths
        )
        times = [(_measured(wide), _measured(base)) for _ in range(chosen.rounds + 1)][1:]
    figures = []
    for place, name in enumerate((f"encode {FRAMES} frames", f"generate {TOKENS} tokens")):
        mine, theirs = (statistics.median(pair[which][place] for pair in times) for which in (0, 1))
        figures += [
            Figure(f"{name}, widened", 1000 * mine, "ms"),
            Figure(f"{name}, base", 1000 * theirs, "ms"),
            Figure(f"{name}, widened costs more by", 100 * (mine / theirs - 1), "%", most=APART, least=-APART),
        ]
    return report(figures, chosen.json)


def _measured(model: Any) -> tuple[float, float]:
    """Seconds to encode a window, and to write TOKENS into it."""
    noise = np.random.default_rng(0).normal(0, 0.5, (1, 80, FRAMES)).astype(np.float32)
    began = time.perf_counter()
    encoded = model.encode(ctranslate2.StorageView.from_array(noise))
    between = time.perf_counter()
    # Given tokens cost what chosen ones do, and no model stops before their end.
    prompt = ["<|startoftranscript|>", "<|notimestamps|>", *["a"] * TOKENS]
    model.generate(encoded, [prompt], beam_size=1, max_length=2 * TOKENS)
    return between - began, time.perf_counter() - between


if __name__ == "__main__":
    sys.exit(main())
