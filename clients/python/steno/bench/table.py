"""What was measured, as tables for people. Knows nothing of how it was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from steno.bench.measure import Point
from steno.bench.quantiles import Spread
from steno.bench.report import CLOSE_S, Report


def one(point: Point) -> RenderableType:
    """All of one run."""
    report = point.report
    title = f"{report.at_once} sessions at once, {report.audio_s:,.0f} s of audio, model {report.model or 'unknown'}"
    return Group(Text(title, "bold"), _latency(report), _counts(report), _verdict(point))


def several(points: Sequence[Point], largest: int) -> RenderableType:
    """A row for each number of sessions that was tried."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("sessions", justify="right")
    for name in ("word shown\np50", "\np95, s", "final\np50", "\np95, s", "WER\n%", "CPU\ncores"):
        table.add_column(name, justify="right")
    table.add_column("kept the SLO")
    for point in sorted(points, key=lambda point: point.report.at_once):
        report = point.report
        shown, final = report.latency.word_to_shown, report.latency.endpoint_to_final
        cores = report.usage.cores if report.usage else None
        figures = [shown.p50, shown.p95, final.p50, final.p95, report.accuracy.wer, cores]
        kept = "; ".join(point.missed) or "yes"
        table.add_row(f"{report.at_once}", *map(_number, figures), Text(kept, "red" if point.missed else "green"))
    return Group(table, Text(f"The most sessions that kept it: {largest}", "bold"))


def _latency(report: Report) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("seconds")
    for name in ("p50", "p95", "largest", "count"):
        table.add_column(name, justify="right")
    latency, times = report.latency, report.word_times
    rows: dict[str, Spread] = {
        "speech begins (reference) to first text": latency.onset_to_first_text,
        "speech_started to first text": latency.speech_started_to_first_text,
        "word ends (reference) to shown for good": latency.word_to_shown,
        "word ends (reference) to stable": latency.word_to_stable,
        "speech ends (reference) to final": latency.speech_to_final,
        "speech_ended to final": latency.endpoint_to_final,
        "speech_ended to final, as the server says": latency.endpoint_to_final_told,
    }
    if times:
        rows |= {"start of words off by": times.start, "end of words off by": times.end}
    for name, spread in rows.items():
        table.add_row(name, *map(_number, (spread.p50, spread.p95, spread.largest)), f"{spread.count:,}")
    return table


def _counts(report: Report) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(overflow="fold")
    for name, told in _rows(report):
        table.add_row(name, told)
    return table


def _rows(report: Report) -> Iterator[tuple[str, str]]:
    sessions, accuracy, stability, lost = report.sessions, report.accuracy, report.stability, report.losses
    yield "sessions", f"{sessions.done} of {sessions.asked} to their end"
    yield "refused", _listed(sessions.refused) + _unless_none(sessions.without_retry_after, "without Retry-After")
    yield "broken", _listed(sessions.broken)
    yield "warnings", _listed(report.warnings)
    yield "lost", f"{lost.samples} samples, {lost.segments} segments"
    yield "doubled", f"{lost.strays} events, {lost.overlaps} finals"
    yield "WER of finals", f"{_number(accuracy.wer)} % of {accuracy.words:,} words in {accuracy.files} files"
    if tax := report.tax:
        yield "WER offline", f"{_number(tax.offline_wer)} %"
        yield "lost by streaming", f"{tax.points:+.2f} points, 95 % interval {tax.low:+.2f} to {tax.high:+.2f}"
    yield "normalized erasure", f"{_number(stability.erasure)} words erased for each word of a final"
    yield "UPWR", f"{_number(stability.unstable_words)} words changed or left out for each word of a final"
    yield "stable text revised", f"{stability.revised} times"
    if times := report.word_times:
        yield f"words off by ≤ {CLOSE_S:g} s", f"{times.start_close:.1%} of starts, {times.end_close:.1%} of ends"
    client = report.client
    late = None if client.late_p99 is None else 1000 * client.late_p99
    yield "late sends of client", f"p99 {_number(late)} ms" + _unless_none(client.held, "s held back by the server")
    if usage := report.usage:
        yield "CPU", f"{usage.cores:.2f} cores"
        yield "CPU by audio", f"{usage.workers_cpu:.3f} s of workers, {usage.server_cpu:.3f} s of the server a second"
        yield "memory at most", f"{usage.workers_mb:,.0f} MB of workers, {usage.server_mb:,.0f} MB of the server"


def reasons(report: Report) -> str:
    """Why sessions did not come to their end."""
    return _listed({**report.sessions.refused, **report.sessions.broken})


def _verdict(point: Point) -> Text:
    if not point.missed:
        return Text("The SLO was kept.", "green")
    return Text(f"SLO missed: {'; '.join(point.missed)}", "red")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} × {name}" for name, count in sorted(counts.items())) or "none"


def _unless_none(count: float, what: str) -> str:
    return f", {count:g} {what}" if count else ""
