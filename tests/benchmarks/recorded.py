"""Recordings handed over whole: are their words those of the model offline, how fast are they, what do they take, and
what does someone who talks meanwhile feel of them?

The folder's recordings are sent joined to a long one, to a server that has just started, then one by one; and, while
one session is measured as `steno bench` does, the long one beside it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import soundfile

from models import registry
from models.base import SAMPLE_RATE
from models.registry import ModelSpec
from steno.bench import bootstrap, corpus, wer
from steno.bench.corpus import Entry
from steno.bench.measure import Workload, measure
from steno.bench.slo import Slo
from tests.benchmarks import baselines, faster_whisper_baseline
from tests.benchmarks.figures import Figure, parser, report
from tests.benchmarks.rig import Server, serving

SURE_LOSS = 0.3
"""Points of word error rate that a file may surely cost: the interval's low end."""
SPEED, ROOM_MB, RISE, RISE_S = 0.9, 150, 1.2, 0.1
"""Of the other pipeline's speed, at least; above idle, and what a live final's p95 may rise to or by, at most."""
ROWS = 8
"""Of the other pipeline's batches: its default."""


def main() -> int:
    flags = parser(__doc__)
    flags.add_argument("--model", required=True, help="what `steno-server serve --model` takes")
    flags.add_argument("--corpus", type=Path, required=True, help="a folder of recordings at 16 kHz with a refs.jsonl")
    flags.add_argument("--hours", type=float, default=2.0, help="of the recording that memory is measured with")
    flags.add_argument("--compared-minutes", type=float, default=20.0, help="of the one that both pipelines are given")
    flags.add_argument("--live-s", type=float, default=60.0, help="how long the live session is measured, each time")
    chosen = flags.parse_args()
    entries = corpus.read(chosen.corpus)
    spec = registry.resolve([chosen.model], device="cpu", offline=True, threads=os.cpu_count() or 1)[0].spec
    with (
        tempfile.TemporaryDirectory() as folder,
        serving("--model", chosen.model, "--device", "cpu", "--data-dir", folder) as server,
    ):
        hours = _joined(entries, 3600 * chosen.hours, Path(folder, "hours.flac"))
        figures = asyncio.run(_memory(server, hours))
        figures += _words(server, spec, entries)
        if spec.kind == "whisper":
            figures += _speed(
                server, spec, _joined(entries, 60 * chosen.compared_minutes, Path(folder, "compared.flac"))
            )
        figures += asyncio.run(_beside(server, entries, hours, chosen.live_s))
    return report(figures, chosen.json)


def _joined(entries: Sequence[Entry], seconds: float, path: Path) -> Path:
    """All recordings one behind the other, over and over, until so much is there."""
    left = round(seconds * SAMPLE_RATE)
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1, "PCM_16") as file:
        for entry in chain.from_iterable(repeat(entries)):
            samples = np.frombuffer(corpus.sound(entry), np.int16)[:left]
            file.write(samples)
            left -= len(samples)
            if not left:
                return path
    return path


def _transcribed(server: Server, path: Path, language: str | None) -> dict[str, Any]:
    form = {"model": "whisper-1", "response_format": "verbose_json"} | ({"language": language} if language else {})
    with path.open("rb") as file:
        answer = httpx.post(
            f"{server.address}/v1/audio/transcriptions", data=form, files={"file": (path.name, file)}, timeout=None
        )
    answer.raise_for_status()
    told: dict[str, Any] = answer.json()
    return told


# -- what is said -------------------------------------------------------------------------------------------------


def _words(server: Server, spec: ModelSpec, entries: Sequence[Entry]) -> list[Figure]:
    offline = baselines.better_offline(spec, entries)
    said = [
        _errors(entry, _transcribed(server, Path(entry.recording.path), entry.reference.language)["text"])
        for entry in entries
    ]
    alone = [_errors(entry, offline[entry.reference.file]) for entry in entries]
    words = [len(entry.reference.said) for entry in entries]
    low, high = bootstrap.interval(said, alone, words)
    return [
        Figure("recordings", len(entries)),
        Figure("words", sum(words)),
        Figure("WER", 100 * sum(said) / sum(words), "%"),
        Figure("WER of the model offline", 100 * sum(alone) / sum(words), "%"),
        Figure("WER lost, 95 % low", low, "points", most=SURE_LOSS),
        Figure("WER lost, 95 % high", high, "points"),
    ]


def _errors(entry: Entry, text: str) -> int:
    return wer.errors(entry.reference.said, wer.normalized(text))


# -- how fast -----------------------------------------------------------------------------------------------------


def _speed(server: Server, spec: ModelSpec, path: Path) -> list[Figure]:
    """Ours and faster-whisper's batched pipeline, in turns, each twice; the better counts."""
    from faster_whisper import BatchedInferencePipeline

    pipeline = BatchedInferencePipeline(faster_whisper_baseline.weights(spec))
    ours, theirs = [], []
    for _ in range(2):
        began = time.monotonic()
        _transcribed(server, path, "en")
        ours.append(time.monotonic() - began)
        began = time.monotonic()
        segments, _ = pipeline.transcribe(str(path), language="en", batch_size=ROWS, beam_size=1)
        for _ in segments:
            pass
        theirs.append(time.monotonic() - began)
    seconds = soundfile.info(path).duration
    return [
        Figure("compared: audio", seconds, "s"),
        Figure("compared: times real time", seconds / min(ours)),
        Figure("compared: faster-whisper, batched, times real time", seconds / min(theirs)),
        Figure("compared: times as fast", min(theirs) / min(ours), least=SPEED),
    ]


# -- what it takes ------------------------------------------------------------------------------------------------


async def _memory(server: Server, path: Path) -> list[Figure]:
    idle = server.parent.shared + server.workers.shared
    began = time.monotonic()
    async with server.watched(0.5) as peaks:
        told = await asyncio.to_thread(_transcribed, server, path, "en")
    took = time.monotonic() - began
    return [
        Figure("long: audio", told["duration"], "s"),
        Figure("long: words", len(told["text"].split())),
        Figure("long: times real time", told["duration"] / took),
        Figure("long: memory when idle", idle, "MB"),
        Figure("long: memory above it, peak", peaks.whole - idle, "MB", most=ROOM_MB),
    ]


# -- who talks meanwhile ------------------------------------------------------------------------------------------


async def _beside(server: Server, entries: Sequence[Entry], path: Path, seconds: float) -> list[Figure]:
    """One session alone, then while the long recording is heard."""
    workload = Workload(entries=entries, options={"words": True}, seconds=seconds, separate=True)
    alone = (await measure(server.address, None, workload, 1, Slo())).report.latency
    hearing = asyncio.create_task(asyncio.to_thread(_transcribed, server, path, "en"))
    beside = (await measure(server.address, None, workload, 1, Slo())).report.latency
    whole = not hearing.done()
    await hearing
    before, after = alone.endpoint_to_final.p95, beside.endpoint_to_final.p95
    bar = None if before is None else max(RISE * before, before + RISE_S)
    return [
        Figure("live: the recording outlasts the session", "yes" if whole else "NO: give it more --hours"),
        Figure("live: endpoint to final, p95, alone", before, "s"),
        Figure("live: endpoint to final, p95, beside a recording", after, "s", most=bar),
        Figure("live: word shown, p95, alone", alone.word_to_shown.p95, "s"),
        Figure("live: word shown, p95, beside a recording", beside.word_to_shown.p95, "s"),
    ]


if __name__ == "__main__":
    sys.exit(main())
