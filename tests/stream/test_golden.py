"""The server holds its half of every golden conversation, to the byte but for random ids."""

from pathlib import Path

import pytest

from tests.wire.conversation import DIALECTS, load, played

CONVERSATIONS = sorted((Path(__file__).parents[1] / "wire").glob("*/*.jsonl"))


@pytest.mark.parametrize("path", CONVERSATIONS, ids=lambda path: f"{path.parent.name}-{path.stem}")
async def test_golden_conversation(path: Path):
    expected = load(path)
    assert await played(expected, path.parent.name) == expected


def test_there_are_conversations_in_every_dialect():
    assert {path.parent.name for path in CONVERSATIONS} == DIALECTS.keys()
    assert len(CONVERSATIONS) >= 10
