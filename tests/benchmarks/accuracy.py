"""Recordings streamed in real time: what is heard rightly, how it is cut into utterances, when it is shown.

The folder holds a `refs.jsonl` with a row a file: `file`, `text` (empty where nobody speaks), and where known
`language`, `words` [{word, start, end}] and `utterances` [{start, end, text}], in seconds.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from models import registry
from models.registry import ModelSpec
from steno.bench import corpus
from steno.bench.accuracy import accuracy, tax
from steno.bench.corpus import Entry
from steno.bench.quantiles import percentile
from steno.bench.talk import CHUNK_S, talk
from steno.bench.timing import final_lags
from tests.benchmarks import baselines, cadence, placement
from tests.benchmarks.figures import Figure, parser, report, spread
from tests.benchmarks.recording import Recording
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
    entries = corpus.read(chosen.folder, files=chosen.files, detect=chosen.language == "detect")
    with serving("--model", chosen.model) as server:
        recordings, figures = asyncio.run(_stream(server, entries, chosen.parallel))
    spec = registry.resolve([chosen.model], offline=True)[0].spec
    offline = _offline(spec, recordings)
    _print_files(recordings, offline)
    heard = [*_text(recordings, offline, spec.kind), *placement.figures(recordings), *_times(recordings)]
    return report(heard + figures, chosen.json)


async def _stream(server: Server, entries: Sequence[Entry], parallel: int) -> tuple[list[Recording], list[Figure]]:
    """All recordings, and what hearing them cost."""
    places = asyncio.Semaphore(parallel)

    async def one(entry: Entry) -> Recording:
        language, rate = entry.kind
        chunks = list(entry.recording.chunks(CHUNK_S))
        async with places:
            heard = await talk(server.address, chunks, language=language, sample_rate=rate)
        return Recording(Path(entry.recording.path), entry.reference, heard)

    parent, workers, began = server.parent, server.workers, time.monotonic()
    async with server.watched() as peaks:
        recordings = await asyncio.gather(*map(one, entries))
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


def _offline(spec: ModelSpec, recordings: list[Recording]) -> dict[str, str] | None:
    """The texts, by file, that the finals' are measured by."""
    match spec.kind:
        case "pocketsphinx":
            return {each.reference.file: baselines.default_decoder(each.path) for each in recordings}
        case "whisper":
            model = registry.load(spec)
            return {
                each.reference.file: baselines.utterance_by_utterance(
                    model, each.path, each.utterances, each.reference.language
                )
                for each in recordings
            }
        case _:
            return None


def _text(recordings: list[Recording], offline: dict[str, str] | None, kind: str) -> list[Figure]:
    plays = [recording.play for recording in recordings]
    streamed = accuracy(plays)
    figures = [
        Figure("files", streamed.files),
        Figure("words", streamed.words),
        Figure("WER of finals, pooled", streamed.wer, "%"),
    ]
    if not offline or not (cost := tax(plays, offline)):
        return figures
    if kind == "whisper":
        name, bar, sure_bar = "the same weights on utterances alone", None, SURE_LOSS
    else:
        name, bar, sure_bar = "the default decoder on whole files", WER_LOSS, None
    return [
        *figures,
        Figure(f"WER of {name}", cost.offline_wer, "%"),
        Figure("WER lost by streaming", cost.points, "points", most=bar),
        Figure("WER lost by streaming, 95 % interval, low", cost.low, "points", most=sure_bar),
        Figure("WER lost by streaming, 95 % interval, high", cost.high, "points"),
    ]


def _print_files(recordings: list[Recording], offline: dict[str, str] | None) -> None:
    for recording in recordings:
        wrong = f"{recording.errors(recording.heard.text)} streamed"
        if offline:
            wrong += f", {recording.errors(offline[recording.reference.file])} offline"
        words, segments = len(recording.reference.said), len(recording.heard.segments)
        print(f"{recording.name:<30} {words} words, wrong {wrong}; {segments} segments")


# -- times --------------------------------------------------------------------------------------------------------


def _times(recordings: list[Recording]) -> list[Figure]:
    segments = [segment for recording in recordings for segment in recording.heard.segments]
    ended = [1000 * lag.speech for each in recordings for lag in final_lags(each.play) if lag.speech is not None]
    return [
        *cadence.partials(segments, GAP_MS),
        *cadence.finals(segments, FINAL_MS),
        *spread("true end of speech to final", ended),
    ]


if __name__ == "__main__":
    sys.exit(main())
