"""What `steno bench` does: reads a corpus, measures a server with it, tells what was found.

Knows nothing of exit codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from steno.bench import corpus, plot, table
from steno.bench.document import document
from steno.bench.measure import Point, Workload, find_largest, measure
from steno.bench.plan import RAMP_S
from steno.bench.reference import BadReference, offline_texts
from steno.bench.slo import Slo
from steno.errors import ConnectError
from steno.options import Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The arguments of `steno bench`, see its help. most: to find the largest number of sessions up to that."""

    corpus: Path
    files: Sequence[str] = ()
    sessions: int = 1
    most: int | None = None
    seconds: float | None = None
    separate: bool = False
    ramp_s: float = RAMP_S
    detect: bool = False
    seed: int = 0
    slo: Slo = field(default_factory=Slo)
    offline: Path | None = None
    json: Path | None = None
    plot: Path | None = None


async def bench(url: str, api_key: str | None, options: Options, asked: Asked) -> None:
    """Raises AudioError, BadReference or OSError for the corpus, ConnectError if no session comes to its end."""
    workload = _workload(options, asked)
    points: list[Point] = []

    async def measured(sessions: int) -> Point:
        with Console(stderr=True).status(f"{sessions} at once, in real time …"):
            point = await measure(url, api_key, workload, sessions, asked.slo)
        points.append(point)
        if not any(each.report.sessions.done for each in points):
            raise ConnectError(f"no session came to its end: {table.reasons(point.report)}")
        return point

    if asked.most is None:
        largest = None
        await measured(asked.sessions)
    else:
        largest = await find_largest(measured, first=asked.sessions, most=asked.most)
    _show(points, largest)
    if asked.json:
        asked.json.write_text(document({"url": url, **options, **_plain(asked)}, largest, points), encoding="utf-8")
    if asked.plot:
        _draw(points, asked)


def _workload(options: Options, asked: Asked) -> Workload:
    entries = corpus.read(asked.corpus, files=asked.files, detect=asked.detect)
    if asked.most is not None and not any(entry.reference.words for entry in entries):
        raise BadReference(f"{asked.corpus} has no times of words, which --find-largest judges by")
    offline = None
    if asked.offline:
        offline = offline_texts(asked.offline.read_text(encoding="utf-8").splitlines(), str(asked.offline))
        if missing := {entry.reference.file for entry in entries} - offline.keys():
            raise BadReference(f"{asked.offline} has no text of {', '.join(sorted(missing))}")
    return Workload(
        entries=entries,
        options=options,
        seconds=asked.seconds,
        separate=asked.separate,
        ramp_s=asked.ramp_s,
        seed=asked.seed,
        offline=offline,
    )


def _show(points: Sequence[Point], largest: int | None) -> None:
    console = Console()
    if largest is None:
        console.print(table.one(points[-1]))
        return
    console.print(table.several(points, largest))
    for point in points:
        if point.report.at_once == largest:
            console.print(table.one(point))


def _draw(points: Sequence[Point], asked: Asked) -> None:
    assert asked.plot
    if len(points) == 1:
        plot.spread(points[0], asked.plot)
    else:
        plot.growth({points[0].report.model or "server": points}, asked.slo, asked.plot)


def _plain(asked: Asked) -> dict[str, Any]:
    """As JSON can tell it."""
    return {
        name: str(value) if isinstance(value, Path) else value
        for name, value in asdict(asked).items()
        if name not in ("json", "plot")
    }
