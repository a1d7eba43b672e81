"""The command `steno-server`, each time in a process of its own.

They are forked from one that has loaded its modules, which takes longer than most tests.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from tempfile import TemporaryDirectory

from stream import cli

ROOT = Path(__file__).parents[2]
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([__name__, "stream.startup"])


def start_command(*arguments: str, environment: Mapping[str, str], said: Path, complained: Path) -> ForkServerProcess:
    """Start it; what it prints and complains of goes to files, which are there at once."""
    said.touch()
    complained.touch()
    # A daemon, as one that hangs would otherwise be waited for at the end of all tests.
    process = FORKS.Process(target=_run, args=(arguments, dict(environment), said, complained), daemon=True)
    process.start()
    return process


def _run(arguments: tuple[str, ...], environment: dict[str, str], said: Path, complained: Path) -> None:
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    for path, number in ((said, 1), (complained, 2)):
        with path.open("w") as file:
            os.dup2(file.fileno(), number)
    sys.exit(cli.main(arguments))


def run_command(*arguments: str, **variables: str) -> tuple[int, str, str]:
    """Exit code, what it printed, and what it complained of, once it has ended by itself."""
    with TemporaryDirectory() as folder:
        said, complained = Path(folder, "said"), Path(folder, "complained")
        process = start_command(*arguments, environment={**os.environ, **variables}, said=said, complained=complained)
        process.join(60)
        assert process.exitcode is not None, f"{arguments} takes too long"
        return process.exitcode, said.read_text(), complained.read_text()
