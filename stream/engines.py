"""From the models an operator names to engines that decode with them.

Knows nothing of sessions.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from models import registry
from stream.engine import Engine, EngineOptions
from stream.metrics import Metrics

CLIP = Path(__file__).parent / "assets" / "demo.flac"
"""Speech that every model is tried on before it is called ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    model: tuple[str, ...] = field(
        default=("auto",),
        metadata={
            "help": "a model to serve: auto, pocketsphinx, a Whisper size, a hub id or a directory; may be given "
            "several times, the first is the default"
        },
    )
    device: Literal["auto", "cpu", "cuda"] = field(default="auto", metadata={"help": "where Whisper runs"})
    compute_type: str = field(
        default="default", metadata={"help": "ctranslate2's compute type; by default int8 on a CPU, float16 on CUDA"}
    )
    threads: int = field(default=os.cpu_count() or 1, metadata={"help": "threads of one Whisper step on a CPU"})
    replicas: int | None = field(
        default=None,
        metadata={
            "help": "worker processes of each model (default: of PocketSphinx one a core, four at most; else one)"
        },
    )
    offline: bool = field(default=False, metadata={"help": "never fetch weights: only what is on disk counts"})


def build(options: ModelOptions, engine: EngineOptions, metrics: Metrics) -> tuple[dict[str, Engine], list[str]]:
    """Engines by model name, not yet started, and what the operator should know about them; fetches weights.

    Raises what `registry.resolve` raises.
    """
    resolved = registry.resolve(
        options.model,
        device=options.device,
        offline=options.offline,
        threads=options.threads,
        compute_type=options.compute_type,
    )
    engines = {}
    for each in resolved:
        chosen = replace(engine, replicas=_replicas(each.spec.kind) if options.replicas is None else options.replicas)
        engines[each.spec.name] = Engine(each.spec, chosen, clip=CLIP, metrics=metrics)
    return engines, [each.note for each in resolved if each.note]


def _replicas(kind: str) -> int:
    """PocketSphinx runs on one core, and the end of a long utterance keeps it busy for a second."""
    return min(os.cpu_count() or 1, 4) if kind == "pocketsphinx" else 1
