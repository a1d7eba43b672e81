"""What a server that nobody talks to takes of memory, by the model it serves."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.benchmarks.figures import Figure, parser, report
from tests.benchmarks.rig import serving
from tests.benchmarks.whisper_cost import build_base

PARENT_MB, WHOLE_MB = 150, 600


def main() -> int:
    chosen = parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = build_base(Path(folder))
        figures = [
            figure
            for name, model in (("scripted", "scripted"), ("pocketsphinx", "pocketsphinx"), ("whisper", str(base)))
            for figure in _measure(name, model)
        ]
    return report(figures, chosen.json)


def _measure(name: str, model: str) -> list[Figure]:
    with serving("--model", model, "--device", "cpu") as server:
        parent, workers = server.parent, server.workers
    return [
        Figure(f"{name}: parent, RSS", parent.rss, "MB", most=PARENT_MB),
        Figure(f"{name}: parent, PSS", parent.shared, "MB"),
        Figure(f"{name}: worker, RSS", workers.rss, "MB"),
        Figure(f"{name}: whole, PSS", parent.shared + workers.shared, "MB", most=WHOLE_MB),
    ]


if __name__ == "__main__":
    sys.exit(main())
