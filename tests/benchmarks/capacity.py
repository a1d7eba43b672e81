"""How many sessions at once keep the SLO on our server, and on one that decodes as most servers do; and twice as many.

All run here, one after the other, on the same recordings; only the model differs, or how much context it is given.
Streaming's own errors are counted against the better of two texts made offline with the same weights.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from models import registry
from models.registry import ModelSpec
from steno.bench import corpus, plot, table
from steno.bench.document import document
from steno.bench.measure import Point, Workload, find_largest, measure
from steno.bench.report import Latency, Report
from steno.bench.slo import Slo
from tests.benchmarks import baselines, faster_whisper_baseline
from tests.benchmarks.figures import Figure, parser, report
from tests.benchmarks.rig import serving

OURS, PADDED, THEIRS = "steno", "steno, windows of 30 s", "faster-whisper"
RATIOS = {OURS: 8, PADDED: 2}
"""Times as many sessions as on the other server."""
SURE_LOSS = 0.3
"""Points of word error rate that streaming may surely cost: the interval's low end."""


@dataclass(frozen=True, slots=True)
class Search:
    """What was tried on a server, and the most sessions that kept the SLO."""

    largest: int
    points: list[Point]

    @property
    def best(self) -> Point | None:
        """The largest that kept it."""
        return next((point for point in self.points if point.report.at_once == self.largest), None)


def main() -> int:
    chosen = _flags().parse_args()
    slo = Slo(word_s=chosen.slo_word_s, final_s=chosen.slo_final_s)
    entries = corpus.read(chosen.corpus)
    cores = os.cpu_count() or 1
    spec = registry.resolve([chosen.model], device="cpu", offline=True, threads=cores)[0].spec
    whisper = spec.kind == "whisper"
    if chosen.padded and not whisper:
        raise SystemExit(f"--padded is for a Whisper: {chosen.model} has no windows")
    offline = baselines.better_offline(spec, entries) if whisper else None
    # A session each, since no model offline hears how one recording ends and the next begins.
    workload = Workload(
        entries=entries, options={"words": True}, seconds=chosen.seconds, separate=True, offline=offline
    )
    serve = ("--model", chosen.model, "--device", "cpu")
    searches = {OURS: _search(serve, ("stream",), workload, slo, chosen.most)}
    if chosen.padded:
        with _padded(spec) as path:
            searches[PADDED] = _search(("--model", path, "--device", "cpu"), ("stream",), workload, slo, chosen.most)
    if whisper:
        program = (faster_whisper_baseline.MODULE,)
        alone = ("--replicas", "1", "--threads", str(cores))
        searches[THEIRS] = _search((*serve, *alone), program, workload, slo, chosen.most)
    figures = [figure for name, search in searches.items() for figure in _figures(name, search)]
    figures += _ratio(searches)
    if chosen.overload and searches[OURS].largest:
        figures += _overload(serve, workload, slo, searches[OURS].largest)
    _show(searches)
    if chosen.plot:
        plot.growth({name: search.points for name, search in searches.items()}, slo, chosen.plot)
    status = report(figures, None)
    if chosen.json:
        chosen.json.write_text(_document(vars(chosen), searches, figures))
    return status


def _flags() -> argparse.ArgumentParser:
    flags = parser(__doc__)
    flags.add_argument("--model", required=True, help="what `steno-server serve --model` takes")
    flags.add_argument("--corpus", type=Path, required=True, help="a folder of recordings with a refs.jsonl")
    flags.add_argument("--seconds", type=float, default=60.0, help="how long each number of sessions is measured")
    flags.add_argument("--most", type=int, default=64, help="sessions to try")
    flags.add_argument("--slo-word-s", type=float, default=2.5, help="p95, from a word's end until shown for good")
    flags.add_argument("--slo-final-s", type=float, default=0.8, help="p95, from the endpoint to the final")
    flags.add_argument("--padded", action="store_true", help="also give every window 30 s, as with no steno.json")
    flags.add_argument("--overload", action="store_true", help="also try twice as many as were found")
    flags.add_argument("--plot", type=Path, metavar="FILE.png", help="draw both there")
    return flags


