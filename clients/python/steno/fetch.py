"""Gets one resource of a server over HTTP. Knows nothing of what it says."""

from __future__ import annotations

import urllib.error
import urllib.request

from steno.protocol import refusal

TIMEOUT_S = 10


def fetch(address: str, api_key: str | None) -> bytes:
    """Raises RefusedError for an answer that isn't one, OSError without an answer."""
    request = urllib.request.Request(address)
    if api_key:
        # "Unredirected": wherever a redirect leads, the key stays here.
        request.add_unredirected_header("Authorization", f"Bearer {api_key}")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            body: bytes = answer.read()
            return body
    except urllib.error.HTTPError as error:
        with error:
            raise refusal(error.code, error.headers.get("Retry-After"), error.read()) from None
