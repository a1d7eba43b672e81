from __future__ import annotations

import os
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from stream.usage import PROC, WorkerUsage, read

STAT = "{pid} (python (x) y) S 1 4 4 0 -1 4194560 9 0 0 0 {user} {system} 0 0 20 0 3 0 812 91 {pages} 18 1 1 0 0\n"
"""proc(5): the 14th and 15th fields are CPU time in ticks, the 24th is memory in pages."""
TICK, PAGE = 1 / os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """What the kernel tells of processes 7 and 8."""
    for pid, user, system, pages in ((7, 250, 50, 1000), (8, 100, 0, 500)):
        (tmp_path / str(pid)).mkdir()
        stat = STAT.format(pid=pid, user=user, system=system, pages=pages)
        (tmp_path / str(pid) / "stat").write_text(stat)
    return tmp_path


def told(usage: WorkerUsage, model: str) -> tuple[float | None, float | None]:
    registry = CollectorRegistry()
    registry.register(usage)
    value = registry.get_sample_value
    labels = {"model": model}
    return value("stt_workers_cpu_seconds_total", labels), value("stt_workers_resident_memory_bytes", labels)


def test_a_models_workers_are_summed(proc: Path):
    usage = WorkerUsage(proc)
    usage.follow("base", lambda: [7, 8])
    usage.follow("tiny", lambda: [8])
    assert told(usage, "base") == (pytest.approx(400 * TICK), 1500 * PAGE)
    assert told(usage, "tiny") == (pytest.approx(100 * TICK), 500 * PAGE)


def test_the_workers_are_those_of_now(proc: Path):
    usage, pids = WorkerUsage(proc), [7]
    usage.follow("base", lambda: pids)
    assert told(usage, "base")[1] == 1000 * PAGE
    pids[:] = [8]
    assert told(usage, "base")[1] == 500 * PAGE


def test_nothing_is_told_of_what_is_gone(proc: Path):
    usage = WorkerUsage(proc)
    usage.follow("base", lambda: [9])
    assert told(usage, "base") == (None, None)


@pytest.mark.skipif(not PROC.exists(), reason="no /proc here")
def test_this_process_is_read_as_the_system_counts_it():
    used = read(os.getpid())
    assert used
    assert used.cpu_s == pytest.approx(sum(os.times()[:2]), abs=0.5)
    assert 10e6 < used.rss_bytes < 10e9
