"""Keys, Host, Origin and quotas over a real socket; `tests/stream/test_access.py` has every combination."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from tests.e2e.command import run_command
from tests.e2e.conftest import Server, hear, say

FILED, SET, THIRD, WRONG = "filed-5f3a91", "set-77c0de", "third-e4b2aa", "wrong-12f0aa"


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture(scope="module")
def keyed(start_server: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Server:
    file = tmp_path_factory.mktemp("keys") / "keys"
    file.write_text(f"# one on each line\n{FILED}\n")
    arguments = ("--model", "scripted", "--drain-s", "0", "--api-key-file", str(file))
    return start_server(*arguments, STENO_API_KEYS=f"{SET},{THIRD}")


def refused(server: Server, query: str = "", **options: Any) -> tuple[int, dict[str, str], str | None]:
    """Status, error and Retry-After of a handshake that must fail."""
    with pytest.raises(InvalidStatus) as caught, server.connect(query, **options):
        pass
    answer = caught.value.response
    return answer.status_code, json.loads(answer.body)["error"], answer.headers.get("Retry-After")


@pytest.mark.parametrize("key", [FILED, SET])
def test_keys_of_both_sources_open_every_door(keyed: Server, key: str):
    with keyed.connect(additional_headers=bearer(key)) as socket:
        say(socket, type="start")
        say(socket, type="stop")
        hear(socket, "done")
    assert httpx.get(keyed.http + "/v1/models", headers=bearer(key)).status_code == 200


def test_a_browser_sends_its_key_as_a_subprotocol_and_gets_the_version(keyed: Server):
    offered = [Subprotocol("steno.v1"), Subprotocol(f"steno.key.{THIRD}")]
    with keyed.connect(subprotocols=offered, origin=Origin(keyed.http)) as socket:
        assert socket.subprotocol == "steno.v1"


def test_strangers_are_refused_before_the_upgrade(keyed: Server):
    assert refused(keyed)[0] == 401
    assert refused(keyed, additional_headers=bearer(WRONG))[0] == 401
    status, error, _ = refused(keyed, f"?api_key={FILED}")
    assert (status, error["code"]) == (401, "unauthorized")
    assert "URL" in error["message"]
    status, error, _ = refused(keyed, additional_headers=bearer(FILED), origin=Origin("https://evil.example"))
    assert (status, error["code"]) == (403, "forbidden")


def test_only_the_probes_are_open(keyed: Server):
    status = {
        path: httpx.get(keyed.http + path).status_code for path in ("/livez", "/readyz", "/v1/models", "/metrics")
    }
    assert status == {"/livez": 200, "/readyz": 200, "/v1/models": 401, "/metrics": 401}
    answer = httpx.get(keyed.http + "/v1/models")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert httpx.get(keyed.http + "/livez", headers={"Host": "evil.example"}).status_code == 421


def test_quotas_of_a_key_and_of_the_server(start_server: Callable[..., Server]):
    limits = ("--max-sessions", "2", "--max-sessions-per-key", "1")
    server = start_server("--model", "scripted", "--drain-s", "0", *limits, STENO_API_KEYS=f"{FILED},{SET},{THIRD}")
    with server.connect(additional_headers=bearer(FILED)):
        status, error, retry_after = refused(server, additional_headers=bearer(FILED))
        assert (status, error["code"]) == (429, "quota")
        assert int(retry_after or 0) > 0
        with server.connect(additional_headers=bearer(SET)):
            status, error, retry_after = refused(server, additional_headers=bearer(THIRD))
            assert (status, error["code"]) == (503, "overloaded")
            assert int(retry_after or 0) > 0


def test_no_key_reaches_the_log(keyed: Server):
    log = keyed.log.read_text()
    assert not [key for key in (FILED, SET, THIRD, WRONG) if key in log]


def test_an_open_address_without_keys_is_refused_at_start_up():
    code, _, complaint = run_command("serve", "--host", "0.0.0.0", "--port", "0", "--model", "scripted")
    assert code == 2
    assert "--api-key-file" in complaint


def test_a_key_file_that_is_not_there_is_named_at_start_up():
    code, _, complaint = run_command("serve", "--port", "0", "--model", "scripted", "--api-key-file", "no-such-file")
    assert code == 2
    assert "no-such-file" in complaint
