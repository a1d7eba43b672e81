"""Who may talk to the server at all: keys, Host and Origin, decided before any route and before any upgrade.

Knows nothing of sessions, quotas or models.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from stream import credentials, links, pages
from stream.errors import BadRequest, Forbidden, Misdirected, StreamError, Unauthorized
from stream.rest.dialect import Dialect, settled
from stream.rest.envelope import envelope
from stream.tokens import Token, Tokens
from stream.twilio_signature import signature

Origin = tuple[str, str, int]
"""Scheme, host, port."""
Parsed = TypeVar("Parsed")

OPEN_PATHS = ("/livez", "/readyz")
"""Probes carry no keys, and learn nothing."""
TWILIO_PATH = "/twilio"
QUERY_NAMES = ("api_key", "apikey", "key", "token", "access_token", "jwt")
"""What people call a key in a URL, where logs and histories would keep it."""
KEY = re.compile(r"[!-+\--~]+")
"""Visible ASCII without the comma: what any header carries unchanged."""
NAME = re.compile(r"[a-z0-9._-]+")
ORIGIN = re.compile(r"(https?)://(\[[^]]*\]|[^:]*)(?::([0-9]{1,5}))?")
CREDENTIALS_HINT = "send `Authorization: Bearer KEY`, `x-api-key: KEY`, or the subprotocols `steno.v1, steno.key.KEY`"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessOptions:
    api_key_file: str | None = field(
        default=None, metadata={"help": "file with an API key on each line; lines that begin with # don't count"}
    )
    watch_all_key_file: str | None = field(
        default=None,
        metadata={"help": "file with more keys, whose holders may also watch the live sessions of all keys"},
    )
    twilio_auth_token_file: str | None = field(
        default=None,
        metadata={"help": "file with Twilio's auth token, or several in lines: calls that it has signed need no key"},
    )
    public_url: str | None = field(
        default=None, metadata={"help": "where clients reach the server, behind a proxy say"}
    )
    allow_host: tuple[str, ...] = field(default=(), metadata={"help": "another Host name that the server answers to"})
    allow_origin: tuple[str, ...] = field(
        default=(), metadata={"help": "another Origin whose pages may connect, like https://captions.example"}
    )


def load_keys(options: AccessOptions, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Keys from the files (blank lines and `#` lines don't count) and from STENO_API_KEYS (with commas).

    Raises OSError for a file that can't be read, and BadRequest for a source that is named but holds no key, or one
    that no client could send: a server that was meant to have keys never runs without.
    """
    given = _of_variable("STENO_API_KEYS", environ) + _of_file(options.api_key_file)
    return given + load_watching_keys(options)


def load_watching_keys(options: AccessOptions) -> tuple[str, ...]:
    """Those of the keys that may also watch the sessions of all."""
    return _of_file(options.watch_all_key_file)


