"""The files API, asked of the real application behind its real access rules, without a server."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest

from stream.access import Access, AccessOptions
from stream.admission import Admission, AdmissionOptions
from stream.app import Service, create_app
from stream.events import Limits
from stream.files import MB, FileOptions, FileStore
from stream.metrics import Metrics
from stream.multipart import OVERHEAD
from stream.rest import files, intake

KEY, OTHER = "first-secret-5f3a", "second-secret-9c1b"
HOUR = 3600


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Any:
    store = FileStore(FileOptions(data_dir=str(tmp_path), max_file_mb=1, max_store_mb=2), now=clock)
    yield store
    store.close()


def application(store: FileStore, *keys: str, **access: Any) -> Any:
    service = Service(Admission({}, AdmissionOptions()), Limits(), Metrics())
    return create_app(service, Access(AccessOptions(**access), "127.0.0.1", keys), store)


@dataclass(frozen=True)
class Empty:
    """A server for requests that it refuses: one for all of them, as its store stays empty."""

    app: Any
    store: FileStore
    folder: Path

    def client(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app)
        return httpx.AsyncClient(transport=transport, base_url="http://localhost:8765", headers={"x-api-key": KEY})


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Empty]:
    folder = tmp_path_factory.mktemp("empty")
    store = FileStore(FileOptions(data_dir=str(folder), max_file_mb=1, max_store_mb=2))
    yield Empty(application(store, KEY), store, folder)
    store.close()


@pytest.fixture
async def ask(store: FileStore) -> AsyncIterator[Callable[..., httpx.AsyncClient]]:
    """Clients of one server, by key."""
    app = application(store, KEY, OTHER, allow_host=("captions.example",))
    clients: list[httpx.AsyncClient] = []

    def client(key: str | None = KEY) -> httpx.AsyncClient:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        clients.append(
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:8765", headers=headers)
        )
        return clients[-1]

    yield client
    for each in clients:
        await each.aclose()


@pytest.fixture
def client(ask: Callable[..., httpx.AsyncClient]) -> httpx.AsyncClient:
    return ask()


async def upload(client: httpx.AsyncClient, content: bytes = b"sound", filename: str = "a.wav", **said: str) -> Any:
    answer = await client.post("/v1/files", files={"file": (filename, content, "audio/wav")}, data=said)
    assert answer.status_code == 200, answer.text
    return answer.json()


def fault(answer: httpx.Response) -> dict[str, Any]:
    """The error of an answer, which has it twice."""
    whole = answer.json()
    error = whole.pop("error")
    assert whole.pop("object") == "error"
    assert whole == {name: error[name] for name in ("code", "message", "type", "param")}
    assert error["type"] in (
        "invalid_request_error",
        "authentication_error",
        "permission_error",
        "rate_limit_error",
        "server_error",
    )
    return error


async def test_an_upload_is_answered_with_all_that_clients_require(client: httpx.AsyncClient, clock: Clock):
    card = await upload(client, visibility="user", purpose="audio", expiry="")
    file_id = card.pop("id")
    assert card == {
        "object": "file",
        "bytes": 5,
        "created_at": clock.now,
        "filename": "a.wav",
        "purpose": "audio",
        "sample_type": "instruct",
        "source": "upload",
        "mimetype": "audio/wav",
        "expires_at": clock.now + 24 * HOUR,
        "visibility": "user",
    }
    assert (await client.get(f"/v1/files/{file_id}")).json() == {"id": file_id, **card, "deleted": False}
    assert (await client.get("/v1/files")).json() == {"object": "list", "data": [{"id": file_id, **card}], "total": 1}
    assert (await client.delete(f"/v1/files/{file_id}")).json() == {"id": file_id, "object": "file", "deleted": True}
    assert (await client.get("/v1/files")).json() == {"object": "list", "data": [], "total": 0}


async def test_fields_may_be_left_out_and_strange_ones_are_ignored(client: httpx.AsyncClient):
    card = await upload(client, **{"expires_after[anchor]": "created_at"})
    assert (card["purpose"], card["visibility"]) == ("audio", "workspace")


async def test_expiry_is_honoured_up_to_the_servers_own(client: httpx.AsyncClient, clock: Clock):
    assert (await upload(client, expiry="2"))["expires_at"] == clock.now + 2 * HOUR
    assert (await upload(client, expiry="48"))["expires_at"] == clock.now + 24 * HOUR
    clock.now += 2 * HOUR
    assert (await client.get("/v1/files")).json()["total"] == 1


async def test_a_file_is_downloaded_as_a_file_and_never_as_a_page(client: httpx.AsyncClient):
    content = bytes(range(256)) * 3000
    card = await upload(client, content, "Übung; 1'.html")
    answer = await client.get(f"/v1/files/{card['id']}/content")
    assert answer.content == content
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Length"] == str(len(content))
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''%C3%9Cbung%3B%201%27.html"


async def test_pages(client: httpx.AsyncClient):
    for number in range(3):
        await upload(client, filename=f"{number}.wav")

    async def listed(**query: Any) -> tuple[list[str], int | None]:
        answer = (await client.get("/v1/files", params=query)).json()
        return [each["filename"] for each in answer["data"]], answer["total"]

    assert await listed() == (["2.wav", "1.wav", "0.wav"], 3)
    assert await listed(page=1, page_size=2) == (["0.wav"], 3)
    assert await listed(page=2, page_size=2) == ([], 3)
    assert await listed(include_total=False, page_size=1) == (["2.wav"], None)
    assert await listed(search="1.W") == (["1.wav"], 1)
    assert await listed(mimetypes=["audio/wav", "audio/flac"], purpose="audio", source=["upload", "mistral"]) == (
        ["2.wav", "1.wav", "0.wav"],
        3,
    )
    for query in ({"purpose": "ocr"}, {"sample_type": "pretrain"}, {"source": "mistral"}, {"mimetypes": "audio/flac"}):
        assert await listed(**query) == ([], 0)


@pytest.mark.parametrize("query", ["page=-1", "page_size=0", "page_size=1001", "page=x", "include_total=perhaps"])
async def test_a_page_that_there_is_not_is_refused(empty: Empty, query: str):
    async with empty.client() as client:
        answer = await client.get(f"/v1/files?{query}")
    assert answer.status_code == 400
    assert fault(answer)["param"] == query.partition("=")[0]


async def test_a_key_sees_its_own_files_only(ask: Callable[..., httpx.AsyncClient], client: httpx.AsyncClient):
    path = f"/v1/files/{(await upload(client))['id']}"
    theirs = ask(OTHER)
    for each in (path, path + "/content", path + "/url"):
        answer = await theirs.get(each)
        assert answer.status_code == 404
        assert fault(answer)["code"] == "not_found"
        assert (await client.get(each)).status_code == 200
    assert (await theirs.get("/v1/files")).json()["total"] == 0
    assert (await theirs.delete(path)).status_code == 404
    assert (await client.get(path)).status_code == 200


async def test_nobody_sees_anything_without_a_key(ask: Callable[..., httpx.AsyncClient], client: httpx.AsyncClient):
    path = f"/v1/files/{(await upload(client))['id']}"
    for key in (None, "wrong"):
        stranger = ask(key)
        requests = [
            stranger.build_request("GET", "/v1/files"),
            stranger.build_request("POST", "/v1/files", files={"file": ("a.wav", b"sound")}),
            *(stranger.build_request("GET", each) for each in (path, path + "/content", path + "/url")),
            stranger.build_request("DELETE", path),
        ]
        for request in requests:
            answer = await stranger.send(request)
            assert answer.status_code == 401
            assert fault(answer)["type"] == "authentication_error"
    assert (await client.get("/v1/files")).json()["total"] == 1


async def test_without_keys_all_files_are_everyones(store: FileStore):
    transport = httpx.ASGITransport(application(store))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        card = await upload(client)
        assert (await client.get("/v1/files", headers={"x-api-key": KEY})).json()["data"] == [card]
    transport = httpx.ASGITransport(application(store, KEY))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get("/v1/files", headers={"x-api-key": KEY})).json()["data"] == []


async def test_a_signed_url_opens_its_file_without_a_key(
    ask: Callable[..., httpx.AsyncClient], client: httpx.AsyncClient, clock: Clock
):
    card = await upload(client, b"sound", "a.wav")
    url = (await client.get(f"/v1/files/{card['id']}/url", params={"expiry": 2})).json()["url"]
    assert url.startswith(
        f"http://localhost:8765/v1/signed/{card['id']}?expires={int(clock.now + 2 * HOUR)}&signature="
    )
    stranger = ask(None)
    assert (await stranger.get(url)).content == b"sound"
    other = await stranger.get(url, headers={"Host": "evil.example"})
    assert (other.status_code, fault(other)["code"]) == (421, "misdirected")
    clock.now += 2 * HOUR
    late = await stranger.get(url)
    assert (late.status_code, fault(late)["code"]) == (403, "forbidden")
    assert "expired" in late.json()["message"]
    assert (await client.get(f"/v1/files/{card['id']}")).status_code == 200


async def test_a_signed_url_lasts_no_longer_than_its_file(
    ask: Callable[..., httpx.AsyncClient], client: httpx.AsyncClient, clock: Clock
):
    card = await upload(client)
    url = (await client.get(f"/v1/files/{card['id']}/url", params={"expiry": 100})).json()["url"]
    assert f"expires={card['expires_at']}&" in url
    assert f"expires={card['expires_at']}&" in (await client.get(f"/v1/files/{card['id']}/url")).json()["url"]
    await client.delete(f"/v1/files/{card['id']}")
    assert (await ask(None).get(url)).status_code == 404


@pytest.mark.parametrize("field", ["id", "expires", "signature", "no expires", "no signature", "method"])
async def test_a_signed_url_is_good_for_nothing_else(
    ask: Callable[..., httpx.AsyncClient], client: httpx.AsyncClient, field: str
):
    mine, other = await upload(client), await upload(client, b"other")
    stranger = ask(None)
    url = urlsplit((await client.get(f"/v1/files/{mine['id']}/url")).json()["url"])
    query = dict(parse_qsl(url.query))
    assert (await stranger.get(f"{url.path}?{urlencode(query)}")).status_code == 200
    path, expected = url.path, 403
    match field:
        case "id":
            path = path.replace(mine["id"], other["id"])
        case "expires":
            query["expires"] = str(int(query["expires"]) + 1)
        case "signature":
            query["signature"] = ("0" if query["signature"][0] != "0" else "1") + query["signature"][1:]
        case "method":
            expected = 405
        case _:
            del query[field.partition(" ")[2]]
    answer = await stranger.request("DELETE" if field == "method" else "GET", f"{path}?{urlencode(query)}")
    assert answer.status_code == expected
    assert (await client.get("/v1/files")).json()["total"] == 2


async def test_a_public_url_is_what_signed_urls_are_on(store: FileStore):
    app = application(store, KEY, public_url="https://captions.example:8443/")
    headers = {"x-api-key": KEY}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://localhost", headers=headers
    ) as client:
        url = (await client.get(f"/v1/files/{(await upload(client))['id']}/url")).json()["url"]
    assert url.startswith("https://captions.example:8443/v1/signed/")


@pytest.mark.parametrize("expiry", ["0", "-1", "x", "1.5", "100001"])
async def test_a_url_needs_an_expiry_that_can_be(client: httpx.AsyncClient, expiry: str):
    answer = await client.get(f"/v1/files/{(await upload(client))['id']}/url?expiry={expiry}")
    assert answer.status_code == 400
    assert fault(answer)["param"] == "expiry"


UNFIT: dict[str, tuple[dict[str, Any], str]] = {
    "no file": ({"data": {"purpose": "audio"}, "files": {"x": (None, b"")}}, "file"),
    "an empty file": ({"files": {"file": ("a.wav", b"")}}, "file"),
    "a file by another name": ({"files": {"sound": ("a.wav", b"sound")}}, "sound"),
    "two files": ({"files": [("file", ("a.wav", b"sound")), ("file", ("b.wav", b"sound"))]}, "file"),
    "a file that is a value": ({"files": {"file": (None, b"sound")}}, "file"),
    "another purpose": ({"files": {"file": ("a.wav", b"sound")}, "data": {"purpose": "ocr"}}, "purpose"),
    "another visibility": ({"files": {"file": ("a.wav", b"sound")}, "data": {"visibility": "all"}}, "visibility"),
    **{
        f"expiry {expiry!r}": ({"files": {"file": ("a.wav", b"sound")}, "data": {"expiry": expiry}}, "expiry")
        for expiry in ("0", "-1", "x", "1.5", "9" * 30, "١")
    },
}


@pytest.mark.parametrize("unfit", UNFIT)
async def test_an_upload_that_is_not_one_is_refused_and_leaves_nothing(empty: Empty, unfit: str):
    sent, param = UNFIT[unfit]
    async with empty.client() as client:
        answer = await client.post("/v1/files", **sent)
    assert answer.status_code == 400
    assert fault(answer)["param"] == param
    assert_nothing_is_kept(empty.store, empty.folder)


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data", ""])
async def test_a_body_that_is_no_form_is_refused(empty: Empty, content_type: str):
    async with empty.client() as client:
        answer = await client.post("/v1/files", content=b"{}", headers={"Content-Type": content_type})
    assert answer.status_code == 400
    assert "multipart/form-data" in fault(answer)["message"]


async def test_a_form_that_breaks_off_is_refused(client: httpx.AsyncClient, store: FileStore, tmp_path: Path):
    request = client.build_request("POST", "/v1/files", files={"file": ("a.wav", b"x" * 1000)})
    whole = await request.aread()
    answer = await client.post(
        "/v1/files", content=whole[:-20], headers={"Content-Type": request.headers["Content-Type"]}
    )
    assert answer.status_code == 400
    assert_nothing_is_kept(store, tmp_path)


def assert_nothing_is_kept(store: FileStore, tmp_path: Path) -> None:
    assert store._arriving == 0
    left = [path for path in (tmp_path / "files").rglob("*-*") if path.is_file() and path.suffix != ".lock"]
    assert [path for path in left if not path.name.startswith("files.sqlite")] == []


async def sent(app: Any, content_type: str, chunks: AsyncIterator[bytes], **headers: str) -> tuple[int, int]:
    """Status of an upload, and how many of its chunks were asked for."""
    asked, answers = 0, []

    async def receive() -> dict[str, Any]:
        nonlocal asked
        asked += 1
        async for chunk in chunks:
            return {"type": "http.request", "body": chunk, "more_body": True}
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        answers.append(message)

    told = {"host": "localhost", "x-api-key": KEY, "content-type": content_type, **headers}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/files",
        "query_string": b"",
        "scheme": "http",
        "headers": [(name.encode(), value.encode()) for name, value in told.items()],
    }
    await app(scope, receive, send)
    return answers[0]["status"], asked


FORM = "multipart/form-data; boundary=b"
BEGIN = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'


async def endless(begin: bytes, more: bytes) -> AsyncIterator[bytes]:
    yield begin
    while True:
        yield more


async def test_a_length_over_the_limit_is_refused_before_the_body(store: FileStore):
    length = str(MB + OVERHEAD + 1)
    app = application(store, KEY)
    assert await sent(app, FORM, endless(BEGIN, b"x"), **{"content-length": length}) == (413, 0)


@pytest.mark.parametrize("begin", [BEGIN, b"", b"--b\r\n", b"\r\n"])
async def test_a_body_over_the_limit_is_refused_while_it_comes(empty: Empty, begin: bytes):
    chunk = 50_000
    status, asked = await sent(empty.app, FORM, endless(begin, b"\r" * chunk))
    assert status in ((413,) if begin == BEGIN else (400, 413))
    assert asked * chunk <= MB + OVERHEAD + intake.BATCH + 2 * chunk
    assert_nothing_is_kept(empty.store, empty.folder)


async def test_a_store_that_is_full_says_so(client: httpx.AsyncClient):
    for _ in range(2):
        await upload(client, b"x" * MB)
    answer = await client.post("/v1/files", files={"file": ("a.wav", b"x")})
    assert (answer.status_code, fault(answer)["code"]) == (507, "store_full")
    [newest] = (await client.get("/v1/files?page_size=1")).json()["data"]
    await client.delete(f"/v1/files/{newest['id']}")
    await upload(client, b"x" * MB)


async def test_an_upload_that_is_left_leaves_nothing(
    store: FileStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    async def broken() -> AsyncIterator[bytes]:
        yield BEGIN + b"x" * intake.BATCH

    assert (await sent(application(store, KEY), FORM, broken()))[0] == 400
    assert_nothing_is_kept(store, tmp_path)


async def test_an_upload_that_stalls_is_given_up(store: FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(intake, "IDLE_S", 0.01)

    async def stalled() -> AsyncIterator[bytes]:
        yield BEGIN + b"x" * intake.BATCH
        await asyncio.Event().wait()

    assert (await sent(application(store, KEY), FORM, stalled()))[0] == 408
    assert_nothing_is_kept(store, tmp_path)


async def test_an_upload_that_is_cancelled_leaves_nothing(store: FileStore, tmp_path: Path):
    waiting = asyncio.Event()

    async def stalled() -> AsyncIterator[bytes]:
        yield BEGIN + b"x" * intake.BATCH
        waiting.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(sent(application(store, KEY), FORM, stalled()))
    await waiting.wait()
    task.cancel()
    await asyncio.wait((task,))
    assert_nothing_is_kept(store, tmp_path)


async def test_many_upload_at_once(client: httpx.AsyncClient):
    contents = [bytes([number]) * 60_000 for number in range(30)]
    cards = await asyncio.gather(*(upload(client, content) for content in contents))
    for card, content in zip(cards, contents, strict=True):
        assert (await client.get(f"/v1/files/{card['id']}/content")).content == content


async def test_the_disk_is_never_touched_on_the_loop(client: httpx.AsyncClient, store: FileStore, monkeypatch: Any):
    touched: list[str] = []

    def watched(name: str) -> Callable[..., Any]:
        real = getattr(FileStore, name)

        def call(*arguments: Any) -> Any:
            try:
                asyncio.get_running_loop()
            except RuntimeError:
                touched.append(name)
                return real(*arguments)
            raise AssertionError(f"{name} on the event loop")

        return call

    names = ["receive", "_claim", "_keep", "_release", "get", "page", "read", "delete", "read_linked", "owner", "sweep"]
    for name in names:
        monkeypatch.setattr(FileStore, name, watched(name))
    path = f"/v1/files/{(await upload(client))['id']}"
    url = (await client.get(path + "/url")).json()["url"]
    for each in ("/v1/files", path, path + "/content", url):
        assert (await client.get(each)).status_code == 200
    await client.delete(path)
    assert set(touched) == set(names)


async def test_files_that_have_expired_are_swept(store: FileStore, clock: Clock, tmp_path: Path, monkeypatch: Any):
    monkeypatch.setattr(files, "SWEEP_S", 0.001)
    arriving = store.receive("ours")
    arriving.write(b"sound")
    arriving.keep("a", None, "audio", "user", None)
    contents = tmp_path / "files/contents"
    async with files.sweeping(store):
        assert len(list(contents.iterdir())) == 1
        clock.now += 25 * HOUR
        async with asyncio.timeout(10):
            while list(contents.iterdir()):  # noqa: ASYNC110  there is no event to wait for
                await asyncio.sleep(0.001)


async def test_a_folder_that_cannot_be_used_is_answered(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    (tmp_path / "file").touch()
    store = FileStore(FileOptions(data_dir=str(tmp_path / "file")))
    transport = httpx.ASGITransport(application(store))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get("/v1/files")
    assert answer.status_code == 500
    assert fault(answer)["type"] == "server_error"
    assert str(tmp_path) not in answer.text
    assert str(tmp_path) in caplog.text


async def test_nothing_that_was_uploaded_and_no_key_is_logged(
    ask: Callable[..., httpx.AsyncClient], client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG, "stream")
    caplog.set_level(logging.DEBUG, "python_multipart")
    card = await upload(client, b"canary-sound", "canary-name.wav")
    url = (await client.get(f"/v1/files/{card['id']}/url")).json()["url"]
    await ask(None).get(url)
    await ask(None).get(url + "0")
    ours = [record.getMessage() for record in caplog.records if record.name.startswith(("stream", "python_multipart"))]
    assert not [each for each in ours if "canary" in each or KEY in each or url.rpartition("=")[2] in each]


async def test_the_description_tells_the_truth(client: httpx.AsyncClient):
    answer = await client.get("/openapi.json")
    described = answer.json()
    assert set(re.findall(r'"#/components/schemas/(.*?)"', answer.text)) <= set(described["components"]["schemas"])
    operation = described["paths"]["/v1/files"]["post"]
    form = operation["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["required"] == ["file"]
    assert set(form["properties"]) == {"file", "purpose", "visibility", "expiry"}
    assert operation["responses"]["413"]["content"]["application/json"]["schema"]["$ref"].endswith("/Failure")
    card = described["components"]["schemas"]["FileCard"]["properties"]
    assert set(card) == set(await upload(client))
    content = described["paths"]["/v1/files/{file_id}/content"]["get"]["responses"]["200"]["content"]
    assert list(content) == ["application/octet-stream"]
    for path, operations in described["paths"].items():
        for operation in operations.values():
            if path.startswith(("/v1/files", "/v1/signed")):
                assert "422" not in operation["responses"], "invalid requests are answered with 400"
