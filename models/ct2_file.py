"""CTranslate2's model.bin: names to arrays. Knows nothing of what they mean to a model.

The format is what `ModelSpec` of ctranslate2.specs writes; CTranslate2 itself reads it in C++ only, and tells nothing.
"""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

VERSION = 6
"""Of the format, since before CTranslate2 knew Whisper."""
DTYPES = ("float32", "int8", "int16", "int32", "float16", "V2")
"""By the number that stands for them. The last is bfloat16, which numpy doesn't have."""

Variables = dict[str, NDArray[Any]]


def read(path: Path) -> Variables:
    """All variables as they are stored; an alias has the very array of what it stands for.

    Arrays are mapped from the file and cost nothing until they are looked into. It may not be changed meanwhile.
    """
    with path.open("rb") as opened:
        file = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    version = _number(file, "I")
    if version != VERSION:
        raise ValueError(f"{path} has version {version} of the format, not {VERSION}")
    _text(file)  # the kind of model
    _number(file, "I")  # and its revision
    variables: Variables = {}
    for _ in range(_number(file, "I")):
        name = _text(file)
        shape = [_number(file, "I") for _ in range(_number(file, "B"))]
        dtype = np.dtype(DTYPES[_number(file, "B")])
        size = _number(file, "I")
        variables[name] = np.frombuffer(file, dtype, size // dtype.itemsize, file.tell()).reshape(shape)
        file.seek(size, os.SEEK_CUR)
    for _ in range(_number(file, "I")):
        alias, name = _text(file), _text(file)
        variables[alias] = variables[name]
        if f"{name}_scale" in variables:  # goes along without an entry of its own
            variables[f"{alias}_scale"] = variables[f"{name}_scale"]
    return variables


def _number(file: mmap.mmap, kind: str) -> int:
    [number] = struct.unpack(kind, file.read(struct.calcsize(kind)))
    return int(number)


def _text(file: mmap.mmap) -> str:
    return file.read(_number(file, "H"))[:-1].decode()  # ends in a zero byte, which counts
