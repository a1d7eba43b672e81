"""What worker processes use of the machine, as Prometheus metrics; where there is no /proc, there are none.

Knows nothing of what workers do. The server's own process has `prometheus_client.ProcessCollector`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

PROC = Path("/proc")


class Usage(NamedTuple):
    cpu_s: float
    rss_bytes: int


class WorkerUsage(Collector):
    """Sums over the workers that each model has now. CPU time counts anew when one is replaced, as counters may."""

    def __init__(self, proc: Path = PROC) -> None:
        self._proc = proc
        self._pids: dict[str, Callable[[], Iterable[int]]] = {}

    def follow(self, model: str, pids: Callable[[], Iterable[int]]) -> None:
        """Tell of these processes from now on, asking for them whenever metrics are read."""
        self._pids[model] = pids

    def collect(self) -> Iterator[Metric]:
        cpu = CounterMetricFamily("stt_workers_cpu_seconds", "CPU time of a model's workers", labels=["model"])
        memory = GaugeMetricFamily(
            "stt_workers_resident_memory_bytes", "Memory of a model's workers, shared pages in each", labels=["model"]
        )
        for model, pids in self._pids.items():
            if used := [usage for pid in pids() if (usage := read(pid, self._proc))]:
                cpu.add_metric([model], sum(usage.cpu_s for usage in used))
                memory.add_metric([model], sum(usage.rss_bytes for usage in used))
        yield cpu
        yield memory


def read(pid: int, proc: Path = PROC) -> Usage | None:
    """A process's CPU time and memory, by proc(5); None for one that is gone, or without /proc."""
    try:
        stat = (proc / str(pid) / "stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the name before it may hold spaces and brackets
    user, system, pages = (int(fields[place]) for place in (11, 12, 21))
    return Usage((user + system) / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE"))
