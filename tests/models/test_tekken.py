"""`models.tekken`: what a Voxtral is told. That it is what mistral_common tells it: `test_voxtral_chat.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("mistral_common")

from models.chat import Clip, Turn  # noqa: E402
from models.tekken import Tekken  # noqa: E402
from tests.models.tiny_voxtral import tekken as contents  # noqa: E402


def written(folder: Path, **changes: Any) -> Path:
    path = folder / "tekken.json"
    path.write_text(json.dumps(contents("v7") | changes))
    return path


@pytest.fixture
def tekken(tmp_path: Path) -> Tekken:
    return Tekken(written(tmp_path))


def told(tekken: Tekken, tokens: list[int]) -> str:
    """Tokens as text, special ones by name."""
    return "".join(tekken._tekken.id_to_piece(token) for token in tokens)


@pytest.mark.parametrize(("language", "asked"), [("de", "lang:de"), (None, "")])
def test_a_transcription_names_its_language_if_there_is_one(tekken: Tekken, language: str | None, asked: str) -> None:
    before = tekken.transcription(3, language)
    assert told(tekken, before) == f"<s>[INST][BEGIN_AUDIO][AUDIO][AUDIO][AUDIO][/INST]{asked}[TRANSCRIBE]"


def test_a_conversation_has_its_clips_where_they_are_heard(tekken: Tekken) -> None:
    one, other = Clip(10), Clip(20)
    turns = [
        Turn("system", ("Be brief.",)),
        Turn("user", (one, "And", "this?", other)),
        Turn("assistant", ("So. ",)),
        Turn("user", ("Well?",)),
    ]
    parts = [part if isinstance(part, Clip) else told(tekken, part) for part in tekken.conversation(turns)]
    before, between, behind = (
        "<s>[SYSTEM_PROMPT]Be brief.[/SYSTEM_PROMPT][INST][BEGIN_AUDIO]",
        "And\n\nthis?[BEGIN_AUDIO]",
        "[/INST]So.</s>[INST]Well?[/INST]",
    )
    at_one, at_other = parts.index(one), parts.index(other)
    assert "".join(map(str, parts[:at_one])) == before
    assert "".join(map(str, parts[at_one + 1 : at_other])) == between
    assert "".join(map(str, parts[at_other + 1 :])) == behind


def test_text_is_the_same_behind_tokens(tekken: Tekken) -> None:
    for text in (" baba bebo", "[INST] naïve </s> 世界", ""):
        tokens = tekken.encode(text)
        assert b"".join(tekken.decode(tokens)).decode() == text
        assert all(token >= 40 for token in tokens), "no text is a special token"
    assert tekken.decode([tekken.end, tekken.pad, tekken.audio]) == [b"", b"", b""]


def test_it_knows_how_many_tokens_there_are(tekken: Tekken) -> None:
    assert len(tekken) == 40 + 256 + 300


def test_a_missing_vocabulary_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"tekken\.json is missing"):
        Tekken(tmp_path / "tekken.json")


@pytest.mark.parametrize("content", ["", "{", "{}", "[]"])
def test_a_damaged_vocabulary_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "tekken.json").write_text(content)
    with pytest.raises(ValueError, match=r"tekken\.json is no vocabulary of a Voxtral"):
        Tekken(tmp_path / "tekken.json")


def test_a_vocabulary_without_audio_is_named(tmp_path: Path) -> None:
    special = [
        token | {"token_str": token["token_str"].replace("AUDIO", "")} for token in contents("v7")["special_tokens"]
    ]
    with pytest.raises(ValueError, match="no vocabulary of a Voxtral"):
        Tekken(written(tmp_path, special_tokens=special))