def _search(serve: Sequence[str], program: Sequence[str], workload: Workload, slo: Slo, most: int) -> Search:
    points: list[Point] = []
    # Seats enough also for who opens the next session before the server has noticed the end of the last.
    with serving(*serve, "--max-sessions", str(2 * most), program=program) as server:

        async def measured(sessions: int) -> Point:
            points.append(await measure(server.address, None, workload, sessions, slo))
            print(f"{program[0]}: {sessions} sessions: {'; '.join(points[-1].missed) or 'kept'}", file=sys.stderr)
            return points[-1]

        largest = asyncio.run(find_largest(measured, first=1, most=most))
    return Search(largest, points)


@contextmanager
def _padded(spec: ModelSpec) -> Iterator[str]:
    """The model's directory, but that it says nothing of context."""
    assert spec.path
    with TemporaryDirectory() as directory:
        for file in Path(spec.path).iterdir():
            (Path(directory) / file.name).symlink_to(file)
        declared = Path(directory) / "steno.json"
        if declared.exists():
            said = json.loads(declared.read_text())
            said.pop("context_s", None)
            declared.unlink()
            declared.write_text(json.dumps(said))
        yield directory


# -- what is told -------------------------------------------------------------------------------------------------


def _figures(name: str, search: Search) -> list[Figure]:
    figures = [Figure(f"{name}: most sessions that keep the SLO", search.largest)]
    ours = name == OURS
    alone = next((point for point in search.points if point.report.at_once == 1), None)
    if alone:
        figures += _alone(f"{name}, 1", alone.report.latency, bars=ours)
    for point in [alone, search.best] if ours and search.best is not alone else [alone]:
        if point:
            figures += _steadiness(f"{name}, {point.report.at_once}", point.report, bars=ours)
    if search.best:
        figures += _at_most(f"{name}, {search.largest}", search.best.report)
    return figures


def _alone(name: str, latency: Latency, *, bars: bool) -> list[Figure]:
    """Of one session. bars: whether there are any."""
    told = (
        ("onset to first text, p50", latency.onset_to_first_text.p50, 0.7),
        ("word shown, p50", latency.word_to_shown.p50, 0.8),
        ("word shown, p95", latency.word_to_shown.p95, 1.6),
        ("endpoint to final, p50", latency.endpoint_to_final.p50, 0.05),
        ("endpoint to final, p95", latency.endpoint_to_final.p95, 0.4),
    )
    return [Figure(f"{name}: {what}", value, "s", most=bar if bars else None) for what, value, bar in told]


def _steadiness(name: str, told: Report, *, bars: bool) -> list[Figure]:
    stability, times, tax = told.stability, told.word_times, told.tax
    rows: list[tuple[str, float | None, str, float | None, float | None]] = [
        ("WER of finals", told.accuracy.wer, "%", None, None),
        ("WER lost by streaming", tax.points if tax else None, "points", None, None),
        ("WER lost by streaming, 95 % low", tax.low if tax else None, "points", SURE_LOSS, None),
        ("WER lost by streaming, 95 % high", tax.high if tax else None, "points", None, None),
        ("stable text revised", stability.revised, "times", 0, None),
        ("words erased for each word of a final", stability.erasure, "", 0.2, None),
        ("words changed for each word of a final", stability.unstable_words, "", 0.1, None),
        ("start of words off, p50", times.start.p50 if times else None, "s", 0.08, None),
        ("end of words off, p50", times.end.p50 if times else None, "s", 0.08, None),
        ("starts within 0.25 s", 100 * times.start_close if times else None, "%", None, 95),
        ("ends within 0.25 s", 100 * times.end_close if times else None, "%", None, 95),
    ]
    return [
        Figure(f"{name}: {what}", value, unit, most=most if bars else None, least=least if bars else None)
        for what, value, unit, most, least in rows
    ]


