"""Where a model on torch runs: the device, how its numbers are stored there, whether it fits, and getting it there.

Knows nothing of what the model does.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers.utils import logging as transformers_log

from models.registry import ModelSpec

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
SPARE = 1 << 30
"""Bytes of a GPU that are left to torch's own workspaces."""


@dataclass(frozen=True, slots=True)
class Placement:
    device: torch.device
    dtype: torch.dtype

    @property
    def itemsize(self) -> int:
        return int(self.dtype.itemsize)


def place(spec: ModelSpec) -> Placement:
    """What `spec` asks for. Raises ValueError for what can't be had."""
    if spec.device == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"{spec.name}: torch sees no CUDA device: install its build for CUDA, or take --device cpu")
    device = torch.device("cuda", torch.cuda.current_device()) if spec.device == "cuda" else torch.device("cpu")
    if spec.compute_type == "default":
        return Placement(device, torch.bfloat16 if spec.device == "cuda" else torch.float32)
    if spec.compute_type not in DTYPES:
        raise ValueError(f"{spec.name} can be stored as {', '.join(DTYPES)}, not {spec.compute_type!r}")
    return Placement(device, DTYPES[spec.compute_type])


def parameters(directory: Path) -> int:
    """How many numbers the weights in a directory are. Raises ValueError for damaged files."""
    count = 0
    for path in sorted(directory.glob("model*.safetensors")):
        try:
            with safe_open(path, framework="pt") as tensors:
                count += sum(prod(tensors.get_slice(name).get_shape()) for name in tensors.keys())  # noqa: SIM118
        except Exception as error:  # its own errors are bare Exceptions
            raise ValueError(f"{path} is damaged ({error}): fetch it again") from error
    return count


def spare(name: str, placement: Placement, weights: int, least: int) -> int:
    """Bytes that are left to work in when the weights, of so many bytes, are loaded.

    Raises ValueError where that is less than `least`, saying what there is. Where nobody tells, there is enough.
    """
    free = _free(placement.device)
    if free < weights + least:
        stored = str(placement.dtype).removeprefix("torch.")
        raise ValueError(
            f"{name} takes {_gb(weights)} for its weights as {stored} and at least {_gb(least)} to work in, and "
            f"{placement.device} has {_gb(free)} free: free some, or take another device or a smaller model"
        )
    return free - weights


def load_weights(kind: Any, directory: Path, placement: Placement) -> Any:
    """A model of one of transformers' classes. Raises ValueError for weights that are damaged, or not all there."""
    transformers_log.disable_progress_bar()
    try:
        network, told = kind.from_pretrained(
            directory, dtype=placement.dtype, local_files_only=True, output_loading_info=True
        )
    except Exception as error:  # damaged files raise whatever their bytes lead to
        raise ValueError(f"{directory} can't be loaded: {error}. If it was fetched, fetch it again") from error
    if lacking := sorted({*told["missing_keys"], *(name for name, *_ in told["mismatched_keys"])}):
        raise ValueError(f"the weights in {directory} lack {lacking[0]}, or it has another shape: fetch them again")
    return network.to(placement.device)


def _free(device: torch.device) -> int:
    """Bytes that can be taken."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0]) - SPARE
    return min(_available(Path("/proc/meminfo"), Path("/sys/fs/cgroup")), default=sys.maxsize)


def _available(meminfo: Path, group: Path) -> Iterator[int]:
    """What the machine has left, and what its container may still take of it (Linux; control groups of version 2)."""
    if meminfo.is_file():
        yield 1024 * _field(meminfo, "MemAvailable:")
    limit = group / "memory.max"
    if limit.is_file() and (most := limit.read_text().strip()) != "max":
        # What is held of files makes room when it is needed.
        yield int(most) - int((group / "memory.current").read_text()) + _field(group / "memory.stat", "file")


def _field(path: Path, name: str) -> int:
    """The number behind a name in a file of such lines, 0 where it has none."""
    lines = (line.split() for line in path.read_text().splitlines())
    return next((int(number) for field, number, *_ in lines if field == name), 0)


def _gb(size: int) -> str:
    return f"{size / 1e9:,.1f} GB"
