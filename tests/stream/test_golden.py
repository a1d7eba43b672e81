"""The server holds its half of every golden conversation, to the byte but for random ids."""

from pathlib import Path

import pytest

from tests.wire.conversation import load, played

CONVERSATIONS = sorted((Path(__file__).parents[1] / "wire" / "native").glob("*.jsonl"))


@pytest.mark.parametrize("path", CONVERSATIONS, ids=lambda path: path.stem)
async def test_golden_conversation(path: Path):
    expected = load(path)
    assert await played(expected) == expected


def test_there_are_conversations():
    assert len(CONVERSATIONS) >= 10
