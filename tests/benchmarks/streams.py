"""Many scripted sessions in real time beside a few of PocketSphinx: is all heard, and does the event loop stay free?"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import tempfile
import time
from pathlib import Path

from steno.bench.heard import Talk
from steno.bench.quantiles import percentile
from steno.bench.talk import talk
from stream.engines import CLIP
from tests.benchmarks.clip import looped, speech
from tests.benchmarks.figures import Figure, growth, parser, report, spread
from tests.benchmarks.launch import Callback
from tests.benchmarks.ledger import Ledger
from tests.benchmarks.rig import Server, Usage, serving

RAMP_S = 3.0
"""Sessions begin at random within it: people don't speak in step."""
CALLBACK_MS, LOOP_LAG_MS = 10, 50
GROWTH_MS = 200
"""A minute. A backlog that grows does so by seconds; less is chance."""


def main() -> int:
    flags = parser(__doc__)
    flags.add_argument("--scripted", type=int, default=50, help="sessions of the scripted model")
    flags.add_argument("--pocketsphinx", type=int, default=2, help="sessions of PocketSphinx")
    flags.add_argument("--seconds", type=float, default=60.0, help="how long each talks")
    flags.add_argument("--speech", type=Path, default=CLIP, help="what PocketSphinx hears, over and over")
    chosen = flags.parse_args()

    ledgers = [_ledger(number, chosen.seconds) for number in range(chosen.scripted)]
    with tempfile.TemporaryDirectory() as folder:
        slow = Path(folder) / "slow.json"
        program = ("tests.benchmarks.launch", str(slow))
        names = ["scripted"] * bool(chosen.scripted) + ["pocketsphinx"] * bool(chosen.pocketsphinx)
        arguments = [each for name in names for each in ("--model", name)]
        with serving(*arguments, "--max-sessions", "1000", program=program) as server:
            server.loop_lags()  # the first request of all loads what HTTP needs
            began = time.time()
            figures = asyncio.run(_measure(server, ledgers, chosen.pocketsphinx, chosen.seconds, chosen.speech))
            ended = time.time()
        callbacks = [Callback(**each) for each in json.loads(slow.read_text())]
    callbacks = [each for each in callbacks if began < each.at < ended]
    callbacks.sort(key=lambda each: each.cpu_s)
    figures += [
        Figure(
            f"callbacks over {CALLBACK_MS} ms of CPU",
            sum(1000 * each.cpu_s > CALLBACK_MS for each in callbacks),
            most=0,
        ),
        *(figure for each in callbacks[-1:] for figure in _longest(each)),
    ]
    return report(figures, chosen.json)


def _longest(callback: Callback) -> list[Figure]:
    return [
        Figure("longest callback, CPU", 1000 * callback.cpu_s, "ms"),
        Figure("longest callback, collecting garbage", 1000 * callback.collecting_s, "ms"),
        Figure("longest callback, name", callback.name),
    ]


def _ledger(number: int, seconds: float) -> Ledger:
    one = Ledger(0, 1)
    utterances = max(1, round(seconds / one.seconds))
    return Ledger(first=number * utterances * one.spoken, utterances=utterances)


async def _measure(server: Server, ledgers: list[Ledger], talkers: int, seconds: float, path: Path) -> list[Figure]:
    pick = random.Random(0)
    chunks, format = speech(path)

    async def scripted(ledger: Ledger) -> Talk:
        await asyncio.sleep(pick.uniform(0, RAMP_S))
        return await talk(server.address, ledger.blocks(), model="scripted")

    async def pocketsphinx() -> Talk:
        await asyncio.sleep(pick.uniform(0, RAMP_S))
        return await talk(server.address, looped(chunks, seconds), model="pocketsphinx", **format)

    parent, workers, lags = server.parent, server.workers, server.loop_lags()
    began = time.monotonic()
    async with server.watched() as peaks, asyncio.TaskGroup() as group:
        counting = [group.create_task(scripted(ledger)) for ledger in ledgers]
        talking = [group.create_task(pocketsphinx()) for _ in range(talkers)]
    took = time.monotonic() - began
    parent_used, workers_used = _spent(parent, server.parent, took), _spent(workers, server.workers, took)
    counted, talked = [task.result() for task in counting], [task.result() for task in talking]
    everyone = counted + talked
    lateness = [1000 * late for each in everyone for late in each.lateness]
    wrong = sum(each.text.split() != ledger.words() for each, ledger in zip(counted, ledgers, strict=True))
    return [
        Figure("client lateness, p99", percentile(lateness, 99), "ms"),
        Figure("client lateness, largest", max(lateness), "ms"),
        Figure("scripted sessions", len(counted)),
        Figure("scripted sessions whose words are not exact", wrong, most=0),
        Figure("segments without a final", sum(len(e.segments) - len(e.finals) for e in everyone), most=0),
        Figure("warnings", sum(len(each.warnings) for each in everyone), most=0),
        *(figure for name, talks in (("scripted", counted), ("pocketsphinx", talked)) for figure in _lags(name, talks)),
        Figure("event loop lag, p99 at most", _p99(lags, server.loop_lags()), "ms", most=LOOP_LAG_MS),
        Figure("parent CPU", parent_used, "cores"),
        Figure("workers CPU", workers_used, "cores"),
        Figure("parent memory, peak RSS", peaks.parent, "MB"),
        Figure("whole memory, peak PSS", peaks.whole, "MB"),
    ]


def _lags(name: str, talks: list[Talk]) -> list[Figure]:
    """From the end of speech in the audio to its final at the client."""
    lags = [
        [(segment.last_at, 1000 * (segment.last_at - segment.ended.at)) for segment in each.segments if segment.ended]
        for each in talks
    ]
    if not talks:
        return []
    growths = [grown for each in lags if (grown := growth(each)) is not None]
    return [
        *spread(f"{name}: end of speech to final", [lag for each in lags for _, lag in each]),
        Figure(f"{name}: growth of that", growth([point for each in lags for point in each]), "ms/min", most=GROWTH_MS),
        Figure(f"{name}: growth of that, worst session", max(growths, default=None), "ms/min"),
    ]


def _spent(before: Usage, after: Usage, took: float) -> float:
    return (after.cpu - before.cpu) / took


def _p99(before: dict[float, float], after: dict[float, float]) -> float:
    """Upper bound in ms of the histogram's bucket that the percentile falls into."""
    counts = {bound: after[bound] - before[bound] for bound in after}
    return 1000 * min(bound for bound, count in counts.items() if count >= 0.99 * max(counts.values()))


if __name__ == "__main__":
    sys.exit(main())
