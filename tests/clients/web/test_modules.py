"""The pages' modules that need no page: each has its tests in JavaScript, run by node."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests import needs

HERE = Path(__file__).parent


@pytest.mark.parametrize("file", sorted(HERE.glob("*.test.mjs")), ids=lambda path: path.name)
def test_module(file: Path):
    ran = subprocess.run(
        [needs.command("node"), "--test", str(file)], capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
