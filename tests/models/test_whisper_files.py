from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.tokens import Vocabulary
from models.whisper_files import check_files
from tests.models.random_whisper import build


def check(directory: Path, multilingual: bool = True) -> None:
    check_files(directory, Vocabulary(directory / "tokenizer.json"), multilingual)


def configure(directory: Path, **changes: object) -> None:
    path = directory / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


# Of openai-whisper, and what CTranslate2's converter takes where it knows none: all heads of the last layers.
HEADS = {
    "tiny.en": (6, 4, [[1, 0], [2, 0], [2, 5], [3, 0], [3, 1], [3, 2], [3, 3], [3, 4]]),
    "large-v3-turbo": (20, 4, [[2, 4], [2, 11], [3, 3], [3, 6], [3, 11], [3, 14]]),
    "distil-large-v3": (20, 2, [[1, head] for head in range(20)]),
}
LARGE_V3 = [[7, 0], [10, 17], [12, 18], [13, 12], [16, 1], [17, 14], [19, 11], [21, 4], [24, 1], [25, 6]]


@pytest.mark.parametrize("name", HEADS)
def test_the_alignment_heads_of_whisper_are_there(tmp_path: Path, name: str) -> None:
    heads, layers, alignment = HEADS[name]
    build(tmp_path, width=16 * heads, heads=heads, layers=1, decoder=layers)
    configure(tmp_path, alignment_heads=alignment)
    check(tmp_path)


def test_a_distilled_model_with_its_teachers_heads_is_told_which_to_take(tmp_path: Path) -> None:
    build(tmp_path, width=320, heads=20, layers=1, decoder=2)
    configure(tmp_path, alignment_heads=LARGE_V3)
    with pytest.raises(ValueError) as refused:
        check(tmp_path)
    assert "config.json: the decoder has 2 layers of 20 heads, and [7, 0] in alignment_heads is" in str(refused.value)
    assert "put all from [1, 0] to [1, 19] there" in str(refused.value)


@pytest.mark.parametrize("strange", [[2, 0], [0, 2], [-1, 0], [0, -1], [0], [0, 0, 0], "00", 0])
def test_a_head_that_is_not_there_is_named(tmp_path: Path, strange: object) -> None:
    build(tmp_path)
    configure(tmp_path, alignment_heads=[[1, 1], strange])
    with pytest.raises(ValueError) as refused:
        check(tmp_path)
    assert f"and {strange} in alignment_heads is none of them" in str(refused.value)


@pytest.mark.parametrize("lacking", [None, []])
@pytest.mark.parametrize("name", ["alignment_heads", "lang_ids"])
def test_what_a_config_lacks_is_named(tmp_path: Path, name: str, lacking: object) -> None:
    configure(build(tmp_path), **{name: lacking})
    with pytest.raises(ValueError, match=rf"config\.json has no {name}"):
        check(tmp_path)


def test_a_model_of_one_language_needs_no_ids_of_languages(tmp_path: Path) -> None:
    build(tmp_path, multilingual=False)
    assert json.loads((tmp_path / "config.json").read_text())["lang_ids"] is None
    check(tmp_path, multilingual=False)


def test_a_vocabulary_may_be_a_text_file(tmp_path: Path) -> None:
    tokens = json.loads((build(tmp_path) / "vocabulary.json").read_text())
    (tmp_path / "vocabulary.json").unlink()
    for ending in ("", "\n"):
        (tmp_path / "vocabulary.txt").write_text("\n".join(tokens) + ending)
        check(tmp_path)
    (tmp_path / "vocabulary.txt").write_text("\n".join(tokens[1:]))
    with pytest.raises(ValueError, match=r"vocabulary\.txt belongs to another model than model\.bin"):
        check(tmp_path)
