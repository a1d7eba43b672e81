"""What was measured, as JSON. Pure; knows nothing of how it was measured."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from steno.bench.measure import Point


def document(options: Mapping[str, Any], largest: int | None, points: Sequence[Point]) -> str:
    """`{"options": {…}, "largest": …, "points": […]}`: a Report for each point, with the `missed` of its SLO.

    largest: the most sessions that kept the SLO, None where that was not the question.
    """
    told = [{**asdict(point.report), "missed": point.missed} for point in points]
    return json.dumps(_rounded({"options": options, "largest": largest, "points": told}), indent=2) + "\n"


def _rounded(value: Any) -> Any:
    """To a millionth: a microsecond is less than any clock here can tell."""
    match value:
        case float():
            return round(value, 6)
        case dict():
            return {name: _rounded(each) for name, each in value.items()}
        case list() | tuple():
            return [_rounded(each) for each in value]
        case _:
            return value
