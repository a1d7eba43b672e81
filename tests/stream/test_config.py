"""Flags over environment over defaults, for every option there is."""

import argparse
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import pytest

from stream import config


@dataclass(frozen=True, kw_only=True)
class Sample:
    name: str | None = field(default=None, metadata={"help": "a text"})
    count: int = field(default=3, metadata={"help": "a number"})
    share: float = field(default=0.5, metadata={"help": "a fraction"})
    loud: bool = field(default=False, metadata={"help": "a switch"})
    place: Literal["here", "there"] = field(default="here", metadata={"help": "a choice"})
    also: tuple[str, ...] = field(default=(), metadata={"help": "several"})
    inner: int = 7


def read(*arguments: str, **environ: str) -> Sample:
    parser = argparse.ArgumentParser(exit_on_error=False)
    config.add_flags(parser, Sample)
    return config.load(Sample, vars(parser.parse_args(arguments)), environ)


def test_defaults():
    assert read() == Sample()


def test_flags():
    switches = ["--loud", "--place", "there"]
    flags = ["--name", "x", "--count", "4", "--share", "0.1", "--also", "a", "--also", "b"]
    assert read(*flags, *switches) == Sample(name="x", count=4, share=0.1, loud=True, place="there", also=("a", "b"))


def test_environment():
    environ = {"NAME": "x", "COUNT": "4", "SHARE": "0.1", "LOUD": "yes", "PLACE": "there", "ALSO": "a, b"}
    chosen = read(**{f"STENO_{name}": value for name, value in environ.items()})
    assert chosen == Sample(name="x", count=4, share=0.1, loud=True, place="there", also=("a", "b"))


def test_flags_win_over_the_environment():
    assert read("--no-loud", "--count", "5", STENO_LOUD="yes", STENO_COUNT="4") == Sample(count=5)


@pytest.mark.parametrize("variable", [{"STENO_COUNT": "many"}, {"STENO_LOUD": "2"}, {"STENO_PLACE": "nowhere"}])
def test_a_variable_that_cannot_be_read_is_named(variable: dict[str, str]):
    with pytest.raises(ValueError, match=next(iter(variable))):
        read(**variable)


def test_what_has_no_help_is_no_option():
    with pytest.raises((SystemExit, argparse.ArgumentError)):  # the second from Python 3.12 on
        read("--inner", "8")


def test_the_servers_options_have_distinct_names_and_all_can_be_read():
    parser = argparse.ArgumentParser()
    config.add_flags(parser, *config.KINDS)
    assert config.load_all(vars(parser.parse_args([])), {}) == config.Config()
    chosen: Any = config.load_all(vars(parser.parse_args(["--max-sessions", "7"])), {"STENO_IDLE_S": "9"})
    assert (chosen.admission.max_sessions, chosen.limits.idle_s) == (7, 9)
    assert {f.name for kind in config.KINDS for f in fields(kind)}
