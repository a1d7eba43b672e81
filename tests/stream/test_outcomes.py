"""stream/outcomes.py"""

from contextlib import suppress

import pytest
from prometheus_client import CollectorRegistry, Counter

from stream.errors import BadRequest
from stream.outcomes import counted

ENDS = {"done": None, "bad_request": BadRequest("no"), "gone": KeyError()}


@pytest.mark.parametrize(("outcome", "error"), ENDS.items())
def test_each_end_counts_once(outcome: str, error: Exception | None):
    registry = CollectorRegistry()
    ends = Counter("ends", "Ends", ["outcome"], registry=registry)
    with suppress(BadRequest, KeyError), counted(ends):
        if error:
            raise error
    told = {each: registry.get_sample_value("ends_total", {"outcome": each}) for each in ENDS}
    assert told == dict.fromkeys(ENDS) | {outcome: 1}


def test_errors_go_on():
    with pytest.raises(BadRequest), counted(Counter("ends", "Ends", ["outcome"], registry=CollectorRegistry())):
        raise BadRequest("no")
