"""Recordings streamed in real time: what is heard rightly, how it is cut into utterances, when it is shown.

The folder holds a `refs.jsonl` with a row a file: `file`, `text` (empty where nobody speaks), and where known
`language`, `words` [{word, start, end}] and `utterances` [{start, end, text}], in seconds.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from models import registry
from models.registry import ModelSpec
from steno.bench import bootstrap
from steno.bench.quantiles import percentile
from steno.bench.talk import talk
from tests.benchmarks import baselines, cadence, placement
from tests.benchmarks.clip import speech
from tests.benchmarks.figures import Figure, parser, report, spread
from tests.benchmarks.recording import Recording, Row
from tests.benchmarks.rig import Server, serving

GAP_MS, FINAL_MS, CORES = 500, 1000, 0.4
WER_LOSS, SURE_LOSS = 3.0, 0.3
"""Points that streaming may cost against PocketSphinx's default decoder on whole files, and that it may surely cost
(the interval's low end) against the same weights on utterances alone."""


def main() -> int:
    flags = parser(__doc__)
    flags.add_argument("folder", type=Path)
    flags.add_argument("files", nargs="*", help="some of the folder's files; by default all")
    flags.add_argument("--model", default="pocketsphinx", help="what `steno-server serve --model` takes")
    flags.add_argument("--parallel", type=int, default=2, help="files streamed at once")
    flags.add_argument("--language", choices=("row", "detect"), default="row", help="the row's, where it has one")
    chosen = flags.parse_args()
    rows = [json.loads(line) for line in (chosen.folder / "refs.jsonl").read_text().splitlines()]
    rows = [row for row in rows if not chosen.files or row["file"] in chosen.files]
    if chosen.language == "detect":
        rows = [row | {"language": None} for row in rows]
    with serving("--model", chosen.model) as server:
        recordings, figures = asyncio.run(_stream(server, chosen.folder, rows, chosen.parallel))
    spec = registry.resolve([chosen.model], offline=True)[0].spec
    offline = _offline(spec, recordings)
    _print_files(recordings, offline)
    heard = [*_text(recordings, offline, spec.kind), *placement.figures(recordings), *_times(recordings)]
    return report(heard + figures, chosen.json)


async def _stream(server: Server, folder: Path, rows: list[Row], parallel: int) -> tuple[list[Recording], list[Figure]]:
    """All recordings, and what hearing them cost."""
    places = asyncio.Semaphore(parallel)

    async def one(row: Row) -> Recording:
        path = folder / row["file"]
        chunks, format = speech(path)
        async with places:
            return Recording(path, row, await talk(server.address, chunks, language=row.get("language"), **format))

    parent, workers, began = server.parent, server.workers, time.monotonic()
    async with server.watched() as peaks:
        recordings = await asyncio.gather(*map(one, rows))
    seconds = sum(recording.heard.done.audio_s for recording in recordings if recording.heard.done)
    lateness = [1000 * late for recording in recordings for late in recording.heard.lateness]
    return recordings, [
        Figure("client lateness, p99", percentile(lateness, 99), "ms"),
        Figure("streams at once, mean", seconds / (time.monotonic() - began)),
        Figure("worker CPU per stream", (server.workers.cpu - workers.cpu) / seconds, "cores"),
        Figure("server CPU per stream", _spent(server, parent.cpu + workers.cpu) / seconds, "cores", most=CORES),
        Figure("parent memory, peak RSS", peaks.parent, "MB"),
        Figure("whole memory, peak PSS", peaks.whole, "MB"),
    ]


def _spent(server: Server, before: float) -> float:
    return server.parent.cpu + server.workers.cpu - before


# -- words --------------------------------------------------------------------------------------------------------


def _offline(spec: ModelSpec, recordings: list[Recording]) -> list[str] | None:
    """The texts that the finals' are measured by."""
    match spec.kind:
        case "pocketsphinx":
            return [baselines.default_decoder(recording.path) for recording in recordings]
        case "whisper":
            model = registry.load(spec)
            return [
                baselines.utterance_by_utterance(model, each.path, each.utterances, each.row.get("language"))
                for each in recordings
            ]
        case _:
            return None


def _text(recordings: list[Recording], offline: list[str] | None, kind: str) -> list[Figure]:
    words = [len(recording.said) for recording in recordings]
    streamed = [recording.errors(recording.heard.text) for recording in recordings]
    figures = [
        Figure("files", len(recordings)),
        Figure("words", sum(words)),
        Figure("WER of finals, pooled", _rate(streamed, words), "%"),
    ]
    if not offline or not any(words):
        return figures
    whole = [recording.errors(text) for recording, text in zip(recordings, offline, strict=True)]
    lost = 100 * (sum(streamed) - sum(whole)) / sum(words)
    low, high = bootstrap.interval(streamed, whole, words)
    if kind == "whisper":
        name, bar, sure_bar = "the same weights on utterances alone", None, SURE_LOSS
    else:
        name, bar, sure_bar = "the default decoder on whole files", WER_LOSS, None
    return [
        *figures,
        Figure(f"WER of {name}", _rate(whole, words), "%"),
        Figure("WER lost by streaming", lost, "points", most=bar),
        Figure("WER lost by streaming, 95 % interval, low", low, "points", most=sure_bar),
        Figure("WER lost by streaming, 95 % interval, high", high, "points"),
    ]


def _rate(wrong: Sequence[int], words: Sequence[int]) -> float | None:
    """Pooled word error rate in percent; None where nothing was said."""
    return 100 * sum(wrong) / sum(words) if any(words) else None


def _print_files(recordings: list[Recording], offline: list[str] | None) -> None:
    for number, recording in enumerate(recordings):
        wrong = f"{recording.errors(recording.heard.text)} streamed"
        if offline:
            wrong += f", {recording.errors(offline[number])} offline"
        print(
            f"{recording.name:<30} {len(recording.said)} words, wrong {wrong}; {len(recording.heard.segments)} segments"
        )


# -- times --------------------------------------------------------------------------------------------------------


def _times(recordings: list[Recording]) -> list[Figure]:
    segments = [segment for recording in recordings for segment in recording.heard.segments]
    ended = [delay for recording in recordings for delay in _true_delays(recording)]
    return [
        *cadence.partials(segments, GAP_MS),
        *cadence.finals(segments, FINAL_MS),
        *spread("true end of speech to final", ended),
    ]


def _true_delays(recording: Recording) -> Iterator[float]:
    """Milliseconds from the end of the last word, by the reference, to the final at the client."""
    words = recording.row.get("words", [])
    for segment in recording.heard.segments:
        if segment.final and segment.ended and segment.ended.reason == "endpoint":
            said = [word["end"] for word in words if word["start"] + word["end"] < 2 * segment.ended.at]
            if said and said[-1] > segment.started.at:
                yield 1000 * (segment.last_at - said[-1])


if __name__ == "__main__":
    sys.exit(main())
