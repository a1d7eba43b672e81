"""From the models an operator names to engines that decode with them.

Knows nothing of sessions.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from models import registry
from models.registry import ModelSpec
from stream.engine import Engine, EngineOptions, Layout
from stream.metrics import Metrics

CLIP = Path(__file__).parent / "assets" / "demo.flac"
"""Speech that every model is tried on before it is called ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    model: tuple[str, ...] = field(
        default=("auto",),
        metadata={
            "help": "a model to serve: auto, pocketsphinx, a Whisper size, a hub id or a directory, or `voxtral:` with "
            "one of the latter two; may be given several times, the first is the default"
        },
    )
    device: Literal["auto", "cpu", "cuda"] = field(default="auto", metadata={"help": "where Whisper and Voxtral run"})
    compute_type: str = field(
        default="default",
        metadata={
            "help": "how weights are stored: by default Whisper's as int8 on a CPU and float16 on CUDA, Voxtral's as "
            "float32 and bfloat16"
        },
    )
    threads: int | None = field(
        default=None, metadata={"help": "threads of one Whisper step on a CPU (default: what serves best, by measure)"}
    )
    replicas: int | None = field(
        default=None,
        metadata={
            "help": "worker processes of each model (default: of PocketSphinx one a core, four at most; of Whisper on "
            "a CPU what serves best, by measure; else one)"
        },
    )
    slots: int | None = field(
        default=None,
        metadata={
            "help": "channels that Voxtral Realtime has room for, each in memory of its own (default: as many as fit "
            "and can be decoded in time, by measure)"
        },
    )

    def __post_init__(self) -> None:
        for name in ("threads", "replicas", "slots"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ValueError(f"{name} must be above 0, not {value}")

    offline: bool = field(default=False, metadata={"help": "never fetch weights: only what is on disk counts"})


def build(options: ModelOptions, engine: EngineOptions, metrics: Metrics) -> tuple[dict[str, Engine], list[str]]:
    """Engines by model name, not yet started, and what the operator should know about them; fetches weights.

    Raises what `registry.resolve` raises, and ValueError for an option that no model makes use of.
    """
    resolved = registry.resolve(
        options.model,
        device=options.device,
        offline=options.offline,
        threads=options.threads or os.cpu_count() or 1,
        compute_type=options.compute_type,
    )
    if options.slots is not None and all(each.spec.kind != "voxtral_realtime" for each in resolved):
        raise ValueError("slots are for Voxtral Realtime, and no such model is to be served")
    engines = {}
    for each in resolved:
        spec = replace(each.spec, slots=options.slots)
        engines[spec.name] = Engine(spec, engine, clip=CLIP, layouts=_layouts(spec, options), metrics=metrics)
    return engines, [each.note for each in resolved if each.note]


def _layouts(spec: ModelSpec, options: ModelOptions) -> list[Layout]:
    """How an engine's workers may be laid out over the cores, of which it is to find the best."""
    cores = os.cpu_count() or 1
    if options.replicas is not None:
        return [Layout(options.replicas, options.threads or max(1, cores // options.replicas))]
    if spec.kind == "pocketsphinx":  # runs on one core, and the end of a long utterance keeps it busy for a second
        return [Layout(min(cores, 4), 1)]
    if spec.kind == "whisper" and spec.device == "cpu" and options.threads is None:
        # Of threads that share a step each later one helps less; but every worker has weights of its own.
        return [Layout(replicas, cores // replicas) for replicas in (1, 2, 4) if replicas <= cores]
    return [Layout(1, spec.threads)]
