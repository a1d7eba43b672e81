"""URLs that open one file to whoever holds them, until they expire.

Knows nothing of files but their ids, and fetches nothing.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable

from stream.errors import Forbidden
from stream.secret import Secret

PATH = "/v1/signed/"
"""Behind it comes a file's id. Paths below need no key: the signature is one, for that file alone."""
LINK = re.compile(r"(https?://[^/?#@\\\s]+)/v1/signed/([0-9a-f-]{36})\?expires=([0-9]{1,12})&signature=([0-9a-f]{64})")
PURPOSE = "steno file link 1"


class Links:
    """`is_own` tells whether an origin, like https://captions.example, is this server's; `now`: Unix seconds."""

    def __init__(self, secret: Secret, is_own: Callable[[str], bool], now: Callable[[], float]) -> None:
        self._secret = secret
        self._is_own = is_own
        self._now = now

    def make(self, origin: str, file_id: str, expires: int) -> str:
        """The URL of a file below `origin`, valid until `expires` (Unix seconds). Raises what `Secret.digest` does."""
        signature = self._sign(file_id, str(expires))
        return f"{origin}{PATH}{file_id}?expires={expires}&signature={signature}"

    def check(self, file_id: str, expires: str, signature: str) -> None:
        """Raise Forbidden for a signature that isn't ours, or one whose time is over."""
        if not hmac.compare_digest(self._sign(file_id, expires).encode(), signature.encode()):
            raise Forbidden("this URL was not signed by this server", hint="ask for a new one")
        if int(expires) <= self._now():
            raise Forbidden("this URL has expired", hint="ask for a new one")

    def own_file(self, url: str) -> str | None:
        """The id of the file that a URL of ours stands for, so that it need not be fetched; None for any other URL.

        Only URLs to the letter as `make` writes them count: how anyone else would read the rest doesn't matter then.
        """
        if not (found := LINK.fullmatch(url)):
            return None
        origin, file_id, expires, signature = found.groups()
        if not self._is_own(origin):
            return None
        try:
            self.check(file_id, expires, signature)
        except Forbidden:
            return None
        return file_id

    def _sign(self, file_id: str, expires: str) -> str:
        return self._secret.digest(PURPOSE, file_id, expires)
