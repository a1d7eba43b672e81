from __future__ import annotations

from pathlib import Path

import pytest

from models.declaration import Context, Declaration, declared


def test_a_directory_without_one_declares_nothing(tmp_path: Path) -> None:
    assert declared(tmp_path) == Declaration()


def test_reads_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "steno.json").write_text(
        '{"languages": ["en"], "tasks": ["transcribe"], "context_s": {"partial": 1, "final": 2.5},"carry_tokens": 24}'
    )
    assert declared(tmp_path) == Declaration(("en",), ("transcribe",), Context(partial=1.0, final=2.5), 24)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"context": 1}', '{"tasks": ["sing"]}', '{"languages": "en"}', '{"carry_tokens": 33}']
)
def test_names_what_is_wrong(tmp_path: Path, text: str) -> None:
    (tmp_path / "steno.json").write_text(text)
    with pytest.raises(ValueError, match=r"steno\.json.*fields are languages, tasks, context_s, carry_tokens"):
        declared(tmp_path)
