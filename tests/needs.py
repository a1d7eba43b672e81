"""What some tests need that not every machine has: without it they are skipped, unless STENO_REQUIRE_ALL is set."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

NPM = Path(__file__).parent / "npm"


def command(name: str) -> str:
    """The path of a program."""
    return shutil.which(name) or _missing(f"needs the command {name}")


def browser() -> str:
    """The path of Chromium: of its headless shell where it is installed, in which a page costs half as much.

    The shell asks nobody for a microphone: without `--use-fake-ui-for-media-stream` it has none.
    """
    return shutil.which("chromium-headless-shell") or command("chromium")


def npm_package(name: str) -> Path:
    """The folder of a package that tests/npm/package.json names."""
    folder = NPM / "node_modules" / name
    return folder if folder.is_dir() else _missing(f"needs {name}: npm install --prefix tests/npm --no-package-lock")


def _missing(reason: str) -> NoReturn:
    if os.environ.get("STENO_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
