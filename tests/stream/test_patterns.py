"""What patterns and phrases may hold; what they find is in `tests/web/test_rules.py`."""

from __future__ import annotations

import pytest

from stream.patterns import MAX_LENGTH, compile_rule, plain_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Policy: ONE, two-34!", ["policy", "one", "two", "34"]),
        ("Zoë’s  crème\nbrûlée", ["zoe", "s", "creme", "brulee"]),
        ("ﬁne １２ ½", ["fine", "12", "1", "2"]),
        ("我要 取消", ["我", "要", "取", "消"]),
        ("हिन्दी", ["हिन्दी"]),
        ("…", []),
    ],
)
def test_plain_words(text: str, words: list[str]):
    assert plain_words(text) == words


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("a-b", "character 2: `-` is never in the text"),
        ("it's", "character 3: `'`"),
        (r"a\.b", r"character 3: `\\\.` is not offered"),
        (r"\bcancel", r"`\\b` is not offered; there are `\\d`, `\\w` and `\\s`"),
        ("^cancel", r"`\^` is not offered"),
        ("cancel$", "`\\$` is not offered"),
        ("(?i)cancel", r"groups that begin with `\(\?`"),
        ("(?=a)b", r"groups that begin with `\(\?`"),
        (r"(a)\1", r"`\\1` is not offered"),
        ("a|", "there is nothing here"),
        ("()", "there is nothing here"),
        ("(a", "a group is not closed"),
        ("a)", r"`\)` closes no group"),
        ("[a", "a set is not closed"),
        ("[a-", "a set is not closed"),
        ("[]", "a set is empty"),
        ("[z-a]", "`z-a` runs backwards"),
        ("[ﬁ]", "several characters"),
        ("[!]", "`!` is never in the text"),
        (r"[\x]", r"`\\x` is not offered"),
        ("a\\", "is not offered"),
        ("*a", r"`\*` repeats nothing"),
        ("a{,3}", "`{` repeats nothing"),
        ("a*?", r"`\?` follows a repetition"),
        ("a{3}{3}", "`{` follows a repetition"),
        ("a{3,2}", "from a lower to a higher number"),
        ("a{0}", "from a lower to a higher number"),
        ("a{1,201}", "at most 200"),
        ("a*", "matches nothing at all"),
        ("(" * 21 + "a" + ")" * 21, "20 deep"),
        ("((a{200}){200}){200}", "more than 1000 characters"),
        (r"(\w{0,200})", "too many ways"),
        ("a" * (MAX_LENGTH + 1), f"at most {MAX_LENGTH} characters"),
        ("\u0301", "is never in the text"),
    ],
)
def test_what_a_pattern_may_not_hold_is_named_with_its_place(pattern: str, complaint: str):
    with pytest.raises(ValueError, match=complaint):
        compile_rule((), pattern, {})


@pytest.mark.parametrize("pattern", ["a", " a ", "(?:a|b)+c?", r"[\d\s]a", "[a-cx]", "[^b]", r"\w{2,}", "a{3}b{0,1}"])
def test_what_it_may(pattern: str):
    assert compile_rule((), pattern, {}).sets


@pytest.mark.parametrize("phrase", ["…", " ", "*", "a * b"])
def test_a_phrase_without_words_is_none(phrase: str):
    with pytest.raises(ValueError, match="phrase"):
        compile_rule((phrase,), None, {})


def test_a_rule_finds_its_phrases_and_its_pattern():
    both = compile_rule(("ab", "c"), "d", {})
    assert (len(both.sets), len(both.first), len(both.last)) == (4, 3, 3)
