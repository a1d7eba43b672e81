"""Pages and what they load, asked for without a browser."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from stream import pages
from tests.stream.rest.served import KEY, served

CLIENTS = Path(__file__).parents[2] / "clients"
FILES = {
    **{f"/web/{path.name}": path for path in (CLIENTS / "web").iterdir()},
    **{f"/js/{path.name}": path for path in (CLIENTS / "js").iterdir() if path.suffix == ".js"},
    **{path: CLIENTS / "web" / name for path, name in pages.PAGES.items()},
}


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """Asks one server without keys: it remembers nothing of whom it served."""
    async with served(tmp_path_factory.mktemp("served")) as server, server.client() as client:
        yield client


async def get(folder: Path, path: str, **headers: str) -> httpx.Response:
    async with served(folder, KEY) as server, server.client() as client:
        return await client.get(path, headers=headers)


async def test_every_file_is_served_without_a_key_with_its_type_and_its_policy(tmp_path: Path):
    async with served(tmp_path, KEY) as server, server.client() as client:
        for path, file in FILES.items():
            answer = await client.get(path, headers={"Accept-Encoding": "identity"})
            assert (answer.status_code, answer.content) == (200, file.read_bytes())
            assert answer.headers["Content-Type"] == pages.TYPES[file.suffix]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            policy = answer.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'; script-src 'self';")
            assert "unsafe" not in policy
            assert "*" not in policy


async def test_a_file_that_has_not_changed_is_not_sent_again(tmp_path: Path):
    first = await get(tmp_path, "/")
    again = await get(tmp_path, "/", **{"If-None-Match": f'"other", {first.headers["ETag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert first.headers["Cache-Control"] == "no-cache"
    assert (await get(tmp_path, "/", **{"If-None-Match": '"other"'})).status_code == 200


@pytest.mark.parametrize(("accepted", "encoding"), [("gzip, br", "gzip"), ("br;q=1, gzip;q=0.5", "gzip"), ("br", None)])
async def test_a_file_is_compressed_for_who_takes_that(client: httpx.AsyncClient, accepted: str, encoding: str | None):
    asked = {"Accept-Encoding": accepted}
    async with client.stream("GET", "/web/style.css", headers=asked) as answer:
        body = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert answer.headers.get("Content-Encoding") == encoding
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert (gzip.decompress(body) if encoding else body) == (CLIENTS / "web/style.css").read_bytes()


@pytest.mark.parametrize(
    "path",
    ["/web/", "/web/nothing.js", "/js/package.json", "/js/steno.d.ts", "/web/../pages.py", "/web/%2e%2e/pages.py"],
)
async def test_nothing_else_is_served(client: httpx.AsyncClient, path: str):
    assert (await client.get(path)).status_code == 404


async def test_pages_answer_head_and_nothing_that_changes(client: httpx.AsyncClient):
    assert (await client.head("/")).status_code == 200
    assert (await client.post("/")).status_code == 405


async def test_the_description_of_the_interface_lists_no_page(client: httpx.AsyncClient):
    described = (await client.get("/openapi.json")).json()["paths"]
    assert not [path for path in described if pages.is_page(path)]
