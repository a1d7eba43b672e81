"""How fast recordings become audio, and what the process that decodes them takes: an hour in each of some formats."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import psutil

from models.base import SAMPLE_RATE
from stream.media import CHILD, opened
from tests.benchmarks.figures import Figure, parser, report
from tests.stream.recordings import sound

LEAST = 100
"""Times real time, of one core."""
FORMATS = {
    "wav, 16 kHz": ("wav", "pcm_s16le", 16_000, "mono"),
    "wav, 48 kHz stereo": ("wav", "pcm_s16le", 48_000, "stereo"),
    "flac, 44.1 kHz stereo": ("flac", "flac", 44_100, "stereo"),
    "mp3, 44.1 kHz stereo": ("mp3", "libmp3lame", 44_100, "stereo"),
    "ogg opus, 48 kHz": ("ogg", "libopus", 48_000, "mono"),
    "m4a, 44.1 kHz stereo": ("ipod", "aac", 44_100, "stereo"),
}


def main() -> int:
    arguments = parser(__doc__)
    arguments.add_argument("--minutes", type=int, default=60)
    arguments.add_argument("--formats", nargs="+", choices=FORMATS, default=list(FORMATS), metavar="FORMAT")
    chosen = arguments.parse_args()
    figures = []
    for name in chosen.formats:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "recording"
            _write(path, *FORMATS[name], chosen.minutes)
            figures += asyncio.run(_measure(name, path, chosen.minutes))
    return report(figures, chosen.json)


async def _measure(name: str, path: Path, minutes: int) -> list[Figure]:
    begun, before = time.monotonic(), os.times()
    heard, peak = 0, {"VmHWM": 0, "VmPeak": 0}
    async with opened(path) as recording:
        [child] = [child for child in psutil.Process().children() if CHILD in child.cmdline()]
        async for block in recording:
            heard += block.shape[1]
            if heard % (60 * SAMPLE_RATE) == 0 and child.status() != psutil.STATUS_ZOMBIE:
                peak = _peak(child.pid) or peak
    wall_s, after = time.monotonic() - begun, os.times()
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    ours_s = after.user + after.system - before.user - before.system
    return [
        Figure(f"{name}: off by", heard / SAMPLE_RATE - 60 * minutes, "s", most=0.1),
        Figure(f"{name}: speed, of a core", 60 * minutes / cpu_s, "x", least=LEAST),
        Figure(f"{name}: speed, by the clock", 60 * minutes / wall_s, "x"),
        Figure(f"{name}: CPU time in the server", ours_s, "s"),
        Figure(f"{name}: memory", peak["VmHWM"] / 1024, "MB"),
        Figure(f"{name}: address space", peak["VmPeak"] / 1024, "MB"),
    ]


def _peak(pid: int) -> dict[str, int]:
    """KB."""
    lines = [line.split() for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return {line[0].rstrip(":"): int(line[1]) for line in lines if line[0] in ("VmHWM:", "VmPeak:")}


def _write(path: Path, container: str, codec: str, rate: int, layout: str, minutes: int) -> None:
    heard = np.rint(np.repeat(sound(rate, 60), 2 if layout == "stereo" else 1) * 32767).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(heard.reshape(1, -1), "s16", layout)
    frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
    with av.open(str(path), "w", format=container) as output:
        audio = output.add_stream(codec, rate=rate, layout=layout)
        output.start_encoding()
        cut = av.AudioResampler(audio.codec_context.format, layout, rate, audio.codec_context.frame_size or 4096)
        for minute in range(minutes):
            frame.pts = minute * 60 * rate
            for part in cut.resample(frame):
                output.mux(audio.encode(part))
        for part in (*cut.resample(None), None):
            output.mux(audio.encode(part))


if __name__ == "__main__":
    sys.exit(main())
