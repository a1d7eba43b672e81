"""Who gets in: every route with every credential, Host and Origin, asked of the real application without a server."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from stream.access import (
    TWILIO_PATH,
    Access,
    AccessOptions,
    Caller,
    load_keys,
    load_twilio_tokens,
    load_watching_keys,
)
from stream.admission import Admission, AdmissionOptions
from stream.app import Service, create_app
from stream.errors import BadRequest
from stream.events import Limits
from stream.files import FileOptions, FileStore
from stream.metrics import Metrics
from stream.protocols.twilio import TwilioProtocol
from stream.twilio_signature import signature
from tests.stream.inline import scripted_engine

KEY, OTHER = "first-secret-5f3a", "second/secret+9c1b=="
OWN = ("host", "localhost:8765")
WEBSOCKET, OPEN, KEYED = (
    ["/v1/stream", "/twilio"],
    ["/livez", "/readyz", "/", "/web/style.css"],
    ["/v1/models", "/metrics", "/docs", "/openapi.json"],
)
NOWHERE = "/nowhere"

asking = pytest.mark.asyncio(loop_scope="module")
"""Of tests that ask an application: all of them in one loop, as they share it."""

Application = Callable[..., Awaitable[Any]]


@pytest.fixture(scope="module")
def application() -> Application:
    """Makes applications, or gives the one that was made so before: what is asked of it changes its metrics only."""
    made: dict[Any, Any] = {}

    async def application(
        *keys: str, host: str = "127.0.0.1", twilio_tokens: tuple[str, ...] = (), **options: Any
    ) -> Any:
        how = (keys, host, twilio_tokens, *options.items())
        if how not in made:
            engine = await scripted_engine()
            service = Service(Admission({engine.name: engine}, AdmissionOptions()), Limits(), Metrics())
            access = Access(AccessOptions(**options), host, keys, twilio_tokens)
            made[how] = create_app(service, access, FileStore(FileOptions()))
        return made[how]

    return application


async def ask(
    app: Any, path: str, *headers: tuple[str, str], websocket: bool = False, tls: bool = False, query: str = ""
) -> tuple[int, str]:
    """Status and body of the answer; 101 and the subprotocol for a WebSocket that opens, and is left at once."""
    sent: list[dict[str, Any]] = []
    kind = "websocket" if websocket else "http"
    incoming = iter([{"type": "websocket.connect"}] if websocket else [{"type": "http.request", "body": b""}])

    async def receive() -> dict[str, Any]:
        return next(incoming, {"type": f"{kind}.disconnect", "code": 1001})

    async def send(message: Any) -> None:
        sent.append(message)

    offered = [name.strip() for key, value in headers if key == "sec-websocket-protocol" for name in value.split(",")]
    scope = {
        "type": kind,
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": {"http": "http", "websocket": "ws"}[kind] + "s" * tls,
        "path": path,
        "query_string": query.encode(),
        "headers": [(key.encode(), value.encode("latin-1")) for key, value in headers],
        "subprotocols": offered,
        "extensions": {"websocket.http.response": {}},
    }
    await app(scope, receive, send)
    if sent[0]["type"] == "websocket.accept":
        return 101, sent[0]["subprotocol"] or ""
    if sent[0]["type"] == "websocket.close":
        return 404, ""  # what a server makes of a socket that no route takes
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent).decode()


GOOD = {
    "bearer": [("authorization", f"Bearer {KEY}")],
    "bearer in another case": [("authorization", f"bEARER  {KEY} ")],
    "token": [("authorization", f"Token {KEY}")],
    "x-api-key": [("x-api-key", KEY)],
    "subprotocol": [("sec-websocket-protocol", f"steno.v1, steno.key.{KEY}")],
    "subprotocol before the version": [("sec-websocket-protocol", f"steno.key.{KEY},steno.v1")],
    "subprotocols in two headers": [
        ("sec-websocket-protocol", "steno.v1"),
        ("sec-websocket-protocol", f"steno.key.{KEY}"),
    ],
    "no scheme": [("authorization", KEY)],
    "no scheme, with spaces around": [("authorization", f" {KEY} ")],
    "OpenAI's subprotocol": [
        ("sec-websocket-protocol", f"realtime, openai-insecure-api-key.{KEY}, openai-beta.realtime-v1")
    ],
    "Deepgram's subprotocols": [("sec-websocket-protocol", f"token, {KEY}")],
    "Deepgram's subprotocols for its tokens": [("sec-websocket-protocol", f"bearer, {KEY}")],
    "the other key": [("authorization", f"Bearer {OTHER}")],
    "a wrong and a good one": [("x-api-key", "wrong"), ("authorization", f"Bearer {KEY}")],
}
BAD: dict[str, list[tuple[str, str]]] = {
    "none": [],
    "a wrong one": [("authorization", "Bearer wrong")],
    "the beginning of a key": [("x-api-key", KEY[:-1])],
    "more than a key": [("x-api-key", KEY + "a")],
    "a key in another case": [("x-api-key", KEY.upper())],
    "both keys in one": [("x-api-key", f"{KEY},{OTHER}")],
    "an empty one": [("x-api-key", "")],
    "bearer without a key": [("authorization", "Bearer ")],
    "token without a key": [("authorization", "Token")],
    "another scheme": [("authorization", f"Basic {KEY}")],
    "a key as the subprotocol": [("sec-websocket-protocol", f"steno.v1, {KEY}")],
    "token at the end": [("sec-websocket-protocol", f"{KEY}, token")],
    "a key behind another subprotocol": [("sec-websocket-protocol", f"realtime, {KEY}")],
    "a wrong subprotocol": [("sec-websocket-protocol", "steno.v1, steno.key.wrong")],
    "not ASCII": [("x-api-key", "schlüssel")],
}


@pytest.mark.parametrize("credential", GOOD | BAD)
@asking
async def test_every_route_with_every_credential(application: Application, credential: str):
    app = await application(KEY, OTHER)
    headers = (GOOD | BAD)[credential]
    good = credential in GOOD
    for path in KEYED:
        assert (await ask(app, path, OWN, *headers))[0] == (200 if good else 401)
    for path in OPEN:
        assert (await ask(app, path, OWN, *headers))[0] == 200
    for path in WEBSOCKET:
        assert (await ask(app, path, OWN, *headers, websocket=True))[0] == (101 if good else 401)
    for websocket in (False, True):
        assert (await ask(app, NOWHERE, OWN, *headers, websocket=websocket))[0] == (404 if good else 401)


@pytest.mark.parametrize("credential", GOOD | BAD)
@asking
async def test_without_keys_credentials_are_ignored(application: Application, credential: str):
    app = await application()
    headers = (GOOD | BAD)[credential]
    assert (await ask(app, "/v1/models", OWN, *headers))[0] == 200
    assert (await ask(app, "/v1/stream", OWN, *headers, websocket=True))[0] == 101


@pytest.mark.parametrize("keys", [(), (KEY,)])
@asking
async def test_the_handshake_selects_the_version_and_never_the_key(application: Application, keys: tuple[str, ...]):
    offered = ("sec-websocket-protocol", f"steno.key.{KEY}, steno.v1")
    assert await ask(await application(*keys), "/v1/stream", OWN, offered, websocket=True) == (101, "steno.v1")


@pytest.mark.parametrize("name", ["api_key", "apikey", "key", "token", "access_token", "jwt", "API_KEY"])
@pytest.mark.parametrize("headers", [[], GOOD["bearer"]])
@asking
async def test_a_key_in_the_url_is_refused_with_a_hint(
    application: Application, name: str, headers: list[tuple[str, str]]
):
    app = await application(KEY)
    for path, websocket in (("/v1/models", False), ("/v1/stream", True)):
        status, body = await ask(app, path, OWN, *headers, websocket=websocket, query=f"words=true&{name}={KEY}")
        error = json.loads(body)["error"]
        assert (status, error["code"]) == (401, "unauthorized")
        assert "URL" in error["message"]
        assert "Bearer" in error["hint"]


@asking
async def test_a_query_about_no_key_is_no_credential(application: Application):
    app = await application(KEY)
    assert (await ask(app, "/v1/stream", OWN, *GOOD["bearer"], websocket=True, query="keywords=key"))[0] == 101


@pytest.mark.parametrize("websocket", [False, True])
@asking
async def test_a_refusal_says_what_to_do_and_nothing_of_a_key(
    application: Application, websocket: bool, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    app = await application(KEY)
    tried = [
        await ask(app, "/v1/stream", OWN, websocket=websocket),
        await ask(app, "/v1/stream", OWN, ("x-api-key", "guess-77"), websocket=websocket),
        await ask(app, "/v1/stream", OWN, websocket=websocket, query=f"api_key={KEY}"),
    ]
    for status, body in tried:
        error = json.loads(body)["error"]
        assert (status, error["code"]) == (401, "unauthorized")
        assert "steno.key.KEY" in error["hint"]
    said = caplog.text + "".join(body for _, body in tried)
    assert "guess-77" not in said
    assert KEY not in said


def test_key_ids_are_stable_tell_keys_apart_and_hold_nothing_of_them():
    scope = {"type": "http", "scheme": "http", "path": "/v1/models", "query_string": b""}

    def key_id(access: Access, key: str) -> str | None:
        return access.check({**scope, "headers": [(b"host", b"localhost"), (b"x-api-key", key.encode())]}).key

    access = Access(AccessOptions(), "127.0.0.1", [KEY, OTHER])
    again = Access(AccessOptions(), "127.0.0.1", [OTHER, KEY])
    assert key_id(access, KEY) == key_id(again, KEY)
    assert key_id(access, KEY) != key_id(access, OTHER)
    assert KEY[:4] not in str(key_id(access, KEY))
    assert KEY not in repr(vars(access))
    assert key_id(Access(AccessOptions(), "127.0.0.1", []), KEY) is None


TOKEN, CALLED = "twilio-6b1c0e5d", "wss://captions.example/twilio"
SIGNATURES = {
    signature(TOKEN, CALLED): True,
    signature("the-one-before", CALLED): True,
    signature("wrong", CALLED): False,
    signature(TOKEN, "https://captions.example/twilio"): False,
    signature(TOKEN, "wss://captions.example/v1/stream"): False,
    signature(TOKEN, "wss://evil.example/twilio"): False,
    signature(TOKEN, CALLED)[:-1]: False,
    "": False,
    "schlüssel": False,
}


@pytest.mark.parametrize("keys", [(), (KEY,)])
@pytest.mark.parametrize("presented", SIGNATURES)
@asking
async def test_twilios_signature_stands_for_a_key_on_its_path_only(
    application: Application, presented: str, keys: tuple[str, ...]
):
    tokens = (TOKEN, "the-one-before")
    app = await application(*keys, public_url="https://captions.example", twilio_tokens=tokens)
    signed = ("x-twilio-signature", presented)
    assert (await ask(app, "/twilio", OWN, signed, websocket=True))[0] == (101 if SIGNATURES[presented] else 401)
    for path in ("/v1/stream", "/openai/twilio"):
        assert (await ask(app, path, OWN, signed, websocket=True))[0] == (401 if keys else 101)
    assert (await ask(app, "/twilio", ("host", "evil.example"), signed, websocket=True))[0] == 421


@asking
async def test_a_key_opens_twilios_path_too(application: Application):
    app = await application(KEY, public_url="https://captions.example", twilio_tokens=(TOKEN,))
    assert (await ask(app, "/twilio", OWN, *GOOD["bearer"], websocket=True))[0] == 101
    assert (await ask(app, "/twilio", OWN, ("x-api-key", TOKEN), websocket=True))[0] == 401
    assert (await ask(app, "/livez", OWN))[0] == 200


def test_a_calls_sessions_belong_to_the_token():
    access = Access(AccessOptions(public_url="https://captions.example"), "127.0.0.1", [KEY], [TOKEN, OTHER])
    headers = [(b"host", b"localhost"), (b"x-twilio-signature", signature(TOKEN, CALLED).encode())]
    scope = {"type": "websocket", "scheme": "ws", "path": "/twilio", "query_string": b"", "headers": headers}
    owner = access.check(scope).key
    assert owner
    scope["headers"] = [(b"host", b"localhost"), (b"x-twilio-signature", signature(OTHER, CALLED).encode())]
    assert access.check(scope).key not in (owner, None)
    assert owner not in TOKEN
    assert TOKEN not in repr(vars(access))
    assert TWILIO_PATH in TwilioProtocol.paths


@pytest.mark.parametrize(
    ("public_url", "called"),
    [
        ("https://captions.example:443/", "wss://captions.example/twilio"),
        ("https://Captions.example:8443", "wss://captions.example:8443/twilio"),
        ("http://localhost:8765", "ws://localhost:8765/twilio"),
    ],
)
@asking
async def test_the_url_that_twilio_signs_is_below_the_public_one(
    application: Application, public_url: str, called: str
):
    app = await application(KEY, public_url=public_url, twilio_tokens=(TOKEN,))
    assert (await ask(app, "/twilio", OWN, ("x-twilio-signature", signature(TOKEN, called)), websocket=True))[0] == 101


def test_without_a_public_url_no_signature_could_be_checked():
    with pytest.raises(BadRequest) as caught:
        Access(AccessOptions(), "127.0.0.1", [KEY], [TOKEN])
    assert "--public-url" in str(caught.value.hint)


HOSTS = {
    "localhost": True,
    "LocalHost:8765": True,
    "localhost.": True,
    "localhost.:8765": True,
    "127.0.0.1:1": True,
    "[::1]:8765": True,
    "[0:0:0:0:0:0:0:1]": True,
    "captions.example": True,
    "alias.example:443": True,
    "[2001:db8::7]:8765": True,
    "evil.example": False,
    "localhost.evil.example": False,
    "evil-localhost": False,
    "localhost..": False,
    "localhost/.evil.example": False,
    "evil.example@localhost": False,
    "localhost@evil.example": False,
    "localhost:80@evil.example": False,
    "localhost:port": False,
    "localhost, evil.example": False,
    "127.0.0.2": False,
    "::1": False,
    "[::1": False,
    "[localhost]": False,
    "": False,
    ".": False,
    " ": False,
}


@pytest.mark.parametrize("host", HOSTS)
@asking
async def test_hosts(application: Application, host: str):
    app = await application(public_url="https://captions.example/", allow_host=("Alias.example.", "2001:DB8:0::7"))
    for path in (*KEYED, *OPEN, NOWHERE):
        status, body = await ask(app, path, ("host", host))
        assert (status == 421) is not HOSTS[host]
        assert ('"code":"misdirected"' in body) is not HOSTS[host]
    assert (await ask(app, "/v1/stream", ("host", host), websocket=True))[0] == (101 if HOSTS[host] else 421)


@pytest.mark.parametrize("websocket", [False, True])
@asking
async def test_no_host_and_several_hosts(application: Application, websocket: bool):
    app = await application()
    assert (await ask(app, "/v1/stream", websocket=websocket))[0] == 421
    assert (await ask(app, "/v1/stream", OWN, OWN, websocket=websocket))[0] == 421
    assert (await ask(app, "/v1/stream", OWN, ("host", "evil.example"), websocket=websocket))[0] == 421


@asking
async def test_the_address_listened_on_is_a_host(application: Application):
    app = await application(KEY, host="0.0.0.0")
    assert (await ask(app, "/livez", ("host", "0.0.0.0:8765")))[0] == 200
    assert (await ask(app, "/livez", ("host", "192.0.2.1:8765")))[0] == 421


ORIGINS = {
    "http://localhost:8765": True,
    "HTTP://LOCALHOST:8765": True,
    "https://captions.example": True,
    "https://captions.example:443": True,
    "http://intranet.example:8080": True,
    "null": False,
    "": False,
    "file://": False,
    "http://localhost": False,
    "http://localhost:8766": False,
    "https://localhost:8765": False,
    "http://127.0.0.1:8765": False,
    "http://localhost:8765.evil.example": False,
    "http://localhost.evil.example:8765": False,
    "http://evil.example": False,
    "http://evil.example#@localhost:8765": False,
    "http://evil.example/http://localhost:8765": False,
    "http://user@localhost:8765": False,
    "http://localhost:8765/": False,
    "http://localhost:8765?x": False,
    "localhost:8765": False,
    "http://captions.example": False,
    "https://captions.example:8443": False,
    "https://captions.example.evil.example": False,
    "https://sub.captions.example": False,
    "https://evilcaptions.example": False,
    "https://intranet.example:8080": False,
    "http://intranet.example": False,
    "chrome-extension://localhost:8765": False,
}


@pytest.mark.parametrize("origin", ORIGINS)
@asking
async def test_origins(application: Application, origin: str):
    app = await application(public_url="https://captions.example", allow_origin=("http://Intranet.example:8080",))
    for path in (*KEYED, *OPEN, NOWHERE):
        status, body = await ask(app, path, OWN, ("origin", origin))
        assert (status == 403) is not ORIGINS[origin]
        assert ('"code":"forbidden"' in body) is not ORIGINS[origin]
    allowed = (await ask(app, "/v1/stream", OWN, ("origin", origin), websocket=True))[0]
    assert allowed == (101 if ORIGINS[origin] else 403)


@pytest.mark.parametrize("websocket", [False, True])
@asking
async def test_with_tls_the_own_origin_is_https(application: Application, websocket: bool):
    app = await application()
    for host, origin, allowed in (
        ("localhost", "https://localhost", True),
        ("localhost:443", "https://localhost", True),
        ("localhost:8765", "https://localhost:8765", True),
        ("localhost", "http://localhost", False),
        ("localhost:8765", "https://localhost", False),
    ):
        status, _ = await ask(app, "/v1/stream", ("host", host), ("origin", origin), websocket=websocket, tls=True)
        assert (status != 403) is allowed


@asking
async def test_one_foreign_origin_among_several_is_enough(application: Application):
    own, foreign = ("origin", "http://localhost:8765"), ("origin", "https://evil.example")
    assert (await ask(await application(), "/v1/stream", OWN, own, foreign, websocket=True))[0] == 403


@asking
async def test_a_key_is_no_way_around_host_and_origin(application: Application):
    app = await application(KEY)
    assert (await ask(app, "/v1/models", ("host", "evil.example"), *GOOD["bearer"]))[0] == 421
    assert (await ask(app, "/v1/models", OWN, ("origin", "https://evil.example"), *GOOD["bearer"]))[0] == 403


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "2001:db8::1", "captions.example", ""])
def test_an_open_address_without_keys_is_refused(host: str):
    with pytest.raises(BadRequest) as caught:
        Access(AccessOptions(), host, [])
    assert "--api-key-file" in str(caught.value.hint)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_needs_no_keys(host: str):
    scope = {"type": "http", "scheme": "http", "path": "/", "query_string": b"", "headers": [(b"host", b"localhost")]}
    assert Access(AccessOptions(), host, []).check(scope) == Caller(watches_all=True)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("public_url", "captions.example"),
        ("public_url", "wss://captions.example"),
        ("public_url", "https://captions.example/steno"),
        ("public_url", "https://captions.example:https"),
        ("allow_origin", ("*",)),
        ("allow_origin", ("null",)),
        ("allow_origin", ("https://*.captions.example",)),
        ("allow_host", ("*",)),
        ("allow_host", ("captions.example:8443",)),
        ("allow_host", ("[::1]:8443",)),
        ("allow_host", ("https://captions.example",)),
        ("allow_host", ("",)),
    ],
)
def test_an_option_that_could_never_match_is_refused(option: str, value: Any):
    with pytest.raises(BadRequest, match="--" + option.replace("_", "-")):
        Access(AccessOptions(**{option: value}), "127.0.0.1", [])


def test_keys_come_from_the_file_and_the_environment(tmp_path: Path):
    file = tmp_path / "keys"
    file.write_text(f"# ours\n\n{KEY}\n  {OTHER} \n#{KEY}\n")
    found = load_keys(AccessOptions(api_key_file=str(file)), {"STENO_API_KEYS": "a, b,"})
    assert found == ("a", "b", KEY, OTHER)
    assert load_keys(AccessOptions(), {}) == ()


def test_keys_that_may_watch_all_are_keys_as_well(tmp_path: Path):
    file = tmp_path / "watching"
    file.write_text(f"# theirs\n{OTHER}\n")
    options = AccessOptions(watch_all_key_file=str(file))
    keys, watching = load_keys(options, {"STENO_API_KEYS": KEY}), load_watching_keys(options)
    assert (keys, watching) == ((KEY, OTHER), (OTHER,))
    access = Access(options, "127.0.0.1", keys, watching=watching)
    scope = {"type": "http", "scheme": "http", "path": "/v1/models", "query_string": b""}
    for key in (KEY, OTHER):
        caller = access.check({**scope, "headers": [(b"host", b"localhost"), (b"x-api-key", key.encode())]})
        assert caller.watches_all is (key == OTHER)


def test_twilios_tokens_do_too(tmp_path: Path):
    file = tmp_path / "tokens"
    file.write_text("new\nold\n")
    options = AccessOptions(twilio_auth_token_file=str(file))
    assert load_twilio_tokens(options, {"STENO_TWILIO_AUTH_TOKEN": "set"}) == ("set", "new", "old")
    assert load_twilio_tokens(AccessOptions(), {"STENO_API_KEYS": "a"}) == ()
    with pytest.raises(BadRequest, match="STENO_TWILIO_AUTH_TOKEN"):
        load_twilio_tokens(options, {"STENO_TWILIO_AUTH_TOKEN": " "})


@pytest.mark.parametrize("content", ["", "\n \n", "# a comment", "ключ", "two words", "a,b", "\ufeffkey"])
def test_a_file_without_a_key_to_send_is_refused(tmp_path: Path, content: str):
    file = tmp_path / "keys"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(BadRequest, match="keys") as caught:
        load_keys(AccessOptions(api_key_file=str(file)), {})
    assert "words" not in str(caught.value)


@pytest.mark.parametrize("value", ["", " ", ",", "clé"])
def test_a_variable_without_a_key_to_send_is_refused(value: str):
    with pytest.raises(BadRequest, match="STENO_API_KEYS"):
        load_keys(AccessOptions(), {"STENO_API_KEYS": value})


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(FileNotFoundError, match="no-such-file"):
        load_keys(AccessOptions(api_key_file="no-such-file"), {})


@pytest.mark.parametrize("keys", [(), (KEY,)])
@asking
async def test_the_description_says_where_a_key_is_needed(application: Application, keys: tuple[str, ...]):
    described = (await application(*keys)).openapi()
    needed = {
        path for path, operations in described["paths"].items() if any(o.get("security") for o in operations.values())
    }
    assert ("securitySchemes" in described["components"]) == bool(keys)
    unneeded = {*OPEN, "/v1/signed/{file_id}"}
    assert needed == (described["paths"].keys() - unneeded if keys else set())
