import asyncio

import pytest

from steno.bench.usage import Reading, Usage, parsed, usage, watch

METRICS = """\
# HELP process_cpu_seconds_total Total user and system CPU time spent in seconds.
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 2.5
process_resident_memory_bytes 8.2e+07
stt_audio_received_seconds_total 40.0
stt_workers_cpu_seconds_total{model="base"} 10.5
stt_workers_cpu_seconds_total{model="tiny"} 1.5
stt_workers_resident_memory_bytes{model="base"} 2e+08
stt_workers_resident_memory_bytes{model="tiny"} 1e+08
stt_decode_seconds_bucket{le="0.05",model="base"} 7.0
"""


def reading(at, **changes):
    told = {"server_cpu_s": 0, "workers_cpu_s": 0, "audio_s": 0, "server_bytes": 0, "workers_bytes": 0}
    return Reading(at=at, **(told | changes))


def test_metrics_are_summed_over_models():
    assert parsed(METRICS, 3.0) == Reading(
        at=3.0, server_cpu_s=2.5, workers_cpu_s=12.0, audio_s=40.0, server_bytes=82e6, workers_bytes=300e6
    )


def test_a_server_that_tells_less_tells_nothing():
    assert parsed("process_cpu_seconds_total 2.5\n", 0) is None
    assert parsed("<html>", 0) is None


def test_what_is_used_is_told_for_each_second_of_audio():
    readings = [
        reading(10, server_cpu_s=1, workers_cpu_s=5, audio_s=100, server_bytes=70e6, workers_bytes=300e6),
        reading(15, server_cpu_s=2, workers_cpu_s=9, audio_s=150, server_bytes=90e6, workers_bytes=280e6),
        reading(20, server_cpu_s=3, workers_cpu_s=15, audio_s=180, server_bytes=80e6, workers_bytes=290e6),
    ]
    assert usage(readings) == Usage(server_cpu=2 / 80, workers_cpu=10 / 80, cores=1.2, server_mb=90, workers_mb=300)


def test_nothing_is_told_where_nothing_was_heard():
    assert usage([]) is None
    assert usage([reading(1)]) is None
    assert usage([reading(1, audio_s=5), reading(2, audio_s=5)]) is None


async def watched(server, status, body):
    """Readings of a server that answers so, and the first request."""
    requests, readings = [], []
    asked = asyncio.Event()

    def answer(connection, request):
        requests.append(request)
        if len(requests) > 1:
            asked.set()
        return connection.respond(status, body)

    async with server(None, process_request=answer) as url:
        watching = asyncio.create_task(watch(f"{url}/v1/stream", "k3y", readings, lambda: 7.0))
        await asyncio.wait((watching, waiting := asyncio.create_task(asked.wait())), return_when="FIRST_COMPLETED")
        for task in (watching, waiting):
            task.cancel()
        await asyncio.gather(watching, waiting, return_exceptions=True)
    return readings, requests[0]


async def test_a_server_is_asked_again_and_again(server, monkeypatch):
    monkeypatch.setattr("steno.bench.usage.EVERY_S", 0.01)
    readings, request = await watched(server, 200, METRICS)
    assert (request.path, request.headers["Authorization"]) == ("/metrics", "Bearer k3y")
    assert readings[0] == parsed(METRICS, 7.0)


@pytest.mark.parametrize(("status", "body"), [(404, "nothing here"), (401, "no key"), (200, "<html>")])
async def test_a_server_without_metrics_is_not_asked_again(server, status, body):
    assert (await watched(server, status, body))[0] == []
