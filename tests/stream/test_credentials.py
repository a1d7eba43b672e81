"""Where a key may be, header by header; `test_access.py` asks the application with each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.credentials import presented, selectable

K = "key-5f3a"

HEADERS: list[tuple[str, str, list[str]]] = [
    ("authorization", f"Bearer {K}", [K]),
    ("authorization", f"bearer   {K} ", [K]),
    ("authorization", f"Token {K}", [K]),
    ("authorization", K, [K]),
    ("authorization", "Bearer", []),
    ("authorization", "Bearer ", []),
    ("authorization", "token", []),
    ("authorization", f"Basic {K}", []),
    ("authorization", "", []),
    ("x-api-key", f" {K} ", [K]),
    ("x-api-key", "", []),
    ("x-other", K, []),
]
OFFERED = [
    ("steno.v1, steno.key.K", ["K"], ["steno.v1"]),
    ("steno.key.K,steno.v1", ["K"], ["steno.v1"]),
    ("realtime, openai-insecure-api-key.K, openai-beta.realtime-v1", ["K"], ["realtime", "openai-beta.realtime-v1"]),
    ("token, K", ["K"], ["token"]),
    ("bearer, K", ["K"], ["bearer"]),
    ("Token, K", ["K"], ["Token"]),
    ("realtime, rt_K", ["rt_K"], ["realtime"]),
    ("realtime", [], ["realtime"]),
    ("K, token", [], ["K", "token"]),
    ("steno.key.", [], []),
    ("token, token, K", ["token"], ["token", "K"]),
    ("", [], [""]),
]


@pytest.mark.parametrize(("name", "value", "keys"), HEADERS)
def test_keys_in_headers(name: str, value: str, keys: list[str]):
    assert presented([(name, value)]) == keys


@pytest.mark.parametrize(("value", "keys", "names"), OFFERED)
def test_keys_in_subprotocols_and_what_an_answer_may_select(value: str, keys: list[str], names: list[str]):
    assert presented([("sec-websocket-protocol", value)]) == keys
    assert selectable([each.strip() for each in value.split(",")]) == names


def test_all_that_are_there_are_told_and_headers_may_be_split():
    headers = [("sec-websocket-protocol", "token"), ("x-api-key", "a"), ("sec-websocket-protocol", "b")]
    assert presented(headers) == ["a", "b"]


@given(st.lists(st.sampled_from(["realtime", "token", "bearer", "steno.v1", "steno.key.K", "rt_K", "x"])))
def test_whatever_is_no_key_may_be_selected_and_nothing_else(offered: list[str]):
    keys, names = presented([("sec-websocket-protocol", ", ".join(offered))]), selectable(offered)
    assert len(keys) + len(names) in (len(offered), len(offered) + (not offered))
    assert not [name for name in names if name.startswith(("steno.key.", "rt_"))]
