"""Tokens that stand in for a key for some minutes and for one purpose: what a browser is given in place of the key.

They are signed and not kept; only of those that have been used it is remembered. Knows nothing of requests.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from heapq import heappop, heappush
from typing import Literal, cast, get_args

from stream.errors import Unauthorized
from stream.secret import Secret

Scope = Literal["transcribe", "watch"]
"""transcribe: open one live session. watch: list and follow live sessions of the key, or a single one,
and read the rules that raise cards there."""
Prefix = Literal["st_", "ek_", "rt_"]
"""How a token begins: ours, OpenAI's, Mistral's. It means the same with each."""
MAX_TTL_S = 600
SESSION = "[A-Za-z0-9_-]{1,128}"
"""What can name a session in a token. With the dots between its parts, a token is a legal name of a subprotocol."""
FORM = re.compile(
    rf"(?:{'|'.join(get_args(Prefix))})({'|'.join(get_args(Scope))})\.([0-9a-f]{{16}})\.({SESSION})?\."
    r"([0-9]{1,12})\.([A-Za-z0-9_-]{22})"
)
LIVE, RULES = "/v1/sessions", "/v1/rules"
WATCHED = re.compile(rf"{LIVE}/[^/]+/watch")
PURPOSE, OWNER = "steno token 1", "steno token owner 1"


@dataclass(frozen=True, slots=True)
class Token:
    """key: the id of the key that it acts for, None for a server without keys. expires: Unix seconds.

    session: the only one that may be watched, by its id or the value of one of its labels; None for all of the key's.
    """

    scope: Scope
    key: str | None
    session: str | None
    expires: int
    id: str

    def opens(self, path: str, websocket: bool) -> bool:
        """Whether it may ask for a path; all that is not named here needs a key."""
        if self.scope == "watch":
            return bool(WATCHED.fullmatch(path)) if websocket else path in (LIVE, RULES)
        return websocket and not path.startswith(LIVE)


class Tokens:
    """`keys` are the ids of the server's keys: when one is taken away, its tokens are worth nothing. now: Unix seconds.

    Belongs to the event loop, but for `make`, which any thread may call.
    """

    def __init__(self, secret: Secret, keys: Iterable[str], now: Callable[[], float]) -> None:
        self._secret = secret
        self._keys = tuple(keys)
        self._now = now
        self._spent: set[str] = set()
        self._forgettable: list[tuple[int, str]] = []

    def make(
        self, key: str | None, scope: Scope, session: str | None, ttl_s: int, prefix: Prefix = "st_"
    ) -> tuple[str, Token]:
        """A new token as it is sent, and what it stands for. Raises what `Secret.digest` does."""
        token = Token(scope, key, session, int(self._now()) + ttl_s, secrets.token_urlsafe(16))
        text = f"{prefix}{scope}.{self._owner(key)}.{session or ''}.{token.expires}.{token.id}"
        return f"{text}.{self._secret.digest(PURPOSE, text)}", token

    def read(self, text: str) -> Token | None:
        """What a token stands for; None for what is no token of this server. Raises Unauthorized where it's too late.

        Raises what `Secret.digest` does, too.
        """
        signed, _, signature = text.rpartition(".")
        if not (found := FORM.fullmatch(signed)):
            return None
        if not hmac.compare_digest(self._secret.digest(PURPOSE, signed).encode(), signature.encode()):
            return None
        scope, owner, session, expires, identity = found.groups()
        if owner not in self._owners:
            return None
        token = Token(cast(Scope, scope), self._owners[owner], session, int(expires), identity)
        if token.expires <= self._now():
            raise Unauthorized("this token has expired", hint="ask for a new one with the key: POST /v1/tokens")
        return token

    def redeem(self, token: Token) -> None:
        """Use it. Raises Unauthorized the second time, for one that opens a live session."""
        if token.scope != "transcribe":
            return
        while self._forgettable and self._forgettable[0][0] <= self._now():
            self._spent.discard(heappop(self._forgettable)[1])
        if token.id in self._spent:
            raise Unauthorized("this token has been used", hint="each opens one session: POST /v1/tokens for another")
        self._spent.add(token.id)
        heappush(self._forgettable, (token.expires, token.id))

    def _owner(self, key: str | None) -> str:
        """What stands for a key's id, which is the start of its digest: a browser can't try passwords against it."""
        return self._secret.digest(OWNER, key or "")[:16]

    @cached_property
    def _owners(self) -> dict[str, str | None]:
        return {self._owner(key): key for key in self._keys or (None,)}