def _at_most(name: str, told: Report) -> list[Figure]:
    """At the most sessions that keep the SLO."""
    latency = told.latency
    figures = [
        Figure(f"{name}: word shown, p50", latency.word_to_shown.p50, "s"),
        Figure(f"{name}: word shown, p95", latency.word_to_shown.p95, "s"),
        Figure(f"{name}: word stable, p50", latency.word_to_stable.p50, "s"),
        Figure(f"{name}: endpoint to final, p95", latency.endpoint_to_final.p95, "s"),
        Figure(f"{name}: true end of speech to final, p50", latency.speech_to_final.p50, "s"),
    ]
    if told.usage:
        cpu = told.usage.server_cpu + told.usage.workers_cpu
        figures.append(Figure(f"{name}: CPU for a second of audio", cpu, "s"))
    return figures


def _ratio(searches: dict[str, Search]) -> list[Figure]:
    """Where the other server can't keep it with 1, ours are to keep it with as many as if it could, or, if each window
    is given 30 s, with 1."""
    if THEIRS not in searches:
        return []
    if theirs := searches[THEIRS].largest:
        name, bars = f"sessions for each that {THEIRS} keeps it with", RATIOS
    else:
        name, bars = f"sessions, where {THEIRS} does not keep it with 1", RATIOS | {PADDED: 1}
    return [
        Figure(f"{ours}: {name}", searches[ours].largest / max(1, theirs), least=least)
        for ours, least in bars.items()
        if ours in searches
    ]


def _overload(serve: Sequence[str], workload: Workload, slo: Slo, largest: int) -> list[Figure]:
    """Twice as many as there is room for: those who get in are served as ever, the others are told to come again.

    Once as many are let in as were found, all coming at the same time; once the server has to find out by itself, and
    they come one a second.
    """
    gradually = replace(workload, ramp_s=2.0 * largest)
    return [
        *_twice("twice, as many seats", (*serve, "--max-sessions", str(largest)), workload, slo, largest),
        *_twice("twice, seats by measure", serve, gradually, slo, largest),
    ]


def _twice(name: str, serve: Sequence[str], workload: Workload, slo: Slo, largest: int) -> list[Figure]:
    with serving(*serve) as server:
        told = asyncio.run(measure(server.address, None, workload, 2 * largest, slo)).report
    refused = told.sessions.refused
    clean = sum(count for reason, count in refused.items() if reason.startswith("503 "))
    return [
        Figure(f"{name}: came", told.sessions.asked),
        Figure(f"{name}: let in, and served to the end", told.sessions.done),
        Figure(f"{name}: refused with 503", clean),
        Figure(f"{name}: refused otherwise", sum(refused.values()) - clean, most=0),
        Figure(f"{name}: refused without Retry-After", told.sessions.without_retry_after, most=0),
        Figure(f"{name}: broken", sum(told.sessions.broken.values()), most=0),
        Figure(f"{name}: endpoint to final, p95", told.latency.endpoint_to_final.p95, "s", most=slo.final_s),
        Figure(f"{name}: word shown, p95", told.latency.word_to_shown.p95, "s"),
    ]


def _show(searches: dict[str, Search]) -> None:
    console = Console()
    for name, search in searches.items():
        console.print(name, style="bold")
        console.print(table.several(search.points, search.largest))
        if search.best:
            console.print(table.one(search.best))


def _document(chosen: dict[str, object], searches: dict[str, Search], figures: Sequence[Figure]) -> str:
    options = {name: str(value) if isinstance(value, Path) else value for name, value in chosen.items()}
    told = {name: json.loads(document(options, search.largest, search.points)) for name, search in searches.items()}
    return json.dumps({**told, "figures": {figure.name: figure.value for figure in figures}}, indent=2) + "\n"


if __name__ == "__main__":
    sys.exit(main())
