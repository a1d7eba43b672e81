"""Recordings streamed in real time: what is heard rightly, how it is cut into utterances, when it is shown.

The folder holds a `refs.jsonl` with a row a file: `file`, `text`, and where known `words` [{word, start, end}] and
`utterances` [{start, end, text}], in seconds.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from tests.benchmarks import cadence, wer
from tests.benchmarks.figures import Figure, parser, percentile, report, spread
from tests.benchmarks.rig import Server, serving
from tests.benchmarks.talk import Talk, speech, talk

APART_S, PAUSE_S = 0.8, 0.4
"""Utterances this far from both neighbours want a final of their own; a pause shorter than that ends none."""
TOUCH_S = 0.1
"""Finals and utterances that overlap by less don't: reference times are no better."""
GAP_MS, FINAL_MS, CORES = 500, 1000, 0.4
WER_LOSS, OWN_FINALS = 3.0, 95.0
"""Points that streaming may cost against the whole file at once; percent."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Recording:
    path: Path
    row: Row
    heard: Talk

    @property
    def name(self) -> str:
        return self.path.name


def main() -> int:
    flags = parser(__doc__)
    flags.add_argument("folder", type=Path)
    flags.add_argument("files", nargs="*", help="some of the folder's files; by default all")
    flags.add_argument("--model", default="pocketsphinx", help="what `steno-server serve --model` takes")
    flags.add_argument("--parallel", type=int, default=2, help="files streamed at once")
    chosen = flags.parse_args()
    rows = [json.loads(line) for line in (chosen.folder / "refs.jsonl").read_text().splitlines()]
    rows = [row for row in rows if not chosen.files or row["file"] in chosen.files]
    with serving("--model", chosen.model) as server:
        recordings, figures = asyncio.run(_stream(server, chosen.folder, rows, chosen.parallel))
    _print_files(recordings)
    baseline = _default_decoder(recordings) if chosen.model == "pocketsphinx" else None
    heard = [*_text(recordings, baseline), *_utterances(recordings), *_times(recordings)]
    return report(heard + figures, chosen.json)


async def _stream(server: Server, folder: Path, rows: list[Row], parallel: int) -> tuple[list[Recording], list[Figure]]:
    """All recordings, and what hearing them cost."""
    places = asyncio.Semaphore(parallel)

    async def one(row: Row) -> Recording:
        path = folder / row["file"]
        chunks, format = speech(path)
        async with places:
            return Recording(path, row, await talk(server.address, chunks, **format))

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


def _errors(recordings: list[Recording], texts: list[str]) -> float:
    """Pooled word error rate in percent."""
    references = [wer.normalized(recording.row["text"]) for recording in recordings]
    wrong = sum(wer.errors(reference, wer.normalized(text)) for reference, text in zip(references, texts, strict=True))
    return 100 * wrong / sum(map(len, references))


def _text(recordings: list[Recording], baseline: list[str] | None) -> list[Figure]:
    streamed = _errors(recordings, [recording.heard.text for recording in recordings])
    figures = [
        Figure("files", len(recordings)),
        Figure("words", sum(len(wer.normalized(recording.row["text"])) for recording in recordings)),
        Figure("WER of finals, pooled", streamed, "%"),
    ]
    if baseline:
        whole = _errors(recordings, baseline)
        figures += [
            Figure("WER of the default decoder on whole files", whole, "%"),
            Figure("WER lost by streaming", streamed - whole, "points", most=WER_LOSS),
        ]
    return figures


def _default_decoder(recordings: list[Recording]) -> list[str]:
    """What PocketSphinx as it comes makes of whole files."""
    from pocketsphinx import Decoder

    decoder = Decoder(loglevel="FATAL")
    texts = []
    for recording in recordings:
        samples, rate = soundfile.read(recording.path, dtype="int16", always_2d=True)
        samples = soxr.resample(samples.mean(axis=1).astype(np.int16), rate, 16_000)
        decoder.start_utt()
        decoder.process_raw(samples.tobytes(), full_utt=True)
        decoder.end_utt()
        hypothesis = decoder.hyp()
        texts.append(hypothesis.hypstr if hypothesis else "")
    return texts


def _print_files(recordings: list[Recording]) -> None:
    for recording in recordings:
        rate = _errors([recording], [recording.heard.text])
        print(f"{recording.name:<30} WER {rate:5.1f} %, {len(recording.heard.segments)} segments")


# -- utterances ---------------------------------------------------------------------------------------------------


def _utterances(recordings: list[Recording]) -> list[Figure]:
    apart, own = 0, 0
    for recording in recordings:
        spans = [(each["start"], each["end"]) for each in recording.row.get("utterances", [])]
        finals = [(final.start, final.end) for final in recording.heard.finals]
        for number, span in enumerate(spans):
            others = spans[:number] + spans[number + 1 :]
            if any(other[0] - APART_S < span[1] and span[0] < other[1] + APART_S for other in others):
                continue
            apart += 1
            mine = [final for final in finals if _touch(final, span)]
            if mine and not any(_touch(final, other) for final in mine for other in others):
                own += 1
            else:
                print(f"{recording.name}: no final of its own: {span[0]:.2f} to {span[1]:.2f} s, {len(mine)} shared")
    aligned = [recording for recording in recordings if recording.row.get("words")]
    splits = sum(map(_print_splits, aligned)) if aligned else None
    lengths = sum(s.ended.reason == "max_length" for r in recordings for s in r.heard.segments if s.ended)
    return [
        Figure(f"utterances {APART_S} s apart", apart),
        Figure("of these with a final of their own", 100 * own / apart if apart else None, "%", least=OWN_FINALS),
        Figure(f"splits inside a pause under {PAUSE_S} s, see above", splits, most=0),
        Figure("segments cut for their length", lengths),
    ]


def _touch(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return min(one[1], other[1]) - max(one[0], other[0]) > TOUCH_S


def _print_splits(recording: Recording) -> int:
    """List endpoints that lie where the reference has hardly a pause, with what can tell a wrong reference: how long
    it was quiet there, and how quiet."""
    words = recording.row["words"]
    samples, rate = soundfile.read(recording.path, dtype="float64", always_2d=True)

    def level(start: float, end: float) -> float:
        piece = samples[int(start * rate) : int(end * rate)]
        return float(10 * np.log10(np.mean(piece**2) + 1e-10)) if len(piece) else 0.0

    found = 0
    for before, after in pairwise(recording.heard.segments):
        if before.ended is None or before.ended.reason != "endpoint":
            continue
        middle = (before.ended.at + after.started.at) / 2
        for left, right in pairwise(words):
            if left["start"] + left["end"] <= 2 * middle < right["start"] + right["end"]:
                pause = right["start"] - left["end"]
                if pause < PAUSE_S:
                    found += 1
                    quiet = after.started.at - before.ended.at
                    print(
                        f"{recording.name}: split at {middle:.2f} s between {left['word']!r} and {right['word']!r}: "
                        f"pause {1000 * pause:.0f} ms in the reference, {1000 * quiet:.0f} ms by VAD, "
                        f"at {level(before.ended.at, after.started.at):.0f} dB; its words "
                        f"{level(left['start'], left['end']):.0f} and {level(right['start'], right['end']):.0f} dB"
                    )
    return found


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
