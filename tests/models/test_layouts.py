"""`models.layouts`: which files make a model."""

from __future__ import annotations

import pytest

from models.layouts import LAYOUTS, VOXTRAL, WHISPER, Layout, other
from tests.models.hub_server import MODEL
from tests.models.hub_server import VOXTRAL as VOXTRAL_FILES

WHOLE = {"config.json", "tekken.json", "model.safetensors"}


@pytest.mark.parametrize(("layout", "files"), [(WHISPER, MODEL), (VOXTRAL, VOXTRAL_FILES)])
def test_a_repository_has_one_layout(layout: Layout, files: dict[str, bytes]) -> None:
    assert [each for each in LAYOUTS if not each.lacking(list(files))] == [layout]
    assert other(list(files), layout) is None
    assert [other(list(files), each) for each in LAYOUTS if each is not layout] == [layout]


def test_weights_that_a_voxtral_repository_holds_twice_are_wanted_once() -> None:
    unwanted = {name for name in VOXTRAL_FILES if not VOXTRAL.wanted.fullmatch(name)}
    assert unwanted == {"consolidated.safetensors", "params.json", "README.md"}


def test_a_voxtral_may_be_one_file_or_shards() -> None:
    assert VOXTRAL.lacking(sorted(WHOLE)) == []
    assert VOXTRAL.lacking(sorted(WHOLE - {"model.safetensors"})) == ["model.safetensors"]
    assert VOXTRAL.lacking([*WHOLE - {"model.safetensors"}, "consolidated.safetensors"]) == ["model.safetensors"]


@pytest.mark.parametrize("lost", ["model-00001-of-00002.safetensors", "model.safetensors.index.json", "tekken.json"])
def test_every_shard_counts(lost: str) -> None:
    assert VOXTRAL.lacking([name for name in VOXTRAL_FILES if name != lost]) == [lost]
