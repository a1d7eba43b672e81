"""Counts how what is asked for ends: done, left alone by its client, or with an error.

Knows nothing of what it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter

from stream.errors import StreamError


@contextmanager
def counted(outcomes: Counter) -> Iterator[None]:
    """Count one in `outcomes`, whose label is called `outcome`, by how the block ends."""
    outcome = "gone"
    try:
        yield
        outcome = "done"
    except StreamError as error:
        outcome = error.code
        raise
    finally:
        outcomes.labels(outcome=outcome).inc()
