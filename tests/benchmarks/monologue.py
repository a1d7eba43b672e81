"""Someone who talks for half an hour without a pause: are words lost, said twice or moved where segments are cut?

Short recordings are joined into one, with 20 to 120 ms from the last word of each to the first word of the next, and
streamed in one session. The folder is one as `accuracy` takes it, with times of words; its clips are taken in a random
order, and again in another one when all had their turn.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np
import soxr

from models import registry
from models.base import SAMPLE_RATE, DecodeOptions, Model
from steno.bench import bootstrap, corpus
from steno.bench.heard import Talk
from steno.bench.losses import losses
from steno.bench.quantiles import percentile
from steno.bench.reference import Span
from steno.bench.stability import revisions
from steno.bench.talk import CHUNK_S, talk
from steno.bench.timing import tokens
from steno.bench.usage import Reading, watch
from steno.bench.wer import normalized
from tests.benchmarks import baselines
from tests.benchmarks.figures import Figure, parser, report
from tests.benchmarks.joined import Joined, join
from tests.benchmarks.rig import serving
from tests.benchmarks.verdicts import judge, places, repeated

CUT_S = 1.0
"""Words this far from a cut are near it."""
SURE_LOSS = 0.3
"""Points that streaming may surely cost (the interval's low end) against the same weights on finals' audio at once.
Clips alone are easier than any offline way to decode a monologue, as nothing tells there where sentences begin."""
APART_S = 1.0
"""A word this far from where it is said is another one that is spelled alike."""
DRIFT_MS, GROWTH_MB = 20, 10
SETTLED_S = 300
"""Audio after which memory counts as settled. It goes up and down with what is decoded, by several MB: compared are the
medians of the first and the last fifth of what follows."""


def main() -> int:
    flags = parser(__doc__)
    flags.add_argument("folder", type=Path)
    flags.add_argument(
        "--model", default="tests/fixtures/whisper-micro", help="a Whisper, as `steno-server serve` takes it"
    )
    flags.add_argument("--language", default="en", help="of the clips that are joined")
    flags.add_argument("--minutes", type=float, default=30.0, help="of audio")
    flags.add_argument("--seed", type=int, default=0, help="of the clips' order and of the pauses")
    flags.add_argument("--speed", type=float, default=1.0, help="times real time")
    chosen = flags.parse_args()
    entries = [entry for entry in corpus.read(chosen.folder) if entry.reference.language == chosen.language]
    joined = join(entries, chosen.minutes * 60, chosen.seed)
    with serving("--model", chosen.model) as server:
        heard, readings = asyncio.run(_stream(server.address, joined, chosen.language, chosen.speed))
    model = registry.load(registry.resolve([chosen.model], offline=True)[0].spec)
    figures = [
        *_session(heard, joined, chosen.speed),
        *_words(
            heard, joined, _offline(model, joined, chosen.language), _at_once(model, joined, heard, chosen.language)
        ),
        *_memory(heard, readings, chosen.speed),
    ]
    return report(figures, chosen.json)


async def _stream(address: str, joined: Joined, language: str, speed: float) -> tuple[Talk, list[Reading]]:
    """The session, and what the server and its workers used, on the event loop's clock."""
    readings: list[Reading] = []
    watching = asyncio.create_task(watch(address, None, readings, asyncio.get_running_loop().time))
    try:
        heard = await talk(
            address, joined.chunks(CHUNK_S), speed=speed, language=language, sample_rate=joined.rate, words=True
        )
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    return heard, readings


def _offline(model: Model, joined: Joined, language: str) -> dict[str, str]:
    return {
        entry.reference.file: baselines.utterance_by_utterance(
            model,
            Path(entry.recording.path),
            [(entry.reference.words[0].start, entry.reference.words[-1].end)],
            language,
        )
        for entry in joined.entries
    }


def _at_once(model: Model, joined: Joined, heard: Talk, language: str) -> list[Span]:
    """Words that the model makes of each final's audio when all of it is there, at times spread over it."""
    audio = soxr.resample(joined.samples, joined.rate, SAMPLE_RATE)
    options = DecodeOptions(languages=(language,), partials=False)
    words = []
    for final in heard.finals:
        span = slice(round(final.start * SAMPLE_RATE), round(final.end * SAMPLE_RATE))
        said = normalized(baselines.decoded(model, audio[span], options))
        times = np.linspace(final.start, final.end, len(said) + 1)
        words += [Span(word, *place) for word, place in zip(said, pairwise(times), strict=True)]
    return words


def _session(heard: Talk, joined: Joined, speed: float) -> list[Figure]:
    assert heard.done
    lost = losses([heard])
    reasons = Counter(segment.ended.reason for segment in heard.segments if segment.ended)
    lengths = [each.ended.at - each.started.at for each in heard.segments if each.ended]
    lags = [partial.lag_ms for segment in heard.segments for partial in segment.partials]
    return [
        Figure("audio", joined.seconds, "s"),
        Figure("times real time", speed),
        Figure("clips, of them different", f"{len(joined.clips)}, {len(joined.entries)}"),
        Figure("client lateness, p99", percentile([1000 * late for late in heard.lateness], 99), "ms"),
        Figure("audio held back by the server", heard.held_s, "s"),
        Figure("warnings", ", ".join(sorted(set(heard.warnings))) or "none"),
        Figure("lag of partials, p95", percentile(lags, 95), "ms"),
        Figure("samples lost or added", lost.samples, most=0),
        Figure("done's audio off", 1000 * abs(heard.done.audio_s - joined.seconds), "ms", most=0.5),
        Figure("segments lost, strays, overlaps", lost.segments + lost.strays + lost.overlaps, most=0),
        Figure("stable text revised", sum(map(revisions, heard.segments)), most=0),
        Figure("segments", len(heard.segments)),
        Figure("segments cut for their length", reasons["max_length"]),
        Figure("segments, median length", percentile(lengths, 50), "s"),
        Figure("segments, longest", max(lengths), "s"),
    ]


# -- words --------------------------------------------------------------------------------------------------------


def _words(heard: Talk, joined: Joined, offline: dict[str, str], at_once: Sequence[Span]) -> list[Figure]:
    said = [token for clip in joined.clips for token in tokens(clip.words)]
    files = [clip.file for clip in joined.clips for _ in tokens(clip.words)]
    finals = [tokens([Span(word.text, word.start, word.end) for word in each.words or ()]) for each in heard.finals]
    verdicts = judge(said, [word for final in finals for word in final])
    streamed, alone = places(verdicts), list(_offline_places(joined, offline))
    whole = places(judge(said, at_once))
    cuts = np.array([segment.ended.at for segment in heard.segments[:-1] if segment.ended])
    middles = np.array([word.middle for word in said])
    near = np.zeros(len(said), bool)
    for cut in cuts:
        near |= np.abs(middles - cut) <= CUT_S
    everywhere = np.ones(len(said), bool)
    same = {verdict.heard for verdict in verdicts if verdict.same}
    numbers = iter(range(len(said) + len(verdicts)))
    wrong = [[next(numbers) not in same for _ in final] for final in finals]
    words = [word for final in finals for word in final]
    errors = [
        (said[v.said].start, words[v.heard].start - said[v.said].start)
        for v in verdicts
        if v.same and v.said is not None and v.heard is not None
    ]
    return [
        Figure("words", len(said)),
        *_compared("finals' audio at once", everywhere, files, streamed, whole, SURE_LOSS),
        *_compared("clips alone", everywhere, files, streamed, alone, None),
        *_compared(f"clips alone, within {CUT_S:g} s of a cut", near, files, streamed, alone, None),
        Figure("words lost", sum(verdict.heard is None for verdict in verdicts)),
        Figure("words added", sum(verdict.said is None for verdict in verdicts)),
        Figure("words repeated at cuts", repeated(finals, wrong), most=0),
        *_drift([(at, off) for at, off in errors if abs(off) <= APART_S], joined.seconds),
    ]


def _offline_places(joined: Joined, offline: dict[str, str]) -> Iterator[int]:
    """Which words are wrong offline, by their places in the whole."""
    first = 0
    for clip in joined.clips:
        said = tokens(clip.words)
        texts = [Span(word, 0, 0) for word in normalized(offline[clip.file])]
        yield from (first + place for place in places(judge(said, texts)))
        first += len(said)


def _compared(
    other: str,
    chosen: np.ndarray,
    files: Sequence[str],
    streamed: Sequence[int],
    offline: Sequence[int],
    sure_loss: float | None,
) -> list[Figure]:
    """Error rates over the chosen words, of finals and of `other`. Clips that are played twice are drawn together."""
    words = Counter(file for file, mine in zip(files, chosen, strict=True) if mine)
    if not words:
        return [Figure(f"WER of {other}", None, "%")]
    wrong, wrong_offline = (Counter(files[at] for at in each if chosen[at]) for each in (streamed, offline))
    low, high = bootstrap.interval(
        [wrong[file] for file in words], [wrong_offline[file] for file in words], list(words.values())
    )
    rate, offline_rate = (100 * count.total() / words.total() for count in (wrong, wrong_offline))
    return [
        Figure(f"WER of {other}", offline_rate, "%"),
        Figure("WER of finals there", rate, "%"),
        Figure(f"WER lost to {other}", rate - offline_rate, "points"),
        Figure(f"WER lost to {other}, 95 % low", low, "points", most=sure_loss),
        Figure(f"WER lost to {other}, 95 % high", high, "points"),
    ]


def _drift(errors: Sequence[tuple[float, float]], seconds: float) -> list[Figure]:
    """errors: when a word is said, and how much later the final says it begins."""
    thirds: list[list[float]] = [[], [], []]
    for at, off in errors:
        thirds[min(2, int(3 * at / seconds))].append(1000 * off)
    medians = [percentile(third, 50) for third in thirds]
    known = [median for median in medians if median is not None]
    return [
        *(
            Figure(f"start of words, median error, {name} third", median, "ms")
            for name, median in zip(("first", "middle", "last"), medians, strict=True)
        ),
        Figure("start of words, largest difference of thirds", max(known) - min(known), "ms", most=DRIFT_MS),
        Figure("start of words, median error either way", percentile([abs(1000 * off) for _, off in errors], 50), "ms"),
    ]


# -- memory -------------------------------------------------------------------------------------------------------


def _memory(heard: Talk, readings: Sequence[Reading], speed: float) -> list[Figure]:
    settled = [each for each in readings if each.at >= heard.began + SETTLED_S / speed]
    if not settled:
        return [Figure("server memory, growth", None, "MB"), Figure("workers' memory, growth", None, "MB")]
    few = -(-len(settled) // 5)
    figures = []
    for whose, used in (
        ("server", [each.server_bytes / 1e6 for each in settled]),
        ("workers'", [each.workers_bytes / 1e6 for each in settled]),
    ):
        first, last = median(used[:few]), median(used[-few:])
        figures += [
            Figure(f"{whose} memory, settled", first, "MB"),
            Figure(f"{whose} memory, growth", last - first, "MB", most=GROWTH_MB),
        ]
    return figures


if __name__ == "__main__":
    sys.exit(main())
