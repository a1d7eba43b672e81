"""cuBLAS 12: CTranslate2 looks for it by name when it first multiplies on CUDA.

Knows nothing of models. The extra [cuda] brings it; where pip puts it, the dynamic linker doesn't look.
"""

from __future__ import annotations

import ctypes
from importlib import metadata
from pathlib import Path

LIBRARIES = ("libcublasLt.so.12", "libcublas.so.12")
"""In this order, as the second needs the first."""
HINT = "`pip install '.[cuda]'` from Steno's sources brings cuBLAS 12"


def open_cublas() -> None:
    """Load what pip installed, so that it is found; call this before CUDA is used.

    Without it nothing is done, as the system may have one. Raises ImportError for one that can't be loaded.
    """
    try:
        installed = metadata.distribution("nvidia-cublas-cu12")
    except metadata.PackageNotFoundError:
        return
    folder = Path(str(installed.locate_file("nvidia/cublas/lib")))
    for path in (folder / name for name in LIBRARIES):
        if path.is_file():
            try:
                ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
            except OSError as error:
                raise ImportError(f"{error}: install it again; {HINT}") from error


def blame_cublas(error: Exception) -> None:
    """Raise ImportError if `error` is CTranslate2's for a cuBLAS that it doesn't find."""
    if "libcublas" in str(error):
        raise ImportError(f"{error}: {HINT}") from error
