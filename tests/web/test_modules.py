"""Runs the tests of the pages' modules that need no page: `*.test.mjs`, beside this file."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests import needs


@pytest.mark.parametrize("file", sorted(Path(__file__).parent.glob("*.test.mjs")), ids=lambda path: path.name)
def test_module(file: Path):
    node = needs.command("node")
    ran = subprocess.run([node, "--test", str(file)], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
