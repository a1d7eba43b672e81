"""The command `steno-server calibrate`: how a Whisper does with less context on someone's own recordings, and what it
would cost and save to let it; and whether it gains by being told what was said before.

Knows nothing of servers. The recordings are cut as the live service cuts them; where a `refs.jsonl` says what is spoken
in a file, words are counted against that, else against what the model itself hears with all 30 seconds.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import soundfile

from models.agreement import edit_distances, spoken
from models.base import DecodeOptions, Kind, Model, Samples, Word
from models.declaration import CARRIED, Context
from models.redecode import Redecode, Window
from models.registry import ModelSpec
from models.whisper import Whisper, open_whisper
from stream.audio import AudioFormat, Converter
from stream.channel import Channel, Endpoint, Onset, Speech
from vad.endpointer import EndpointOptions

BEHIND_S = (None, 4.0, 2.0, 1.0, 0.5)
"""Contexts that are tried; None is the 30 seconds that every Whisper was trained on."""
FINAL_POINTS, PARTIAL_POINTS = 0.3, 2.0
"""What a shorter context may cost in the words of finals and of partials."""
CARRIES = (0, 8, 16, 24, CARRIED)
"""Tokens of what was said before that are tried."""
CARRY_POINTS = 0.3
"""What they must spare in the words of finals: less is chance, and there is always a risk that they are said again."""
SUFFIXES = {f".{name.lower()}" for name in soundfile.available_formats()}


@dataclass(frozen=True, slots=True)
class Recording:
    """text: what is spoken in it, if anyone knows. utterances: each with the sample it begins at."""

    name: str
    utterances: list[tuple[int, Samples]]
    text: str | None
    language: str | None


@dataclass(frozen=True, slots=True)
class Trial:
    """behind_s: the context. wrong: share of words, of whole utterances and of such as are heard in part. step_s: mean
    time of a step."""

    behind_s: float | None
    finals_wrong: float
    partials_wrong: float
    step_s: float


@dataclass(frozen=True, slots=True)
class CarryTrial:
    """tokens: how many are carried. wrong: share of words, of finals."""

    tokens: int
    wrong: float


def calibrate(spec: ModelSpec, directory: Path) -> Iterator[Trial]:
    """Try all contexts, the longest first. Raises what loading a model does, and ValueError without speech."""
    recordings = list(read(directory))
    if not any(recording.utterances for recording in recordings):
        raise ValueError(f"no speech was found in the recordings of {directory}")
    whisper = open_whisper(spec)
    whole: list[list[str]] = []
    half: list[list[str]] = []
    for behind_s in BEHIND_S:
        trial = whisper.with_context(Context(partial=behind_s, final=behind_s))
        began = time.monotonic()
        finals = [_heard(trial, recording, Kind.FINAL) for recording in recordings]
        steps = sum(len(recording.utterances) for recording in recordings)
        step_s = (time.monotonic() - began) / steps
        partials = [_heard(trial, recording, Kind.PARTIAL) for recording in recordings]
        if behind_s is None:
            half = partials
            whole = [
                _normalized(recording.text) if recording.text is not None else words
                for recording, words in zip(recordings, finals, strict=True)
            ]
        yield Trial(behind_s, _wrong(whole, finals), _wrong(half, partials), step_s)


def advice(trials: Sequence[Trial]) -> Context:
    """The shortest contexts that cost no more than they may."""
    full = trials[0]

    def shortest(points: float, lost: Sequence[float]) -> float | None:
        able = [trial.behind_s for trial, more in zip(trials, lost, strict=True) if 100 * more <= points]
        return min((behind_s for behind_s in able if behind_s is not None), default=None)

    return Context(
        partial=shortest(PARTIAL_POINTS, [trial.partials_wrong for trial in trials]),
        final=shortest(FINAL_POINTS, [trial.finals_wrong - full.finals_wrong for trial in trials]),
    )


def carries(spec: ModelSpec, directory: Path, context: Context) -> Iterator[CarryTrial]:
    """Try how much to tell of what was said before, nothing first; no trials where it isn't known what is spoken.

    Raises what loading a model does.
    """
    recordings = [recording for recording in read(directory) if recording.utterances]
    texts = [_normalized(recording.text) for recording in recordings if recording.text is not None]
    if not texts or len(texts) < len(recordings):
        return
    whisper = open_whisper(spec)
    for tokens in CARRIES:
        model = Redecode(whisper.with_context(context, tokens))
        yield CarryTrial(tokens, _wrong(texts, [_told(model, recording) for recording in recordings]))


def carry_advice(trials: Sequence[CarryTrial]) -> int | None:
    """The tokens to carry, if that was tried."""
    if not trials:
        return None
    best = min(trials, key=lambda trial: trial.wrong)
    return best.tokens if 100 * (trials[0].wrong - best.wrong) >= CARRY_POINTS else 0


def declaration(directory: Path, context: Context, carry_tokens: int | None) -> str:
    """The steno.json that says so, with all else that the directory's own says."""
    path = directory / "steno.json"
    said: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    said |= {"context_s": msgspec.to_builtins(context)}
    if carry_tokens is not None:
        said |= {"carry_tokens": carry_tokens}
    return json.dumps(said, indent=2)


