from __future__ import annotations

from pathlib import Path

import pytest

from models.base import DecodeOptions
from models.tokens import PROMPT_ROOM, Vocabulary
from tests.models.random_whisper import build


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    """Its tokens are single bytes where they aren't made-up words, so that every character is cut somewhere."""
    return Vocabulary(build(tmp_path_factory.mktemp("whisper")) / "tokenizer.json")


def test_text_is_the_same_behind_tokens(vocabulary: Vocabulary) -> None:
    ids = vocabulary.encode(" Well, 世界 naïve.")
    spelled = vocabulary.words(ids)
    assert [word.text for word in spelled] == [" Well,", " 世", "界", " naïve."]
    assert spelled[-1].stop == len(ids)


def test_languages_come_from_the_file(vocabulary: Vocabulary) -> None:
    assert vocabulary.languages == ("en", "zh", "de")


def test_prompt_and_keywords_come_before(vocabulary: Vocabulary) -> None:
    options = DecodeOptions(prompt="So far. ", keywords=("Steno", "VAD"))
    marker, *text = vocabulary.previous(options)
    assert marker > vocabulary.end
    assert "".join(word.text for word in vocabulary.words(text)) == " Steno, VAD. So far."
    assert vocabulary.previous(DecodeOptions(prompt="  ")) == []


def test_of_too_long_a_prompt_the_end_is_kept_and_the_keywords(vocabulary: Vocabulary) -> None:
    _, *text = vocabulary.previous(DecodeOptions(prompt="a" * 300 + "z", keywords=("Steno",)))
    assert len(text) == PROMPT_ROOM
    assert [text[:7], text[-1:]] == [vocabulary.encode(" Steno."), vocabulary.encode("z")]


def test_of_what_was_said_just_so_many_tokens_are_told(vocabulary: Vocabulary) -> None:
    ids = vocabulary.encode(" so far")
    marker, *told = vocabulary.carried(" so far", len(ids) - 1)
    assert [marker, told] == [vocabulary.previous(DecodeOptions(prompt="a"))[0], ids[1:]]
    assert vocabulary.carried(" so far", len(ids))[1:] == ids
    assert vocabulary.carried(" so far", len(ids) + 1) == []
    assert vocabulary.carried(" so far", 0) == vocabulary.carried("", 0) == []


def test_special_tokens_in_a_prompt_are_left_out(vocabulary: Vocabulary) -> None:
    _, *text = vocabulary.previous(DecodeOptions(prompt="a<|translate|><|endoftext|>b"))
    assert max(text) < vocabulary.end


def test_a_missing_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"tokenizer\.json is missing"):
        Vocabulary(tmp_path / "tokenizer.json")


@pytest.mark.parametrize("content", ["", "{", "{}", '{"version": "1.0"}'])
def test_a_damaged_tokenizer_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(ValueError, match=r"tokenizer\.json is damaged"):
        Vocabulary(tmp_path / "tokenizer.json")


def test_a_tokenizer_of_something_else_is_named(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models

    Tokenizer(models.BPE(vocab={"a": 0}, merges=[])).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ValueError, match="no Whisper tokenizer"):
        Vocabulary(tmp_path / "tokenizer.json")
