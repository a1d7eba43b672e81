"""Lint, format and types of the whole repository."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("command", "folder"),
    [
        ("ruff check", ROOT),
        ("ruff format --check", ROOT),
        ("mypy", ROOT),
        ("mypy", ROOT / "clients/python"),
    ],
    ids=["lint", "format", "types", "client types"],
)
def test_style(command: str, folder: Path):
    ran = subprocess.run(
        [sys.executable, "-m", *command.split()], cwd=folder, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
