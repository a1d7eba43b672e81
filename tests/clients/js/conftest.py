"""The real server that the SDK is tried against."""

from tests.e2e.conftest import server, start_server

__all__ = ["server", "start_server"]
