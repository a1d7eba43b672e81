"""Recordings in which nobody speaks, and digital silence: no word may be shown, and hearing them should cost little.

Each file is a sound of its own, by its name, repeated until all sounds together last `--minutes`; one after the other,
in real time, in a session each, so that CPU time is that sound's alone.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice, repeat
from pathlib import Path

from steno.bench import wer
from steno.bench.heard import Talk
from steno.bench.talk import CHUNK_S, talk
from steno.recording import describe
from tests.benchmarks.figures import Figure, parser, report
from tests.benchmarks.rig import Server, serving

SILENCE = "silence"
STEADY, CORES, STEADY_CORES = re.compile("silence|white|pink|hum"), 0.25, 0.03
"""Sounds that a voice detector alone should tell from speech by their names, and what they and others may cost."""


@dataclass(frozen=True, slots=True)
class Sound:
    """PCM that goes on for ever, and its samples a second and channels."""

    name: str
    chunks: Iterator[bytes]
    sample_rate: int = 16_000
    channels: int = 1


def main() -> int:
    flags = parser(__doc__)
    flags.add_argument("folder", type=Path, help="of files that soundfile reads")
    flags.add_argument(
        "--model", default="tests/fixtures/whisper-micro", help="what `steno-server serve --model` takes"
    )
    flags.add_argument("--vad", default="webrtc", choices=("webrtc", "silero"))
    flags.add_argument("--language", default="en", help="a code, or `detect`")
    flags.add_argument("--minutes", type=float, default=10.0, help="of audio, all sounds together")
    flags.add_argument("--costly", action="append", default=["babble"], help="a sound whose CPU has no bar")
    chosen = flags.parse_args()
    # A number of seats, since a server that finds out by itself refuses whoever comes right behind babble.
    with serving("--model", chosen.model, "--replicas", "1", "--threads", "1", "--max-sessions", "2") as server:
        figures = asyncio.run(_measure(server, chosen))
    return report(figures, chosen.json)


async def _measure(server: Server, chosen: argparse.Namespace) -> list[Figure]:
    sounds = [*map(_recorded, sorted(path for path in chosen.folder.iterdir() if path.suffix in (".flac", ".wav")))]
    sounds.append(Sound(SILENCE, repeat(bytes(int(2 * CHUNK_S * 16_000)))))
    count = max(1, round(60 * chosen.minutes / len(sounds) / CHUNK_S))
    figures: list[Figure] = []
    shown = 0
    for sound in sounds:
        before = server.parent.cpu, server.workers.cpu
        heard = await talk(
            server.address,
            islice(sound.chunks, count),
            sample_rate=sound.sample_rate,
            channels=sound.channels,
            language=None if chosen.language == "detect" else chosen.language,
            endpointing={"vad": chosen.vad},
        )
        seconds = heard.sent / sound.sample_rate
        now = server.parent.cpu, server.workers.cpu
        cores = [(after - earlier) / seconds for after, earlier in zip(now, before, strict=True)]
        most = None if sound.name in chosen.costly else STEADY_CORES if STEADY.fullmatch(sound.name) else CORES
        figures += [
            Figure(f"{sound.name}: audio", seconds, "s"),
            Figure(f"{sound.name}: words in partials", _in_partials(heard), most=0),
            Figure(f"{sound.name}: words in finals", len(wer.normalized(heard.text)), most=0),
            Figure(f"{sound.name}: segments suppressed", sum(segment.final is None for segment in heard.segments)),
            Figure(f"{sound.name}: CPU, server and workers", sum(cores), "cores", most=most),
            Figure(f"{sound.name}: CPU, server", cores[0], "cores"),
        ]
        shown += _in_partials(heard) + len(wer.normalized(heard.text))
    return [*figures, Figure("words shown, all sounds", shown, most=0)]


def _recorded(path: Path) -> Sound:
    recording = describe(str(path))
    chunks = chain.from_iterable(recording.chunks(CHUNK_S) for _ in repeat(None))
    return Sound(path.stem, chunks, recording.sample_rate, recording.channels)


def _in_partials(heard: Talk) -> int:
    """The most words that each segment showed before its end, all together."""
    shown = ([len(wer.normalized(partial.text)) for partial in segment.partials] for segment in heard.segments)
    return sum(max(words, default=0) for words in shown)


if __name__ == "__main__":
    sys.exit(main())