def load_twilio_tokens(options: AccessOptions, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Twilio's auth tokens, from their file and from STENO_TWILIO_AUTH_TOKEN, as keys are."""
    return _of_variable("STENO_TWILIO_AUTH_TOKEN", environ) + _of_file(options.twilio_auth_token_file)


def _of_variable(name: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    return _checked(name, environ[name].split(",")) if name in environ else ()


def _of_file(path: str | None) -> tuple[str, ...]:
    if path is None:
        return ()
    lines = Path(path).read_text("latin-1").splitlines()
    return _checked(path, [line for line in lines if not line.startswith("#")])


def _checked(source: str, entries: Iterable[str]) -> tuple[str, ...]:
    found = tuple(entry.strip() for entry in entries if entry.strip())
    if not found:
        raise BadRequest(f"{source} holds no key", hint="put one there, or do without it")
    if not all(KEY.fullmatch(key) for key in found):
        raise BadRequest(f"{source} holds a key that is not visible ASCII without spaces and commas")
    return found


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose request it is. key: the id of a key, which tells keys apart and gives none away; None without keys.

    token: what was sent in place of that key, if it was. watches_all: whether the sessions of all keys may be watched.
    """

    key: str | None = None
    token: Token | None = None
    watches_all: bool = False


class Access:
    """The rules of one server. Keys are kept as digests; `host` is the address it listens on. Where there are
    `twilio_tokens`, Twilio's path needs a signature made with one of them, or a key. `watching` are those of the keys
    that may watch the sessions of all.

    Raises BadRequest where the server would be open to a network without keys, or for an option that could never match.
    """

    def __init__(
        self,
        options: AccessOptions,
        host: str,
        keys: Iterable[str],
        twilio_tokens: Iterable[str] = (),
        watching: Iterable[str] = (),
    ) -> None:
        self._digests = [_digest(key) for key in keys]
        self._watching = {_id(_digest(key)) for key in watching}
        if not self._digests and not _is_loopback(host):
            raise BadRequest(
                f"listening on {host} would let everyone who can reach it in",
                hint="set API keys: --api-key-file or STENO_API_KEYS",
            )
        public = [] if options.public_url is None else [_configured(_origin, "--public-url", options.public_url)]
        self._public = public[0] if public else None
        self._origins = {*public, *(_configured(_origin, "--allow-origin", each) for each in options.allow_origin)}
        self._hosts = {"localhost", "127.0.0.1", "::1", _configured(_name, "--host", host)}
        self._hosts |= {name for _, name, _ in public}
        self._hosts |= {_configured(_name, "--allow-host", each) for each in options.allow_host}
        # What Twilio signs is the URL in a call's TwiML: the signature is always the same.
        called = f"{self.public_origin}{TWILIO_PATH}".replace("http", "ws", 1)
        self._signed = {signature(token, called): _id(_digest(token)) for token in twilio_tokens}
        if self._signed and not self._public:
            raise BadRequest("Twilio signs the URL that it is told to call", hint="say where that is: --public-url")

    @property
    def keyed(self) -> bool:
        """Whether requests need a key."""
        return bool(self._digests)

    @staticmethod
    def is_open(path: str) -> bool:
        """Whether a path needs no key even then."""
        return path in OPEN_PATHS or path.startswith(links.PATH) or pages.is_page(path)

    @property
    def public_origin(self) -> str | None:
        """The origin of --public-url."""
        return self._public and _url(self._public)

    def is_own(self, origin: str) -> bool:
        """Whether URLs below `origin` lead here: by --public-url, else by any name that the server answers to."""
        with suppress(ValueError):
            parsed = _origin(origin)
            return parsed == self._public if self._public else parsed[1] in self._hosts
        return False

    @property
    def key_ids(self) -> list[str]:
        return [_id(digest) for digest in self._digests]

    def check(self, scope: Scope, tokens: Tokens | None = None) -> Caller:
        """Whose request this is; a token is used by it. Raises Misdirected, Forbidden or Unauthorized."""
        headers = Headers(scope=scope)
        own = self._own(headers, "https" if scope["scheme"] in ("https", "wss") else "http")
        self._check_origin(headers, own)
        signable = self._signed and scope["path"] == TWILIO_PATH
        if signable and (token_id := self._signer(headers)):
            return self._caller(token_id)
        if not (self.keyed or signable) or self.is_open(scope["path"]):
            return self._caller(None)
        if any(name.lower() in QUERY_NAMES for name, _ in parse_qsl(scope["query_string"].decode("latin-1"))):
            raise Unauthorized("a key in the URL is not taken: URLs end up in logs", hint=CREDENTIALS_HINT)
        presented = credentials.presented(headers.items())
        if not presented:
            raise Unauthorized("an API key is needed", hint=CREDENTIALS_HINT)
        for key in presented:
            digest = _digest(key)
            # All are compared, so that time tells nothing about which one was near.
            if sum(hmac.compare_digest(digest, known) for known in self._digests):
                return self._caller(_id(digest))
        for text in presented:
            if tokens and (token := tokens.read(text)):
                return self._stood_in(scope, tokens, token)
        raise Unauthorized("no such API key", hint=CREDENTIALS_HINT)

    def _caller(self, key: str | None, token: Token | None = None) -> Caller:
        return Caller(key, token, not self.keyed or key in self._watching)

    def _stood_in(self, scope: Scope, tokens: Tokens, token: Token) -> Caller:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if not token.opens(path, scope["type"] == "websocket"):
            raise Forbidden(f"a token of scope `{token.scope}` is not for this", hint="an API key is needed here")
        tokens.redeem(token)
        return self._caller(token.key, token)

    def middleware(self, app: ASGIApp, refused: Callable[[StreamError], None], tokens: Tokens | None = None) -> ASGIApp:
        """`app` behind these rules; `refused` is told of every request that they keep out.

        In a request's scope it finds the Caller, the id of the key, and no subprotocol that holds one.
        """

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            answer = app
            if scope["type"] in ("http", "websocket"):
                try:
                    caller = self.check(scope, tokens)
                    scope["steno.caller"], scope["steno.key"] = caller, caller.key
                    if scope["type"] == "websocket":
                        scope["subprotocols"] = credentials.selectable(scope["subprotocols"])
                except StreamError as error:
                    refused(error)
                    answer = refusal(error, settled(scope["path"], Headers(scope=scope).get("user-agent", "")))
            await answer(scope, receive, send)

        return guarded

    def _signer(self, headers: Headers) -> str | None:
        """The id of the token that Twilio has signed its way here with."""
        presented = headers.get("x-twilio-signature", "").encode()
        matches = [each for known, each in self._signed.items() if hmac.compare_digest(known.encode(), presented)]
        return matches[0] if matches else None

    def _own(self, headers: Headers, scheme: str) -> Origin:
        """The origin that the request itself is for: names that only a foreign DNS points here are turned away."""
        with suppress(ValueError):
            [host] = headers.getlist("host")
            own = _origin(f"{scheme}://{host}")
            if own[1] in self._hosts:
                return own
        raise Misdirected("this server does not answer to that Host", hint="see --public-url and --allow-host")

    def _check_origin(self, headers: Headers, own: Origin) -> None:
        """Browsers send an Origin, and cross-origin rules don't cover WebSockets: pages elsewhere are kept out here."""
        with suppress(ValueError):
            if {_origin(each) for each in headers.getlist("origin")} <= {own, *self._origins}:
                return
        raise Forbidden("pages of that Origin may not connect", hint="see --public-url and --allow-origin")


def refusal(error: StreamError, dialect: Dialect | None = None, request_id: str = "") -> JSONResponse:
    """An error as HTTP: instead of an answer, or before an upgrade."""
    headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(envelope(error, dialect, request_id), error.status, headers)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _id(digest: bytes) -> str:
    return digest.hex()[:12]


def _configured(parse: Callable[[str], Parsed], flag: str, value: str) -> Parsed:
    """An option's value as it is compared; a "/" behind it is no harm."""
    try:
        return parse(value.removesuffix("/"))
    except ValueError:
        form = "an origin like https://captions.example" if parse is _origin else "a host name or address, without port"
        raise BadRequest(f"{flag} {value} is not {form}") from None


def _origin(text: str) -> Origin:
    """Scheme, host and port as they are compared; raises ValueError."""
    if not (found := ORIGIN.fullmatch(text.lower())):
        raise ValueError(text)
    scheme, name, port = found.groups()
    return scheme, _name(name), int(port or {"http": 80, "https": 443}[scheme])


def _url(origin: Origin) -> str:
    scheme, name, port = origin
    host = f"[{name}]" if ":" in name else name
    return f"{scheme}://{host}" + ("" if port == {"http": 80, "https": 443}[scheme] else f":{port}")


def _name(text: str) -> str:
    """A host name or address as it is compared; IPv6 with or without brackets. Raises ValueError."""
    if ":" in text:
        return str(ipaddress.IPv6Address(text.removeprefix("[").removesuffix("]")))
    if not NAME.fullmatch(name := text.lower()):
        raise ValueError(text)
    return name.removesuffix(".")
