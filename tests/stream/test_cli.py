"""The command's own answers; what serves and transcribes is in `tests/e2e`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stream.cli import main
from stream.rules import EXAMPLE


def test_the_example_rules_are_printed_to_be_changed_and_ones_own_are_checked(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    assert main(["rules"]) == 0
    printed = capsys.readouterr().out
    assert printed == EXAMPLE.read_text("utf-8")
    path = tmp_path / "my.toml"
    path.write_text(printed)
    assert main(["rules", str(path)]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["urgent", "caller", "Cancellation"]


def test_what_is_wrong_with_rules_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    path = tmp_path / "my.toml"
    path.write_text('[[rule]]\nname = "R"\nhint = "h"\npattern = "(a"\n')
    assert main(["rules", str(path)]) == 2
    assert 'my.toml, line 1, rule 1 "R": in the pattern, at character 3' in capsys.readouterr().err
    assert main(["rules", str(tmp_path / "none.toml")]) == 2
    assert "none.toml" in capsys.readouterr().err


def test_commands_that_serve_nothing_load_no_server():
    code = "import sys, stream.cli; sys.exit(bool({'fastapi', 'uvicorn'} & sys.modules.keys()))"
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=True)
