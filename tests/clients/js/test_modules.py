"""The SDK without a browser: its tests, `*.test.mjs` beside this file, and its types."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests import needs

FILES = sorted(Path(__file__).parent.glob("*.test.mjs"))


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_module(file: Path):
    node = needs.command("node")
    needs.npm_package("ws")
    ran = subprocess.run([node, str(file)], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("project", ["sources", "users"])
def test_types(project: str):
    """Sources by their comments, as the declarations promise; and, as users have them, the declarations alone."""
    compiler = needs.npm_package("typescript") / "bin" / "tsc"
    folder = str(Path(__file__).parent / "types" / project)
    ran = subprocess.run([compiler, "--project", folder], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
