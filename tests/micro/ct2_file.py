"""Reads CTranslate2's model.bin: names to arrays. Knows nothing of what they mean to a model.

The format is what `ModelSpec` of ctranslate2.specs writes; CTranslate2 itself reads it in C++ only.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

VERSION = 6
DTYPES = ("float32", "int8", "int16", "int32", "float16")
"""By the number that stands for them. There is a sixth, bfloat16, which numpy doesn't have."""

Variables = dict[str, NDArray[Any]]


def read(path: Path) -> Variables:
    """All variables as they are stored; an alias has the very array of what it stands for."""
    with path.open("rb") as file:
        version = _number(file, "I")
        if version != VERSION:
            raise ValueError(f"{path} has version {version} of the format, not {VERSION}")
        _text(file)  # the kind of model
        _number(file, "I")  # and its revision
        variables: Variables = {}
        for _ in range(_number(file, "I")):
            name = _text(file)
            shape = [_number(file, "I") for _ in range(_number(file, "B"))]
            dtype = DTYPES[_number(file, "B")]
            variables[name] = np.frombuffer(file.read(_number(file, "I")), dtype).reshape(shape)
        for _ in range(_number(file, "I")):
            alias, name = _text(file), _text(file)
            variables[alias] = variables[name]
            if f"{name}_scale" in variables:  # goes along without an entry of its own
                variables[f"{alias}_scale"] = variables[f"{name}_scale"]
    return variables


def dequantized(variables: Variables) -> Variables:
    """The same without scales: each row of a weight that has them is divided by its own."""
    whole = {name: array for name, array in variables.items() if not name.endswith("_scale")}
    for name, array in whole.items():
        if (scale := variables.get(f"{name}_scale")) is not None:
            whole[name] = array / scale.reshape(-1, *[1] * (array.ndim - 1))
    return whole


def _number(file: BinaryIO, kind: str) -> int:
    [number] = struct.unpack(kind, file.read(struct.calcsize(kind)))
    return int(number)


def _text(file: BinaryIO) -> str:
    return file.read(_number(file, "H"))[:-1].decode()  # ends in a zero byte, which counts
