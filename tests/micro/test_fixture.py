"""The model in the repository is the one that was measured."""

from __future__ import annotations

import hashlib

import pytest

from tests.micro.vocabulary import FIXTURE

SUMS = dict(reversed(line.split("  ")) for line in (FIXTURE / "SHA256SUMS").read_text().splitlines())


@pytest.mark.parametrize("name", sorted(SUMS))
def test_a_file_is_what_it_was(name: str) -> None:
    assert hashlib.sha256((FIXTURE / name).read_bytes()).hexdigest() == SUMS[name]


def test_no_file_is_left_out_and_all_are_small() -> None:
    files = {path.name: path.stat().st_size for path in FIXTURE.iterdir()}
    assert files.keys() - SUMS.keys() == {"README.md", "SHA256SUMS"}
    assert sum(files.values()) < 16_000_000
