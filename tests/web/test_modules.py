"""The pages' modules without a page: their tests, `*.test.mjs` beside this file, and their types."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests import needs


@pytest.mark.parametrize("file", sorted(Path(__file__).parent.glob("*.test.mjs")), ids=lambda path: path.name)
def test_module(file: Path):
    node = needs.command("node")
    ran = subprocess.run([node, str(file)], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_types():
    """TypeScript reads them from the comments, strictly, against what the SDK declares."""
    compiler = needs.npm_package("typescript") / "bin" / "tsc"
    project = str(Path(__file__).with_name("tsconfig.json"))
    ran = subprocess.run([compiler, "--project", project], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
