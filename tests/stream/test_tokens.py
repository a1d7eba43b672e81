"""Tokens: what they open, for how long and how often, and that no part of one can be changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream.errors import Unauthorized
from stream.secret import Secret
from stream.tokens import Token, Tokens

KEY, OTHER = "5f3a91c2d4e6", "77c0dee4b2aa"
NOW = 1_000_000
SESSION = "CA0123"


class Clock:
    now = float(NOW)

    def __call__(self) -> float:
        return self.now


def tokens(folder: Path, *keys: str, clock: Clock | None = None) -> Tokens:
    return Tokens(Secret(folder / "secret"), keys, clock or Clock())


def test_a_token_is_read_as_it_was_made(tmp_path: Path):
    made = tokens(tmp_path, KEY, OTHER)
    text, token = made.make(KEY, "watch", SESSION, 60)
    assert (token.key, token.scope, token.session, token.expires) == (KEY, "watch", SESSION, NOW + 60)
    assert made.read(text) == token
    text, token = made.make(OTHER, "transcribe", None, 60, "ek_")
    assert text.startswith("ek_")
    assert made.read(text) == token
    assert (token.key, token.session) == (OTHER, None)


def test_it_ends_with_its_time(tmp_path: Path):
    clock = Clock()
    made = tokens(tmp_path, KEY, clock=clock)
    text, _ = made.make(KEY, "watch", None, 60)
    clock.now = NOW + 59.9
    assert made.read(text)
    clock.now = NOW + 60
    with pytest.raises(Unauthorized, match="expired"):
        made.read(text)


def test_it_ends_with_its_key_and_with_the_secret_but_not_with_the_process(tmp_path: Path):
    text, token = tokens(tmp_path, KEY).make(KEY, "transcribe", None, 60)
    assert tokens(tmp_path, KEY, OTHER).read(text) == token
    assert tokens(tmp_path, OTHER).read(text) is None
    assert tokens(tmp_path).read(text) is None
    (tmp_path / "secret").unlink()
    assert tokens(tmp_path, KEY).read(text) is None


def test_without_keys_there_are_tokens_as_well(tmp_path: Path):
    made = tokens(tmp_path)
    text, token = made.make(None, "transcribe", None, 60)
    assert made.read(text) == token


def test_no_character_can_be_changed(tmp_path: Path):
    made = tokens(tmp_path, KEY)
    text, _ = made.make(KEY, "watch", SESSION, 60)
    for place, character in enumerate(text):
        for instead in {"0", "1", "a", "b", "", ".", "é", "\n"} - {character}:
            assert made.read(text[:place] + instead + text[place + 1 :]) is None
    assert made.read(text + "0") is None
    assert made.read(text + "\n") is None
    assert made.read(text.upper()) is None


def test_no_part_can_be_taken_from_another(tmp_path: Path):
    made = tokens(tmp_path, KEY, OTHER)
    [one, other] = [made.make(key, "watch", session, 60)[0].split(".") for key, session in ((KEY, "a"), (OTHER, "b"))]
    for place in range(len(one)):
        if one[place] != other[place]:
            assert made.read(".".join([*one[:place], other[place], *one[place + 1 :]])) is None


def test_it_holds_nothing_of_the_key_and_can_be_a_subprotocol(tmp_path: Path):
    text, _ = tokens(tmp_path, KEY).make(KEY, "watch", "x" * 128, 600)
    assert KEY not in text
    assert all(character.isalnum() or character in "-._" for character in text)


def test_it_opens_one_live_session_and_is_remembered_until_it_is_too_old(tmp_path: Path):
    clock = Clock()
    made = tokens(tmp_path, KEY, clock=clock)
    first, second = (made.make(KEY, "transcribe", None, ttl_s)[1] for ttl_s in (60, 600))
    made.redeem(first)
    made.redeem(second)
    for each in (first, second):
        with pytest.raises(Unauthorized, match="used"):
            made.redeem(each)
    clock.now = NOW + 60
    made.redeem(made.make(KEY, "transcribe", None, 60)[1])
    assert first.id not in made._spent
    assert second.id in made._spent


def test_viewers_may_come_again(tmp_path: Path):
    made = tokens(tmp_path, KEY)
    _, token = made.make(KEY, "watch", SESSION, 60)
    made.redeem(token)
    made.redeem(token)


SOCKETS = ("/v1/stream", "/v1/realtime", "/v1/listen", "/twilio")


def test_what_each_opens():
    transcribe, watch = (Token(scope, KEY, None, NOW, "i") for scope in ("transcribe", "watch"))
    for path in SOCKETS:
        assert transcribe.opens(path, websocket=True)
        assert not watch.opens(path, websocket=True)
        assert not transcribe.opens(path, websocket=False)
    assert watch.opens("/v1/sessions", websocket=False)
    assert watch.opens("/v1/rules", websocket=False)
    assert watch.opens("/v1/sessions/CA1/watch", websocket=True)
    assert not transcribe.opens("/v1/sessions/CA1/watch", websocket=True)
    for path in ("/v1/tokens", "/v1/sessions/CA1", "/v1/sessions/CA1/watch", "/v1/models", "/metrics", "/v1/files"):
        assert not watch.opens(path, websocket=False)
        assert not transcribe.opens(path, websocket=False)
