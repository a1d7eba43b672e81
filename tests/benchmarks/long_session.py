"""One session of hours, faster than real time: memory must not grow and the clock must stay exact to the sample."""

from __future__ import annotations

import asyncio
import math
import sys
import time
from collections.abc import AsyncIterator

import steno
from tests.benchmarks.figures import Figure, parser, report
from tests.benchmarks.ledger import Ledger
from tests.benchmarks.rig import Server, serving

SETTLED_S = 600
"""Audio after which memory counts as settled."""
GROWTH_MB = 20


def main() -> int:
    flags = parser(__doc__)
    flags.add_argument("--hours", type=float, default=3.0, help="of audio")
    chosen = flags.parse_args()
    one = Ledger(0, 1, spoken=100, pause=10)
    ledger = Ledger(0, math.ceil(chosen.hours * 3600 / one.seconds), one.spoken, one.pause)
    with serving("--model", "scripted") as server:
        figures = asyncio.run(_measure(server, ledger))
    return report(figures, chosen.json)


async def _measure(server: Server, ledger: Ledger) -> list[Figure]:
    memory: list[tuple[float, float]] = []
    heard = wrong = 0
    off = 0.0
    done: steno.Done | None = None
    expected = ledger.words()
    began = time.monotonic()
    async with steno.connect(server.address, mode="file", words=True) as session:
        session.feed(_drawn(ledger))
        async for event in session:
            match event:
                case steno.Final(words=words) if words:
                    for word in words:
                        wrong += heard >= len(expected) or word.text.strip() != expected[heard]
                        off = max(off, abs(word.start - ledger.start(heard)))
                        heard += 1
                    # A reading about every quarter of an hour, and the first as soon as it counts.
                    if event.end > SETTLED_S + 900 * len(memory):
                        memory.append(_memory(server))
                case steno.Done():
                    done = event
    took = time.monotonic() - began
    assert done
    memory.append(_memory(server))
    (parent, workers), (parent_end, workers_end) = memory[0], memory[-1]
    highest = [max(column) for column in zip(*memory, strict=True)]
    return [
        Figure("audio", ledger.seconds, "s"),
        Figure("time", took, "s"),
        Figure("samples too many or too few", abs(done.received - ledger.samples), most=0),
        Figure("words lost, added or moved", wrong + abs(len(expected) - heard), most=0),
        Figure("last word", expected[heard - 1] if heard else None),
        Figure("largest error of a word's start", 1000 * off, "ms", most=0.5),
        Figure("segments", done.segments),
        Figure("parent memory, settled", parent, "MB"),
        Figure("parent memory, growth from there to the end", parent_end - parent, "MB", most=GROWTH_MB),
        Figure("parent memory, highest", highest[0], "MB"),
        Figure("worker memory, settled", workers, "MB"),
        Figure("worker memory, growth from there to the end", workers_end - workers, "MB", most=GROWTH_MB),
        Figure("worker memory, highest", highest[1], "MB"),
    ]


async def _drawn(ledger: Ledger) -> AsyncIterator[bytes]:
    for block in ledger.blocks():
        yield block


def _memory(server: Server) -> tuple[float, float]:
    return server.parent.rss, server.workers.rss


if __name__ == "__main__":
    sys.exit(main())
