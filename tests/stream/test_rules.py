"""Files of rules: what they may say, how mistakes are named, and how a file that changes is read again."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream.errors import BadRequest
from stream.rules import DIGITS, EXAMPLE, MAX_BYTES, MAX_RULES, RuleFile, RuleOptions, parse, read

RULE = '[[rule]]\nname = "R"\nhint = "Say so."\nphrases = ["refund"]\n'


def test_a_rule_as_it_is_written():
    full = RULE + 'pattern = \'\\d{6}\'\nside = "agent"\nseverity = "urgent"\ncooldown_s = 30\n'
    [plain], [rule] = parse(RULE.encode(), "r").rules, parse(full.encode(), "r").rules
    assert (plain.name, plain.hint, plain.side, plain.severity, plain.cooldown_s) == (
        "R",
        "Say so.",
        None,
        "info",
        None,
    )
    assert (rule.side, rule.severity, rule.cooldown_s) == ("agent", "urgent", 30)
    assert len(rule.automaton.sets) == len(plain.automaton.sets) + 6


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[rule]", "my.toml is not TOML: .*line 1"),
        ("rules = 1", r"my.toml: `rules` is neither a \[\[rule\]\] nor the table \[digits\]"),
        ("rule = 1", r"each begun with \[\[rule\]\]"),
        (RULE + "\n" + RULE.replace('"R"', "3"), "line 6, rule 2: Expected `str`, got `int` - at `name`"),
        (RULE.replace("hint", "tip"), 'line 1, rule 1 "R": it contains unknown field `tip`'),
        (RULE.replace('hint = "Say so."', ""), "missing required field `hint`"),
        (RULE.replace("phrases", "# phrases"), "it needs `phrases` or a `pattern`"),
        (RULE.replace('["refund"]', "[]"), "Expected `array` of length >= 1 - at `phrases`"),
        (RULE.replace('"refund"', '"…"'), 'line 1, rule 1 "R": the phrase "…" holds no word'),
        (RULE + 'severity = "red"', "Invalid enum value 'red' - at `severity`; it is info or warning or urgent"),
        (RULE + 'side = "boss"', "at `side`; it is caller or agent"),
        (RULE + "cooldown_s = 0", "at `cooldown_s`"),
        (RULE + "pattern = '(a'", "in the pattern, at character 3: a group is not closed"),
        (RULE + RULE, 'two rules have the name "R"'),
        ('rule = [{name = "R"}]', 'my.toml, rule 1 "R": it is missing required field `hint`'.replace("is ", "(is )?")),
        ("[digits]\none = 10", r"my.toml, \[digits\]: Expected `int` <= 9"),
        ("[digits]\n'one two' = 1", '"one two" is not one word'),
        (RULE * (MAX_RULES + 1), "at most 200 tables"),
        ("#" * (MAX_BYTES + 1), "more than 256 KiB"),
    ],
)
def test_a_mistake_is_named_with_its_rule_and_line(text: str, complaint: str):
    with pytest.raises(BadRequest, match=complaint):
        parse(text.encode(), "my.toml")


def test_what_is_not_utf_8_is_no_rules_file():
    with pytest.raises(BadRequest, match="not UTF-8"):
        parse(b"\xff", "my.toml")


def test_all_patterns_together_are_bounded():
    long = '[[rule]]\nname = "R{}"\nhint = "h"\npattern = \'a{{200}}b{{200}}\'\n'
    with pytest.raises(BadRequest, match="together are too long"):
        parse("".join(long.format(number) for number in range(51)).encode(), "r")


def test_digits_are_plain_words_and_a_file_adds_to_them():
    assert (DIGITS["one"], DIGITS["funf"], DIGITS["oh"]) == (1, 5, 0)
    assert set(DIGITS.values()) == set(range(10))
    digits = parse(b"[digits]\nVijf = 5\n", "r").digits
    assert digits == {**DIGITS, "vijf": 5}


def test_the_examples_are_right_and_hold_where_no_file_is_named():
    file = RuleFile(RuleOptions())
    assert file.is_example
    rules, problem = file.latest()
    assert (rules, problem) == (read(EXAMPLE), None)
    assert {rule.severity for rule in rules.rules} == {"info", "warning", "urgent"}
    assert {rule.side for rule in rules.rules} == {"caller", "agent", None}


def test_a_file_is_read_again_and_while_it_is_wrong_the_rules_before_hold(tmp_path: Path):
    path = tmp_path / "my.toml"
    path.write_text(RULE)
    file = RuleFile(RuleOptions(rules=str(path)))
    assert not file.is_example
    path.write_text(RULE.replace('"R"', '"New"'))
    rules, problem = file.latest()
    assert ([rule.name for rule in rules.rules], problem) == (["New"], None)
    path.write_text("[[")
    held, problem = file.latest()
    assert held == rules
    assert problem
    assert problem.startswith("my.toml is not TOML")
    path.unlink()
    held, problem = file.latest()
    assert (held, problem) == (rules, "my.toml: No such file or directory")


def test_a_server_does_not_start_with_rules_that_are_wrong(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        RuleFile(RuleOptions(rules=str(tmp_path / "none.toml")))
    (tmp_path / "my.toml").write_text("rule = 1")
    with pytest.raises(BadRequest, match=r"my.toml"):
        RuleFile(RuleOptions(rules=str(tmp_path / "my.toml")))
