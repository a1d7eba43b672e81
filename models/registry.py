"""Which models there are: names to specs, specs to loaded models.

Knows nothing of how weights get on disk (`weights.py`); imports a model's file only when it is loaded.

A name is one of these, taken in this order:

auto                        the Whisper size that suits the device, else pocketsphinx
pocketsphinx, scripted, scripted-chat
                            models that carry their own weights
base, large-v3-turbo, ...   a Whisper size (`SIZES`, `ALIASES`)
DIRECTORY                   a CTranslate2 Whisper; clients know it by its base name, never by its path
org/name                    a repository on the hub that holds one
voxtral:...                 either of these, with a Voxtral in transformers' layout in it
"""

from __future__ import annotations

import difflib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from models import weights
from models.base import Model, Task
from models.layouts import VOXTRAL, WHISPER, Layout

KINDS = {
    "pocketsphinx": "models.pocketsphinx",
    "scripted": "models.scripted",
    "scripted-chat": "models.scripted_chat",
    "voxtral": "models.voxtral",
    "voxtral_realtime": "models.voxtral_realtime",
    "whisper": "models.whisper",
}
"""A kind's module has `load(spec: ModelSpec) -> Model`."""


@dataclass(frozen=True, slots=True)
class Size:
    """A Whisper size that can be had by name: its hub repository, and about how many MB there are to fetch.

    languages, tasks: those that it was trained for, where they are fewer than it has tokens for.
    """

    repo: str
    mb: int
    languages: tuple[str, ...] | None = None
    tasks: tuple[Task, ...] | None = None


ENGLISH: tuple[str, ...] = ("en",)
TRANSCRIBES: tuple[Task, ...] = ("transcribe",)


SIZES = {
    "tiny": Size("Systran/faster-whisper-tiny", 78),
    "tiny.en": Size("Systran/faster-whisper-tiny.en", 78),
    "base": Size("Systran/faster-whisper-base", 148),
    "base.en": Size("Systran/faster-whisper-base.en", 148),
    "small": Size("Systran/faster-whisper-small", 487),
    "small.en": Size("Systran/faster-whisper-small.en", 487),
    "medium": Size("Systran/faster-whisper-medium", 1530),
    "medium.en": Size("Systran/faster-whisper-medium.en", 1530),
    "large-v1": Size("Systran/faster-whisper-large-v1", 3090),
    "large-v2": Size("Systran/faster-whisper-large-v2", 3090),
    "large-v3": Size("Systran/faster-whisper-large-v3", 3090),
    # It was trained to transcribe alone, and the distilled ones only English, though their tokenizers know it all.
    "large-v3-turbo": Size("mobiuslabsgmbh/faster-whisper-large-v3-turbo", 1620, None, TRANSCRIBES),
    "distil-small.en": Size("Systran/faster-distil-whisper-small.en", 336),
    "distil-medium.en": Size("Systran/faster-distil-whisper-medium.en", 792),
    "distil-large-v2": Size("Systran/faster-distil-whisper-large-v2", 1510, ENGLISH, TRANSCRIBES),
    "distil-large-v3": Size("Systran/faster-distil-whisper-large-v3", 1510, ENGLISH, TRANSCRIBES),
    "distil-large-v3.5": Size("distil-whisper/distil-large-v3.5-ct2", 1510, ENGLISH, TRANSCRIBES),
}
ALIASES = {"large": "large-v3", "turbo": "large-v3-turbo"}
AUTO = {"cpu": "base", "cuda": "large-v3-turbo"}
"""The size that keeps up with live speech: on two CPU cores, or on any CUDA device that Whisper runs on."""

VOXTRALS = {
    "mistralai/Voxtral-Mini-3B-2507": 9_380,
    "mistralai/Voxtral-Small-24B-2507": 48_540,
    "mistralai/Voxtral-Mini-4B-Realtime-2602": 8_880,
}
"""Those that Mistral has published, and about how many MB there are to fetch."""
TORCH = ("torch", "transformers", "mistral_common")
"""What the extra `torch` brings."""

