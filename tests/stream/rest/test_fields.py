"""Fields are found under every name that clients give them, and a wrong value is named with those allowed."""

import pytest

from stream.errors import BadRequest
from stream.rest.fields import NAMED, Fields, WrongField, json_pairs, unquoted


def test_a_list_is_named_with_brackets_or_without():
    fields = Fields([("x", "a"), ("x[]", "b"), ("x[2]", "c"), ("x", "a")])
    assert fields.many("x") == ("a", "b", "c")


def test_a_list_may_be_joined_by_commas():
    assert Fields([("x", '"a, b"'), ("x", "c,")]).many("x", split=True) == ("a", "b", "c")
    assert Fields([("x", "a, b")]).many("x") == ("a, b",)


@pytest.mark.parametrize(
    ("value", "plain"), [('"a"', "a"), (' "a" ', "a"), ('"a', '"a'), ('"', '"'), ('"a" or "b', '"a" or "b'), ("", "")]
)
def test_quotes_around_a_whole_value_are_taken_off(value: str, plain: str):
    assert unquoted(value) == plain


def test_a_value_as_it_came_keeps_its_quotes():
    assert Fields([("prompt", '"Hello"')]).whole("prompt") == '"Hello"'


def test_an_empty_value_is_none():
    fields = Fields([("a", ""), ("b", '""'), ("c", "")])
    assert (fields.one("a"), fields.one("b"), fields.flag("c"), fields.many("a")) == (None, None, False, ())


def test_a_value_given_twice_must_not_differ():
    assert Fields([("a", "x"), ("a", "x")]).one("a") == "x"
    with pytest.raises(WrongField, match="`a` is given 2 times") as caught:
        Fields([("a", "x"), ("a", "y")]).one("a")
    assert caught.value.param == "a"


@pytest.mark.parametrize(("value", "flag"), [("true", True), ("True", True), ("1", True), ('"false"', False)])
def test_flags(value: str, flag: bool):
    assert Fields([("f", value)]).flag("f") is flag


@pytest.mark.parametrize("value", ["yes", "2", "tru"])
def test_no_flag_is_guessed(value: str):
    with pytest.raises(WrongField, match="it is `true` or `false`"):
        Fields([("f", value)]).flag("f")


@pytest.mark.parametrize("value", ["nan", "inf", "-0.1", "1.1", "warm", "1,0"])
def test_a_number_lies_in_its_range(value: str):
    assert Fields([("t", "0.5")]).number("t", 0, 1) == 0.5
    with pytest.raises(WrongField, match="it is a number from 0 to 1"):
        Fields([("t", value)]).number("t", 0, 1)


def test_a_choice_names_all_that_there_are():
    assert Fields([]).choice("c", ("x", "y"), "y") == "y"
    with pytest.raises(WrongField, match="`c` is `z`; it is one of `x`, `y`"):
        Fields([("c", "z")]).choice("c", ("x", "y"), "y")


def test_an_error_repeats_only_the_start_of_a_long_value():
    with pytest.raises(WrongField) as caught:
        Fields([("c", "z" * 10_000)]).choice("c", ("x",), "x")
    assert len(caught.value.message) < 200


def test_what_nobody_has_read_is_named_if_it_asks_for_something():
    pairs = [("read", "1"), ("diarize", "false"), ("refs", "{}"), ("empty", ""), ("x[y]", "1"), ("x[z]", "1")]
    pairs += [("include[]", "logprobs"), ("bad\r\nname", "1"), ("é", "1")]
    fields = Fields(pairs)
    fields.one("read")
    assert fields.unread() == ("x", "include")


def test_no_more_names_than_a_header_holds():
    assert len(Fields([(f"n{number}", "1") for number in range(1000)]).unread()) == NAMED


def test_json_is_read_as_a_form():
    body = b'{"a": "x", "b": [1, "y", null], "c": {"d": true}, "e": null, "f": 0.5, "g": {"h": {"i": 1}}}'
    assert json_pairs(body) == [
        ("a", "x"), ("b", "1"), ("b", "y"), ("c[d]", "true"), ("f", "0.5"), ("g[h]", '{"i":1}')
    ]  # fmt: skip


@pytest.mark.parametrize("body", [b"", b"[]", b'"x"', b"{", b"\xff", b"[" * 100_000, b'{"a":"\xff"}'])
def test_another_body_is_refused(body: bytes):
    with pytest.raises(BadRequest):
        json_pairs(body)
