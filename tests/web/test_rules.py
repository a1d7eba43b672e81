"""Rules as the server reads them, at work in the page's own code: what they find, when, and where."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from stream.errors import BadRequest
from stream.patterns import plain_words
from stream.rest.rules import told
from stream.rules import EXAMPLE, RuleSet, parse, read
from tests import needs

Ask = Callable[[dict[str, Any]], Any]
FIXTURE_IS_SHARED = settings(
    deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    with subprocess.Popen(
        [needs.command("node"), str(Path(__file__).parent / "finder.mjs")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as node:
        assert node.stdin
        assert node.stdout
        stdin, stdout = node.stdin, node.stdout

        def ask(question: dict[str, Any]) -> Any:
            stdin.write(json.dumps(question) + "\n")
            stdin.flush()
            return json.loads(stdout.readline())

        yield ask


def heard(text: str, segment: int = 0, channel: int = 0, start: float = 0.0, end: float = 1.0) -> dict[str, Any]:
    return {"segment": segment, "channel": channel, "start": start, "end": end, "stable": text}


def cards(ask: Ask, rules: RuleSet, *said: dict[str, Any]) -> list[Any]:
    found: list[Any] = ask({"rules": msgspec.to_builtins(told(rules)), "heard": said})
    return found


def rule(name: str = "R", **fields: Any) -> RuleSet:
    """One rule, as a file would have it."""
    written = {"name": name, "hint": "h", **fields}
    lines = [f"{field} = {json.dumps(value)}" for field, value in written.items()]
    return parse("\n".join(["[[rule]]", *lines]).encode(), "rules.toml")


def found(ask: Ask, rules: RuleSet, text: str) -> list[str]:
    """The words that raised each card."""
    return [text[place["start"] : place["end"]] for card in cards(ask, rules, heard(text)) for place in card["places"]]


# -- what is found ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phrase", "text", "words"),
    [
        ("cancel", "I want to CANCEL, now", ["CANCEL"]),
        ("cancel", "cancelled is another word, as is uncancel", []),
        ("cancel*", "it was cancelled", ["cancelled"]),
        ("cancel*", "please cancel", ["cancel"]),
        ("cancel* my", "Cancelling… my order", ["Cancelling… my"]),
        ("my money back", "My. Money, back!", ["My. Money, back"]),
        ("kündigen", "Ich möchte KUNDIGEN", ["KUNDIGEN"]),
        ("annulation", "l'annulation", ["annulation"]),
        ("don't", "I don\u2019t know", ["don\u2019t"]),
        ("one moment", "One moment", ["One moment"]),
        ("policy 1 2 3", "policy one two three", ["policy one two three"]),
        ("policy 123", "policy 1-2-3", ["policy 1-2-3"]),
        ("policy 123", "policy 1234", []),
        ("policy 1 2 3", "policy 1 2 3 4", ["policy 1 2 3"]),
        ("取消", "我要取消合同", ["取消"]),
        ("ยกเลิก", "ขอยกเลิกบริการ", ["ยกเลิก"]),
        ("हिन्दी", "यह हिन्दी है", ["हिन्दी"]),
        ("का", "की", []),
    ],
)
def test_a_phrase_is_found_as_whole_words_however_they_are_written(ask: Ask, phrase: str, text: str, words: list[str]):
    assert found(ask, rule(phrases=[phrase]), text) == words


@pytest.mark.parametrize(
    ("pattern", "text", "words"),
    [
        (r"policy (number )?\d{6,}", "Policy number: one two three, 4-5-6", ["Policy number: one two three, 4-5-6"]),
        (r"policy (number )?\d{6,}", "policy 12345", []),
        (r"[A-C]{2}\d+", "it is AB12 or CD34", ["AB12"]),
        (r"[^abc]+", "abc def", ["def"]),
        (r"(re)?fund(s|ed)?", "funds", ["funds"]),
        (r"(?:a|b) .* c", "b, x y, c", ["b, x y, c"]),
        (r"É+t\w", "ete", ["ete"]),
        (r"合同\d", "合同5", ["合同5"]),
        (r"\d{13,19}", "4111 1111 1111 1111", ["4111 1111 1111 1111"]),
    ],
)
def test_a_pattern_is_found_in_plain_text(ask: Ask, pattern: str, text: str, words: list[str]):
    assert found(ask, rule(pattern=pattern), text) == words


def test_digits_of_another_language(ask: Ask):
    written = '[digits]\nnul = 0\neen = 1\n[[rule]]\nname = "R"\nhint = "h"\npattern = \'polis \\d{2}\'\n'
    assert found(ask, parse(written.encode(), "r"), "polis nul, een") == ["polis nul, een"]


def test_the_example_rules(ask: Ask):
    said = "Hi, I want my money back and then I'll cancel. My policy number is AB one two three four five six."
    names = [card["rule"] for card in cards(ask, read(EXAMPLE), heard(said))]
    assert names == ["Refund", "Cancellation", "Policy number"]
    agent = "I promise I will call you back."
    assert [each["rule"] for each in cards(ask, read(EXAMPLE), heard(agent, channel=1))] == ["Promise"]


# -- when -------------------------------------------------------------------------------------------------------------


def test_words_raise_a_card_as_soon_as_they_are_stable(ask: Ask):
    rules = rule(phrases=["cancel my order"])
    grown = [
        "I want to",
        "I want to cancel",
        "I want to cancel my",
        "I want to cancel my order",
        "I want to cancel my order.",
    ]
    [card] = cards(ask, rules, *(heard(text, end=float(at)) for at, text in enumerate(grown)))
    assert (card["at"], card["places"]) == (3, [{"segment": 0, "start": 10, "end": 25}])


def test_words_go_on_in_the_next_segment_of_a_side_but_not_after_a_long_silence(ask: Ask):
    rules = rule(phrases=["cancel my order"])
    first, other = heard("I'd like to cancel", 0, 0, 0, 2), heard("Yes?", 1, 1, 2, 3)
    [card] = cards(ask, rules, first, other, heard("my order", 2, 0, 3, 4))
    assert card["places"] == [{"segment": 0, "start": 12, "end": 18}, {"segment": 2, "start": 0, "end": 8}]
    assert cards(ask, rules, first, heard("my order", 2, 0, 9, 10)) == []
    assert cards(ask, rules, first, heard("my order", 2, 1, 3, 4)) == []


def test_a_number_that_grows_is_one_card(ask: Ask):
    grown = [heard("it is 12 34 56"), heard("it is 12 34 56 78"), heard("it is 12 34 56 78 no")]
    [card] = cards(ask, rule(pattern=r"\d{6,}", cooldown_s=1), *grown)
    assert card["places"] == [{"segment": 0, "start": 6, "end": 17}]


@pytest.mark.parametrize(("side", "channels"), [("caller", [0]), ("agent", [1]), (None, [0, 1])])
def test_only_the_side_that_is_named_counts(ask: Ask, side: str | None, channels: list[int]):
    fields = {} if side is None else {"side": side}
    said = [heard("refund", channel, channel, start=100.0 * channel, end=100.0 * channel + 1) for channel in (0, 1)]
    raised = cards(ask, rule(phrases=["refund"], cooldown_s=1, **fields), *said)
    assert [card["channel"] for card in raised] == channels


def test_a_rule_raises_one_card_or_one_in_a_while(ask: Ask):
    said = [heard("refund", at, 0, at, at + 1.0) for at in (0, 2, 30, 45, 100)]
    assert [card["at"] for card in cards(ask, rule(phrases=["refund"]), *said)] == [1]
    assert [card["at"] for card in cards(ask, rule(phrases=["refund"], cooldown_s=40), *said)] == [1, 46, 101]
    twice = heard("refund refund")
    assert len(cards(ask, rule(phrases=["refund"]), twice)) == 1


def test_a_long_speech_is_forgotten_but_not_what_is_said_now(ask: Ask):
    said = [heard(" ".join(["word"] * count)) for count in (1500, 3000)]
    text = " ".join(["word"] * 4000) + " refund"
    [card] = cards(ask, rule(phrases=["word refund"]), *said, heard(text))
    assert [text[place["start"] : place["end"]] for place in card["places"]] == ["word refund"]


# -- as Python has it -------------------------------------------------------------------------------------------------

LETTERS = st.sampled_from("ab1 ")
SETS = st.sampled_from(["a", "b", "1", r"\d", r"\w", "[ab]", "[^a]", "[b-z]", " ", "."])
PATTERNS = st.recursive(
    SETS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map("(?:{0[0]}|{0[1]})".format),
        st.tuples(inner, st.sampled_from(["?", "*", "+", "{2}", "{1,3}", "{2,}"])).map("(?:{0[0]}){0[1]}".format),
    ),
    max_leaves=8,
)


@given(pattern=PATTERNS, text=st.text(LETTERS, max_size=12))
@settings(FIXTURE_IS_SHARED, max_examples=300)
def test_a_pattern_is_found_where_python_finds_it(ask: Ask, pattern: str, text: str):
    """In plain text, as whole words; a set that says what is not in it has no space in it either."""
    assume(not re.search("1 +1", text))  # where digits are joined, each of them may be the last
    pattern = pattern.strip()
    try:
        rules = rule(pattern=pattern)
    except BadRequest:  # it matches nothing at all, or is nothing
        assume(False)
    plain = re.sub(" +", " ", text).strip()
    meant = pattern.replace("[^a]", "[^a ]").replace(r"\w", r"[^ ]").replace(r"\d", "[0-9]")
    expected = re.search(rf"(?<![^ ])(?=[^ ])(?:{meant})(?<=[^ ])(?![^ ])", plain)
    assert bool(cards(ask, rules, heard(text))) == bool(expected)


ODD = st.sampled_from("aÉßıſǅ'’-_ ½ﬁ１२合同かが゛ガｶﾞ\u0301\u3099ั้กा한🙂.\n")
# Python and node have not always the same edition of Unicode.
ASSIGNED = st.characters(exclude_categories=("Cn", "Co", "Cs"), max_codepoint=0x1FFFF)


@given(text=st.text(ODD | ASSIGNED, max_size=12))
@settings(FIXTURE_IS_SHARED, max_examples=300)
def test_plain_words_are_the_same_to_the_server_and_to_the_page(ask: Ask, text: str):
    assert [each["word"] for each in ask({"plain": text})] == plain_words(text)