def read(directory: Path) -> Iterator[Recording]:
    """All recordings of a folder, cut into utterances; of several channels the first."""
    rows: dict[str, dict[str, Any]] = {}
    if (refs := directory / "refs.jsonl").is_file():
        rows = {row["file"]: row for row in map(json.loads, refs.read_text().splitlines())}
    for path in sorted(directory.iterdir()):
        if path.suffix.lower() in SUFFIXES:
            samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
            row = rows.get(path.name, {})
            utterances = list(_utterances(np.ascontiguousarray(samples[:, 0]), rate))
            yield Recording(path.name, utterances, row.get("text"), row.get("language"))


def _utterances(samples: Samples, rate: int) -> Iterator[tuple[int, Samples]]:
    converter = Converter(AudioFormat(sample_rate=rate))
    channel = Channel(EndpointOptions())
    audio = [*converter.push(samples.tobytes()), *converter.flush()]
    happenings = [happening for piece in audio for happening in channel.push(piece)] + channel.cut("stop")
    pieces: list[Samples] = []
    start = 0
    for happening in happenings:
        match happening:
            case Onset():
                pieces, start = [], happening.start
            case Speech():
                pieces.append(happening.samples)
            case Endpoint():
                yield start, np.concatenate(pieces)[: happening.last - start]


def _heard(whisper: Whisper, recording: Recording, kind: Kind) -> list[str]:
    """The words of a recording's utterances; for partials, of their first two thirds: speech goes on there."""
    options = _options(recording)
    said: list[str] = []
    for _, samples in recording.utterances:
        sound = whisper.sound()
        sound.push(samples)
        end = len(samples) if kind is Kind.FINAL else len(samples) * 2 // 3
        window = Window(sound=sound, end=min(end, whisper.window), options=options, kind=kind)
        [decoded] = whisper.decode([window])
        said += [spoken(word) for word in decoded.words]
    return said


def _told(model: Model, recording: Recording) -> list[str]:
    """The words of a recording's utterances, each told what the one before hands on."""
    said: list[str] = []
    carry: str | None = None
    heard = 0
    for start, samples in recording.utterances:
        utterance = model.begin(replace(_options(recording), partials=False, pause=start - heard), carry=carry)
        utterance.accept(samples, True)
        utterance.finish(len(samples))
        while not (hypothesis := model.step([utterance])[0]).final:
            pass
        carry, heard = hypothesis.carry, start + len(samples)
        said += [spoken(word) for word in hypothesis.words]
    return said


def _options(recording: Recording) -> DecodeOptions:
    return DecodeOptions(languages=(recording.language,) if recording.language else ())


def _normalized(text: str) -> list[str]:
    return [spoken(Word(word, 0, 1)) for word in text.split()]


def _wrong(references: Sequence[Sequence[str]], heard: Sequence[Sequence[str]]) -> float:
    """Word error rate, pooled."""
    errors = sum(edit_distances(list(right), list(said))[-1] for right, said in zip(references, heard, strict=True))
    return errors / max(1, sum(map(len, references)))
