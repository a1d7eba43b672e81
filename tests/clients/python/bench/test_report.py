"""A run written down by hand, and all that is told of it."""

import json
from pathlib import Path

import pytest

from steno.bench.corpus import Entry
from steno.bench.document import document
from steno.bench.heard import Talk
from steno.bench.measure import Point
from steno.bench.reference import Reference, Span
from steno.bench.report import Window, lags, report
from steno.bench.run import Attempt, Run
from steno.bench.slo import Slo, missed
from steno.bench.usage import Reading
from steno.errors import ConnectError, IncompleteError, RefusedError, SessionError
from steno.recording import Recording
from tests.clients.python.bench.heard import segment, words
from tests.clients.python.bench.test_losses import done

GOLDEN = Path(__file__).parent / "golden/report.json"

ENTRY = Entry(
    Recording("a.flac", 16_000, 1, 3.0),
    Reference("a.flac", "Good morning.", "en", (Span("Good", 0.5, 1.0), Span("morning.", 1.0, 1.5))),
)
"""A turn of four seconds."""


def heard():
    """Two turns. In the second, "morning" comes with the final only, and that late."""
    first = segment(
        (1.2, "God"),
        (1.6, "Good morning", 4),
        number=0,
        start=0.5,
        end=1.5,
        started_at=0.7,
        ended_at=2.0,
        final="Good morning.",
        final_at=2.1,
        words=words(("Good", 0.55, 1.0), ("morning.", 1.0, 1.9)),
    )
    second = segment(
        (5.5, "Good", 4),
        number=1,
        start=4.5,
        end=5.5,
        started_at=4.8,
        ended_at=6.0,
        final="Good morning.",
        final_at=7.0,
    )
    return [first, second]


def run():
    talk = Talk(
        model="base",
        began=101.0,
        lateness=[0.001, 0.003],
        held_s=0.25,
        sent=128_000,
        durable=128_000,
        segments=heard(),
        warnings=["behind", "behind_over"],
        done=done(128_000, 2),
    )
    refused = RefusedError(503, "overloaded", "all 1 sessions are taken", 10.0)
    silent = RefusedError(503, "overloaded", "all 1 sessions are taken")
    broken = IncompleteError("gone", received=5, durable=0)
    attempts = [Attempt((ENTRY, ENTRY), talk), *(Attempt((ENTRY,), error=each) for each in (refused, silent, broken))]
    return Run(100.0, attempts, [reading(0.0, 0.0), reading(4.0, 3.0), reading(9.0, 8.0)])


def reading(at, audio_s):
    """A server that takes a quarter of a second for each second of audio, most of it in its workers."""
    told = {"server_bytes": 80e6 + at, "workers_bytes": 200e6 - at}
    return Reading(at=at, audio_s=audio_s, server_cpu_s=1 + audio_s * 0.05, workers_cpu_s=5 + audio_s * 0.2, **told)


def told(window=None, offline=None):
    window = window or Window()
    found = lags(run(), window)
    return report(run(), 2, found, window, offline), found


def test_all_figures_of_a_run():
    figures, found = told(offline={"a.flac": "good"})
    point = Point(figures, found, missed(figures, Slo()))
    options = {"sessions": 2, "slo": {"word_s": 2.5}}
    assert json.loads(document(options, None, [point])) == json.loads(GOLDEN.read_text())


def test_only_what_was_said_in_the_window_is_timed():
    figures, found = told(Window(3.0, 9.5))
    assert [lag.at for lag in found.words] == [6.0, 6.5]
    assert figures.latency.endpoint_to_final.count == figures.latency.onset_to_first_text.count == 1
    # Of CPU time the rate counts, and of words every error.
    assert figures.usage.cores == pytest.approx(0.25)
    assert figures.accuracy.words == 4


def test_a_run_keeps_the_slo_or_says_what_it_missed():
    figures, _ = told()
    assert missed(figures, Slo(word_s=1.5, final_s=1.0)) == ["2 refused", "1 broken"]
    assert missed(figures, Slo(word_s=1.4, final_s=0.9))[:2] == [
        "words 1.50 s",
        "finals 1.00 s",
    ]


def test_silence_keeps_no_slo():
    figures = report(Run(0.0), 1, lags(Run(0.0), Window()), Window(), None)
    assert missed(figures, Slo()) == [
        "no words",
        "no finals",
        "no finals, as the server says",
    ]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (SessionError("engine_failed", "died", None, received=1, durable=0), "engine_failed"),
        (IncompleteError("lost", received=1, durable=0), "cut short"),
        (ConnectError("no session at ws://a"), "no session at ws://a"),
    ],
)
def test_broken_sessions_are_counted_by_reason(error, reason):
    failed = Run(0.0, [Attempt((ENTRY,), error=error)] * 2)
    figures = report(failed, 2, lags(failed, Window()), Window(), None)
    assert (figures.sessions.done, figures.sessions.refused, figures.sessions.broken) == (0, {}, {reason: 2})
