"""Audio pushed as fast as the protocol allows to a model that decodes at twice real time: all of it must be heard."""

from __future__ import annotations

import asyncio
import math
import sys
import time

from steno.bench.talk import talk
from tests.benchmarks.figures import Figure, parser, report
from tests.benchmarks.ledger import Ledger
from tests.benchmarks.rig import Server, serving

PACE = 0.5
"""Seconds of decoding for each second of audio."""


def main() -> int:
    flags = parser(__doc__)
    flags.add_argument("--minutes", type=float, default=10.0, help="of audio")
    flags.add_argument("--mode", action="append", choices=("live", "file"), help="of the session; by default both")
    chosen = flags.parse_args()
    # Without pauses: what is silent costs the model nothing.
    ledger = Ledger(0, math.ceil(chosen.minutes * 6), spoken=100, pause=0)
    figures: list[Figure] = []
    with serving("--model", "scripted") as server:
        for mode in dict.fromkeys(chosen.mode or ("live", "file")):
            figures += asyncio.run(_measure(server, ledger, mode))
    return report(figures, chosen.json)


async def _measure(server: Server, ledger: Ledger, mode: str) -> list[Figure]:
    idle, began = server.parent, time.monotonic()
    async with server.watched(every_s=0.5) as peaks:
        heard = await talk(server.address, ledger.blocks(), paced=False, mode=mode, prompt=f"slow={PACE}")
    took = time.monotonic() - began
    assert heard.done
    return [
        Figure(f"{mode}: audio", ledger.seconds, "s"),
        Figure(f"{mode}: time", took, "s"),
        Figure(f"{mode}: time by audio", took / ledger.seconds, "", most=PACE * 1.2),
        Figure(f"{mode}: samples too many or too few", abs(heard.done.received - ledger.samples), most=0),
        Figure(f"{mode}: words lost, added or moved", _differing(heard.text.split(), ledger.words()), most=0),
        Figure(f"{mode}: segments", len(heard.segments)),
        Figure(f"{mode}: warnings", ", ".join(sorted(set(heard.warnings))) or "none"),
        Figure(f"{mode}: parent memory before, RSS", idle.rss, "MB"),
        Figure(f"{mode}: parent memory, peak RSS", peaks.parent, "MB"),
        Figure(f"{mode}: parent CPU", server.parent.cpu - idle.cpu, "s"),
    ]


def _differing(words: list[str], expected: list[str]) -> int:
    places = sum(word != due for word, due in zip(words, expected, strict=False))
    return places + abs(len(words) - len(expected))


if __name__ == "__main__":
    sys.exit(main())
