"""steno/bench/table.py and plot.py: a run written down by hand, for people"""

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from steno.bench import plot, table
from steno.bench.measure import Point
from steno.bench.report import Window, lags, report
from steno.bench.run import Run
from steno.bench.slo import Slo, missed
from tests.clients.python.bench.test_report import told


@pytest.fixture
def point():
    figures, found = told(offline={"a.flac": "good"})
    return Point(figures, found, missed(figures, Slo()))


@pytest.fixture
def nothing():
    """A point at which no session came to its end."""
    run = Run(0.0)
    figures = report(run, 8, lags(run, Window()), Window(), None)
    return Point(figures, lags(run, Window()), missed(figures, Slo()))


def printed(shown, width=80):
    console = Console(width=width, file=StringIO())
    console.print(shown)
    return console.file.getvalue()


def test_one_run_is_told_whole(point):
    lines = printed(table.one(point)).splitlines()
    assert lines[0] == "2 sessions at once, 1 s of audio, model base"
    told = {line[:44].strip(): line[44:].split() for line in lines}
    assert told["word ends (reference) to shown for good"] == ["0.50", "1.50", "1.50", "4"]
    for part in (
        "1 of 4 to their end",
        "2 × 503 overloaded, 1 without Retry-After",
        "1 × cut short",
        "0.00 % of 4 words in 1 files",
        "-50.00 points, 95 % interval -50.00 to -50.00",
        "p99 3.00 ms, 0.25 s held back by the server",
        "0.22 cores",
        "SLO missed: finals 1.00 s; 2 refused; 1 broken",
    ):
        assert sum(part in line for line in lines) == 1, part
    assert max(map(len, lines)) <= 80


def test_a_run_that_kept_all_says_so(point):
    assert "The SLO was kept." in printed(table.one(replace(point, missed=[])))


def test_what_was_not_measured_is_a_dash(nothing):
    shown = printed(table.one(nothing))
    assert "model unknown" in shown
    assert "- % of 0 words" in shown


def test_several_runs_are_a_row_each_in_order_of_sessions(point, nothing):
    shown = printed(table.several([nothing, point], 2), width=200)
    rows = [line.split()[0] for line in shown.splitlines() if line.strip()[:1].isdigit()]
    assert rows == ["2", "8"]
    assert "The most sessions that kept it: 2" in shown
    assert "no words" in shown


@pytest.mark.parametrize("several", [False, True])
def test_a_picture_is_drawn(point, nothing, several, tmp_path):
    path = tmp_path / "picture.png"
    if several:
        plot.growth({"ours": [nothing, point], "theirs": [point]}, Slo(), path)
    else:
        plot.spread(point, path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_nothing_can_be_drawn_too(nothing, tmp_path):
    plot.spread(nothing, tmp_path / "empty.png")
    assert (tmp_path / "empty.png").exists()
