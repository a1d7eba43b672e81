"""The command `steno-server`, run until it ends by itself."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run_command(*arguments: str, **variables: str) -> tuple[int, str, str]:
    """Exit code, what it printed, and what it complained of."""
    ran = subprocess.run(
        [sys.executable, "-m", "stream", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **variables},
        timeout=60,
        check=False,
    )
    return ran.returncode, ran.stdout, ran.stderr
