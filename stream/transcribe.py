"""The command `steno-server transcribe`: recordings to texts and subtitles, on this machine and without a server.

Uses the same decoding, models and formats as the server's routes; knows nothing of those.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TextIO

from models.base import SAMPLE_RATE, Task
from stream.admission import check
from stream.engine import Engine, EngineOptions
from stream.engines import ModelOptions, build
from stream.errors import BadRequest, StreamError
from stream.hearing import Hearing
from stream.media_messages import MediaLimits
from stream.metrics import Metrics
from stream.rest.answer import Answer, respond
from stream.rest.request import TranscriptionRequest, Upload

LONGEST_S = 7 * 24 * 3600.0
"""One's own recordings may last."""
WIDTH = 30
ENDINGS = {"text": "txt", "srt": "srt", "vtt": "vtt", "json": "json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscribeOptions:
    format: Literal["text", "srt", "vtt", "json"] = field(
        default="text", metadata={"help": "what to write; json has segments and words with their times"}
    )
    language: str | None = field(default=None, metadata={"help": "code of the language that is spoken"})
    task: Task = field(default="transcribe", metadata={"help": "translate: into English"})
    prompt: str | None = field(default=None, metadata={"help": "what was said before, or how names are written"})
    output: str | None = field(
        default=None, metadata={"help": "folder to write a file into for each recording, in place of standard output"}
    )


def run(files: Sequence[Path], options: TranscribeOptions, models: ModelOptions) -> int:
    """Transcribe them one after another; 1 if one could not be. Raises what `build` and `Engine.start` do, and
    BadRequest for options that don't go together."""
    written = _written(files, options)
    logging.getLogger("steno").setLevel(logging.WARNING)
    return asyncio.run(_run(written, options, models))


def _written(files: Sequence[Path], options: TranscribeOptions) -> dict[Path, Path | None]:
    """Where each recording's text goes; None: to standard output."""
    if options.output is None:
        if len(files) > 1 and options.format in ("srt", "vtt"):
            raise BadRequest(f"several recordings make no {options.format} file", hint="name a folder with --output")
        return dict.fromkeys(files)
    folder = Path(options.output)
    written: dict[Path, Path | None] = {file: folder / f"{file.stem}.{ENDINGS[options.format]}" for file in files}
    if len(set(written.values())) < len(written):
        raise BadRequest("two of the recordings have the same name", hint="write them into different folders")
    folder.mkdir(parents=True, exist_ok=True)
    return written


async def _run(written: dict[Path, Path | None], options: TranscribeOptions, models: ModelOptions) -> int:
    metrics = Metrics()
    engines, notes = build(replace(models, model=models.model[:1]), EngineOptions(), metrics)
    for note in notes:
        print(f"steno-server: {note}", file=sys.stderr)
    [engine] = engines.values()
    failed = False
    try:
        await engine.start()
        asked = TranscriptionRequest(
            source=Upload(),
            dialect="mistral",
            languages=() if options.language is None else (options.language,),
            task=options.task,
            prompt=options.prompt,
            granularities=("segment", "word"),
            format=options.format,
        )
        check(asked.options(engine.name), engine)
        for file, target in written.items():
            try:
                text = await _transcribed(file, asked, engine, metrics)
                if target is None:
                    sys.stdout.buffer.write(text if text.endswith(b"\n") else text + b"\n")
                    sys.stdout.buffer.flush()
                else:
                    target.write_bytes(text)
            except (StreamError, OSError) as error:
                failed = True
                print(f"steno-server: {file}: {error}", file=sys.stderr)
    finally:
        await engine.stop()
    return int(failed)


async def _transcribed(file: Path, asked: TranscriptionRequest, engine: Engine, metrics: Metrics) -> bytes:
    hearing = Hearing(file, asked.options(engine.name), engine, metrics, MediaLimits(max_audio_s=LONGEST_S))
    said = []
    with Bar(file.name, sys.stderr) as bar:
        async with aclosing(hearing.finals()) as finals:
            async for final in finals:
                said.append(final)
                bar.show(final.end / SAMPLE_RATE, hearing.claimed_s)
    return respond(Answer(asked, engine.name, tuple(said), hearing.duration))[1]


class Bar:
    """How far a recording has come, on a terminal; nothing where there is none."""

    def __init__(self, name: str, out: TextIO) -> None:
        self._name = name
        self._out = out
        self._began = time.monotonic()
        self._shown = 0

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self._draw("")

    def show(self, done_s: float, whole_s: float | None) -> None:
        """Seconds of it that are done, and how many there are, if that is known."""
        pace = done_s / max(1e-3, time.monotonic() - self._began)
        if whole_s:
            share = min(1.0, done_s / whole_s)
            bar = "█" * round(WIDTH * share) + "·" * (WIDTH - round(WIDTH * share))
            self._draw(f"{self._name} {bar} {share:4.0%}  {_clock(done_s)} of {_clock(whole_s)}  {pace:.1f}x")
        else:
            self._draw(f"{self._name} {_clock(done_s)}  {pace:.1f}x")

    def _draw(self, line: str) -> None:
        if self._out.isatty():
            print("\r" + line.ljust(self._shown), end="\r" if not line else "", file=self._out, flush=True)
            self._shown = len(line)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"
