"""The rules that raise cards in the call view.

Knows nothing of how rules are written, nor of how words are found.
"""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel

from stream.rest.failures import documented
from stream.rules import RuleFile, RuleSet, Severity, Side

Ranges = list[tuple[int, int]]


class Automaton(BaseModel):
    """What finds the words, in plain text: a match goes from one of `first` over `follow` to one of `last`.

    sets: for each place, ranges of code points. follow: for each place, those that may come next.
    """

    sets: list[Ranges]
    first: list[int]
    follow: list[list[int]]
    last: list[int]


class Rule(BaseModel):
    """side: channel 0 is the caller, 1 the agent; null: either. cooldown_s: null raises one card in a call."""

    name: str
    hint: str
    side: Side | None
    severity: Severity
    cooldown_s: float | None
    automaton: Automaton


class Rules(BaseModel):
    """digits: words that stand for one, as plain text. example: the server was given no file, these are for trying out.

    problem: what is wrong with the file as it is now, while the rules are those it held before.
    """

    object: Literal["list"] = "list"
    data: list[Rule]
    digits: dict[str, int]
    example: bool
    problem: str | None


def routes(file: RuleFile) -> APIRouter:
    router = APIRouter(tags=["calls"])

    # It reads a file: as a plain function it is sent to a thread.
    @router.get("/v1/rules", response_model=Rules, responses=documented(401))
    def rules() -> dict[str, Any]:
        """What raises cards in the call view, as the server's file has it now."""
        latest, problem = file.latest()
        return told(latest) | {"example": file.is_example, "problem": problem}

    return router


def told(rule_set: RuleSet) -> dict[str, Any]:
    return {
        "data": [
            {
                "name": rule.name,
                "hint": rule.hint,
                "side": rule.side,
                "severity": rule.severity,
                "cooldown_s": rule.cooldown_s,
                "automaton": {name: getattr(rule.automaton, name) for name in rule.automaton.__slots__},
            }
            for rule in rule_set.rules
        ],
        "digits": rule_set.digits,
    }
