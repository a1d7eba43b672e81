"""stream/rest/chat_body.py; bodies over the whole application are in test_chat.py."""

from __future__ import annotations

import base64
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.rest import chat_body
from stream.rest.chat_body import decoded

PIECE = 16


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_body, "PIECE", PIECE)


def bytes_of(text: str) -> bytes:
    return b"".join(decoded(text))


@pytest.mark.parametrize("size", range(40))
def test_base64_of_any_length_padded_or_not(size: int):
    content = bytes(range(200, 200 + size))
    text = base64.b64encode(content).decode()
    assert bytes_of(text) == content
    assert bytes_of(text.rstrip("=")) == content
    assert bytes_of("\n".join(textwrap.wrap(text, 7))) == content
    assert bytes_of(f"data:audio/wav;base64,{text}") == content
    assert bytes_of(f"data:;base64,{text}") == content


@pytest.mark.parametrize(
    "text",
    [
        "A",
        "AAAA!AAA",
        "talk.mp3",
        "../talk",
        "ÄÖÜß",
        "AA==" * 2,
        "data:audio/wav,AAAA",
        "data:AAAA",
        "A" * PIECE + "AA==" + "A" * PIECE,
        "AA-_",
    ],
)
def test_what_is_no_base64_is_an_error(text: str):
    with pytest.raises(ValueError):
        bytes_of(text)


@given(st.text("AQgw=/+ \n-", max_size=50))
def test_nothing_is_made_up(text: str):
    """What is taken is what Python's own reader takes."""
    bare = "".join(text.split())
    try:
        content = bytes_of(text)
    except ValueError:
        return
    assert content == base64.b64decode(bare + "=" * (-len(bare) % 4))
