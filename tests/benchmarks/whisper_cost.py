"""What one live stream of a Whisper of base shape costs. Its weights are random, and cost what trained ones do."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from steno.bench.quantiles import percentile
from steno.bench.talk import CHUNK_S, talk
from stream.engines import CLIP
from tests.benchmarks import cadence
from tests.benchmarks.clip import looped, speech
from tests.benchmarks.figures import Figure, growth, parser, report, spread
from tests.benchmarks.rig import Server, serving
from tests.models.random_whisper import CODES, build

GAP_MS, WHOLE_MB = 1500, 600
GROWTH_MS = 200
"""A minute; see `streams`."""


def main() -> int:
    flags = parser(__doc__)
    flags.add_argument("--speech", type=Path, default=CLIP, help="a file of speech")
    flags.add_argument("--seconds", type=float, help="of it, over and over if need be; by default all of it, once")
    flags.add_argument("--threads", type=int, default=os.cpu_count(), help="of a decoding step")
    chosen = flags.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = build_base(Path(folder))
        with serving("--model", str(base), "--device", "cpu", "--threads", str(chosen.threads)) as server:
            figures = asyncio.run(_measure(server, chosen.speech, chosen.seconds))
    return report(figures, chosen.json)


def build_base(folder: Path) -> Path:
    """A model directory, named as Whisper base's own would be, int8."""
    return build(folder / "base", quantization="int8", width=512, heads=8, layers=6, words=50_000, languages=CODES[:99])


async def _measure(server: Server, path: Path, seconds: float | None) -> list[Figure]:
    chunks, format = speech(path)
    seconds = seconds or len(chunks) * CHUNK_S
    parent, workers = server.parent, server.workers
    async with server.watched() as peaks:
        heard = await talk(server.address, looped(chunks, seconds), **format)
    parent_used, workers_used = server.parent.cpu - parent.cpu, server.workers.cpu - workers.cpu
    partials = [
        (at, partial.lag_ms)
        for segment in heard.segments
        for at, partial in zip(segment.partials_at, segment.partials, strict=True)
    ]
    return [
        Figure("audio", seconds, "s"),
        Figure("client lateness, p99", percentile([1000 * late for late in heard.lateness], 99), "ms"),
        Figure("warnings", ", ".join(sorted(set(heard.warnings))) or "none"),
        *cadence.partials(heard.segments, GAP_MS),
        *spread("lag of partials", [lag for _, lag in partials]),
        Figure("growth of that", growth(partials), "ms/min", most=GROWTH_MS),
        *cadence.finals(heard.segments),
        Figure("worker CPU", workers_used / seconds, "cores"),
        Figure("parent CPU", parent_used / seconds, "cores"),
        Figure("parent memory, peak RSS", peaks.parent, "MB"),
        Figure("whole memory, peak PSS", peaks.whole, "MB", most=WHOLE_MB),
    ]


if __name__ == "__main__":
    sys.exit(main())