REPO = re.compile(r"\w[\w.-]*/\w[\w.-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """All that a worker needs to load a model. Crosses the process border, so plain values only.

    name:     what clients call it; never a path.
    path:     a directory of weights, None where the kind carries its own.
    device:   "cpu" or "cuda"; compute_type: how numbers are stored, "default" chooses by device.
    threads:  what one step may use.
    languages, tasks: as `Size` has them. What the directory itself declares counts for more.
    slots:    channels that a model with a slot for each is to have room for, None for as many as it can.
    """

    name: str
    kind: str
    path: str | None = None
    device: str = "cpu"
    compute_type: str = "default"
    threads: int = 1
    languages: tuple[str, ...] | None = None
    tasks: tuple[Task, ...] | None = None
    slots: int | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a name stands for. `note` tells the operator why it isn't what they may expect, and what to do."""

    spec: ModelSpec
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A model that can be had by `name`: about how many MB come over the network, and how many are on disk.

    `to_fetch` is None where nothing is fetched or its size isn't known, `on_disk` where nothing is there.
    """

    name: str
    to_fetch: int | None
    on_disk: int | None


class UnknownName(ValueError):
    """Neither a model's name nor a directory nor a hub repository."""


class DuplicateName(ValueError):
    """Two models that clients couldn't tell apart."""


class MissingExtra(ImportError):
    """A model that runs on libraries that only an extra brings."""


class NoCuda(ValueError):
    """CUDA was asked for by name, and there is none."""


def load(spec: ModelSpec) -> Model:
    """Load a model's weights. Raises OSError or ValueError saying what is wrong, ImportError for a library."""
    model: Model = import_module(KINDS[spec.kind]).load(spec)
    return model


def resolve(
    names: Sequence[str],
    *,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    offline: bool = False,
    threads: int = 1,
    compute_type: str = "default",
) -> list[Resolved]:
    """What `names` stand for, in order. Fetches what is not on disk, blocking for as long as that takes.

    With `offline` only what is on disk counts. `device`, `threads` and `compute_type` are for Whisper and Voxtral.
    Raises `weights.WeightsError`, UnknownName, DuplicateName, MissingExtra or NoCuda, saying what to do.
    """
    whisper = ModelSpec(name="", kind="whisper", device=_device(device), compute_type=compute_type, threads=threads)
    resolved = [
        _voxtral(name.removeprefix(VOXTRAL.prefix), whisper, offline)
        if name.startswith(VOXTRAL.prefix)
        else _resolve(name, whisper, offline)
        for name in names
    ]
    for name, count in Counter(each.spec.name for each in resolved).items():
        if count > 1:
            raise DuplicateName(f"{count} models would be called {name!r}: {', '.join(names)}.")
    return resolved


def catalogue() -> list[Listed]:
    """All models that can be had by name, and those of other names that are on disk."""
    on_disk = {each.layout.prefix + each.repo: each.size // 1_000_000 for each in weights.inventory()}
    voxtrals = {VOXTRAL.prefix + repo: mb for repo, mb in VOXTRALS.items()}
    listed = [Listed("pocketsphinx", None, None)]
    listed += [Listed(name, size.mb, on_disk.pop(size.repo, None)) for name, size in SIZES.items()]
    listed += [Listed(name, mb, on_disk.pop(name, None)) for name, mb in voxtrals.items()]
    return listed + [Listed(name, None, mb) for name, mb in on_disk.items()]


def _resolve(name: str, whisper: ModelSpec, offline: bool) -> Resolved:
    """What one name stands for; a Whisper is `whisper` with its name and path filled in."""
    if name == "auto":
        suitable = AUTO[whisper.device]
        try:
            return _resolve(suitable, whisper, offline)
        except weights.WeightsError as error:
            note = (
                f"Running on PocketSphinx, which makes far more mistakes than Whisper: {error}\n"
                f"To get a better model: steno-server models get {suitable}"
            )
            return Resolved(ModelSpec(name="pocketsphinx", kind="pocketsphinx"), note)
    if name in ("pocketsphinx", "scripted", "scripted-chat"):
        return Resolved(ModelSpec(name=name, kind=name))
    size = SIZES.get(ALIASES.get(name, name))
    if size:
        path = _weights(size.repo, offline)
    elif name and (path := Path(name).expanduser().resolve()).is_dir():
        name = path.name
        weights.check(path)
    elif REPO.fullmatch(name):
        path = _weights(name, offline)
        size = next((each for each in SIZES.values() if each.repo == name), None)
    else:
        near = difflib.get_close_matches(name, [*SIZES, *ALIASES, "auto", "pocketsphinx"], n=1)
        hint = f"Did you mean {near[0]!r}?" if near else "`steno-server models` lists those that there are."
        raise UnknownName(f"There is no model {name!r}, nor a directory of that name. {hint}")
    if size:
        whisper = replace(whisper, languages=size.languages, tasks=size.tasks)
    return Resolved(replace(whisper, name=name, path=str(path)))


def _voxtral(name: str, whisper: ModelSpec, offline: bool) -> Resolved:
    """What a name behind `voxtral:` stands for; it runs where a Whisper does. config.json tells the kind."""
    if lacking := [library for library in TORCH if find_spec(library) is None]:
        raise MissingExtra(f"Voxtral needs {', '.join(lacking)}: `pip install '.[torch]'` from Steno's sources.")
    if name and (path := Path(name).expanduser().resolve()).is_dir():
        name = path.name
        weights.check(path, VOXTRAL)
    elif REPO.fullmatch(name):
        path = _weights(name, offline, VOXTRAL)
    else:
        known = " or ".join(VOXTRAL.prefix + repo for repo in VOXTRALS)
        raise UnknownName(f"{name!r} is neither a directory nor a hub id: name {known}, say.")
    try:
        kind = json.loads((path / "config.json").read_bytes())["model_type"]
    except (ValueError, KeyError, TypeError) as error:
        raise weights.Incomplete(f"{path / 'config.json'} doesn't say what model it is of: fetch it again.") from error
    if kind not in ("voxtral", "voxtral_realtime"):
        raise UnknownName(f"{path} holds a model of type {kind!r}, which is no Voxtral.")
    return Resolved(replace(whisper, name=name, kind=kind, path=str(path)))


def _weights(repo: str, offline: bool, layout: Layout = WHISPER) -> Path:
    return weights.find(repo, layout) or weights.fetch(repo, layout, offline=offline)


def _device(wanted: str) -> str:
    if wanted == "cpu":
        return "cpu"
    import ctranslate2  # 2 MB and 60 ms, numpy being there already

    if ctranslate2.get_cuda_device_count() > 0:
        return "cuda"
    if wanted == "cuda":
        raise NoCuda("No CUDA device is to be seen here: try --device cpu.")
    return "cpu"
