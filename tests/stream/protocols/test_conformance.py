"""Every dialect of the registry keeps what all promise."""

import pytest

from tests.conformance.check_protocol import check_protocol
from tests.conformance.dialects import SPOKEN
from tests.wire.conversation import DIALECTS


@pytest.mark.parametrize("name", DIALECTS)
async def test_conformance(name: str):
    assert name in SPOKEN, f"say in tests/conformance/dialects.py how `{name}` is spoken"
    await check_protocol(DIALECTS[name], SPOKEN[name])
