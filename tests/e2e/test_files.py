"""Recorded files over a real socket: with Mistral's own client, and when a server is killed in the middle of one."""

from __future__ import annotations

import http.client
import socket as sockets
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from mistralai.client import Mistral
from mistralai.client.errors import SDKError

from tests.e2e.command import run_command
from tests.e2e.conftest import Server

KEY, OTHER = "filed-5f3a91", "other-77c0de"
MODEL = ("--model", "scripted", "--drain-s", "0")
FORM = "multipart/form-data; boundary=b"
BEGIN = b'--b\r\nContent-Disposition: form-data; name="file"; filename="half.wav"\r\n\r\n'


@pytest.fixture(scope="module")
def keyed(start_server: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Server:
    folder = tmp_path_factory.mktemp("data")
    limits = ("--max-file-mb", "2", "--file-retention-h", "2")
    return start_server(*MODEL, "--data-dir", str(folder), *limits, STENO_API_KEYS=f"{KEY},{OTHER}")


def kept(folder: Path) -> list[str]:
    """What is on disk: contents, and what is still on its way in."""
    places = [folder / "files" / place for place in ("contents", "arriving")]
    return [path.name for place in places for path in place.rglob("*-*") if path.is_file() and path.suffix != ".lock"]


def test_mistrals_client_uploads_finds_and_deletes(keyed: Server):
    content = bytes(range(256)) * 4000
    with Mistral(api_key=KEY, server_url=keyed.http) as client, Mistral(api_key=OTHER, server_url=keyed.http) as other:
        made = client.files.upload(file={"file_name": "talk.wav", "content": content}, purpose="audio", expiry=1)
        assert (made.filename, made.size_bytes, made.purpose) == ("talk.wav", len(content), "audio")
        assert made.expires_at == made.created_at + 3600
        assert abs(made.created_at - time.time()) < 60

        listed = client.files.list(page_size=10)
        assert (listed.total, [each.id for each in listed.data]) == (1, [made.id])
        assert other.files.list().total == 0
        found = client.files.retrieve(file_id=made.id)
        assert (found.size_bytes, found.deleted, found.source, found.sample_type) == (
            len(content),
            False,
            "upload",
            "instruct",
        )
        assert client.files.download(file_id=made.id).read() == content

        url = client.files.get_signed_url(file_id=made.id, expiry=1).url
        assert url.startswith(keyed.http)
        assert httpx.get(url).content == content
        assert httpx.get(url.replace("signature=", "signature=0")).status_code == 403

        with pytest.raises(SDKError, match="no such file") as caught:
            other.files.delete(file_id=made.id)
        assert caught.value.status_code == 404
        assert client.files.delete(file_id=made.id).deleted
        with pytest.raises(SDKError, match="no such file"):
            client.files.retrieve(file_id=made.id)
        assert httpx.get(url).status_code == 404


def test_mistrals_client_is_told_what_is_wrong(keyed: Server):
    sound = {"file_name": "a.wav", "content": b"sound"}
    with (
        Mistral(api_key="wrong", server_url=keyed.http) as stranger,
        pytest.raises(SDKError, match="API key") as caught,
    ):
        stranger.files.upload(file=sound)
    assert caught.value.status_code == 401
    with Mistral(api_key=KEY, server_url=keyed.http) as client:
        with pytest.raises(SDKError, match="purpose") as caught:
            client.files.upload(file=sound, purpose="fine-tune")
        assert caught.value.status_code == 400
        with pytest.raises(SDKError, match="2 MB") as caught:
            client.files.upload(file={"file_name": "a.wav", "content": b"x" * 2_000_001})
        assert caught.value.status_code == 413


def test_a_length_over_the_limit_is_refused_before_a_byte_of_it_is_sent(keyed: Server):
    connection = http.client.HTTPConnection(urlsplit(keyed.http).netloc, timeout=20)
    connection.putrequest("POST", "/v1/files")
    for name, value in {"x-api-key": KEY, "Content-Type": FORM, "Content-Length": 10**12}.items():
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def begin_upload(server: Server) -> sockets.socket:
    """A connection on which half a file has been sent."""
    address = urlsplit(server.http)
    connection = sockets.create_connection((address.hostname, address.port), timeout=20)
    head = (
        f"POST /v1/files HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: {FORM}\r\nContent-Length: 2000000\r\n\r\n"
    )
    connection.sendall(head.encode() + BEGIN + b"x" * 1_000_000)
    return connection


def await_files(folder: Path, count: int) -> None:
    deadline = time.monotonic() + 20
    while len(kept(folder)) != count:
        assert time.monotonic() < deadline, kept(folder)
        time.sleep(0.01)


def test_a_kill_in_the_middle_of_an_upload_leaves_no_half_file(start_server: Callable[..., Server], tmp_path: Path):
    arguments = (*MODEL, "--data-dir", str(tmp_path))
    server = start_server(*arguments)
    whole = httpx.post(server.http + "/v1/files", files={"file": ("whole.wav", b"whole")}).json()
    url = httpx.get(f"{server.http}/v1/files/{whole['id']}/url").json()["url"]
    with begin_upload(server):
        await_files(tmp_path, 2)
        server.process.kill()
        server.process.join()
    assert len(kept(tmp_path)) == 2

    again = start_server(*arguments)
    assert kept(tmp_path) == [whole["id"]]
    assert httpx.get(again.http + "/v1/files").json()["data"] == [whole]
    assert httpx.get(url.replace(server.http, again.http)).content == b"whole"
    again.process.terminate()
    again.process.join(20)
    assert again.process.exitcode == 0
    assert again.log.read_text() == ""


def test_a_client_that_leaves_in_the_middle_leaves_nothing(start_server: Callable[..., Server], tmp_path: Path):
    server = start_server(*MODEL, "--data-dir", str(tmp_path))
    with begin_upload(server):
        await_files(tmp_path, 1)
    await_files(tmp_path, 0)
    assert server.log.read_text() == ""


def test_a_secret_that_others_may_read_ends_the_command_with_one_line(tmp_path: Path):
    (tmp_path / "secret").touch(0o644)
    code, said, complaint = run_command("serve", "--port", "0", "--model", "scripted", "--data-dir", str(tmp_path))
    assert (code, said) == (2, "")
    assert complaint.startswith(f"steno-server: {tmp_path}/secret could be read by others (chmod 600")
    assert complaint.count("\n") == 1
