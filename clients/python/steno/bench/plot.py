"""What was measured, as a picture: how lags are spread, or how they grow with the number of sessions.

Knows nothing of how it was measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from steno.bench.measure import Point
from steno.bench.quantiles import percentile
from steno.bench.slo import Slo

SIZE, DPI = (9, 5), 150
COLOURS = ("tab:blue", "tab:orange", "tab:green", "tab:red", "tab:purple")
ROOM = 2
"""Axes end at so many times the SLO: beyond it a point says no more than that it is far too much."""
SHOWN = 99
"""Percent of each curve."""


def spread(point: Point, path: Path) -> None:
    """Of one run: which share of words, texts and finals came within how many seconds."""
    figure = Figure(figsize=SIZE, dpi=DPI, layout="constrained")
    axes = figure.subplots()
    curves = {
        "word: from its end to shown for good": [lag.shown for lag in point.lags.words],
        "word: from its end to stable": [lag.stable for lag in point.lags.words],
        "final: from the end of speech": [lag.speech for lag in point.lags.finals if lag.speech is not None],
        "final: from the server's endpoint": [lag.endpoint for lag in point.lags.finals],
    }
    for colour, (name, values) in zip(COLOURS, curves.items(), strict=False):
        label = f"{name} ({len(values):,})"
        if values:
            axes.ecdf(values, color=colour, label=label)
        else:
            axes.plot([], [], color=colour, label=label)
    # A few words that are minutes late would squeeze all others into one line.
    if far := [percentile(values, SHOWN) or 0.0 for values in curves.values() if values]:
        axes.set_xlim(right=max(0.1, 1.05 * max(far)))
    report = point.report
    _label(axes, f"{report.at_once} sessions at once, model {report.model or 'unknown'}", "latency (s)", "share (%)")
    axes.legend(loc="lower right", fontsize="small")
    axes.set_yticks([0, 0.25, 0.5, 0.75, 0.95, 1], ["0", "25", "50", "75", "95", "100"])
    figure.savefig(path)


def growth(servers: Mapping[str, Sequence[Point]], slo: Slo, path: Path) -> None:
    """Of several numbers of sessions: the percentiles that the SLO is about, for each server."""
    figure = Figure(figsize=SIZE, dpi=DPI, layout="constrained")
    words, finals = figure.subplots(1, 2)
    for colour, (name, points) in zip(COLOURS, servers.items(), strict=False):
        ordered = sorted(points, key=lambda point: point.report.at_once)
        at = [point.report.at_once for point in ordered]
        shown = [point.report.latency.word_to_shown for point in ordered]
        ended = [point.report.latency.endpoint_to_final for point in ordered]
        for axes, lags in ((words, shown), (finals, ended)):
            axes.plot(at, [_value(lag.p95) for lag in lags], "o-", color=colour, label=f"{name}, p95")
            axes.plot(at, [_value(lag.p50) for lag in lags], "o:", color=colour, label=f"{name}, p50")
    for axes, bar_s, title in (
        (words, slo.word_s, "From a word's end until it is shown for good"),
        (finals, slo.final_s, "From the endpoint to the final"),
    ):
        axes.axhline(bar_s, color="black", linestyle="--", linewidth=1, label=f"SLO: p95 at most {bar_s:g} s")
        axes.set_ylim(0, ROOM * bar_s)
        axes.set_xlim(left=0)
        axes.xaxis.get_major_locator().set_params(integer=True)
        _label(axes, title, "sessions at once", "latency (s)")
        axes.legend(loc="upper left", fontsize="small")
    figure.savefig(path)


def _label(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set(title=title, xlabel=x, ylabel=y)
    axes.grid(alpha=0.3)


def _value(seconds: float | None) -> float:
    return math.nan if seconds is None else seconds
