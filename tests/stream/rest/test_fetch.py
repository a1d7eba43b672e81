"""Fetching from a server on a real socket that does all it can to lead astray; names are resolved by the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from stream.errors import BadRequest, StreamError, TooLarge, Unsupported
from stream.rest import dial, fetch
from stream.rest.addresses import Target
from stream.rest.dial import Dialer
from stream.rest.fetch import Fetcher, FetchOptions

PUBLIC = "93.184.215.14"
ON = FetchOptions(fetch_urls=True)


class Memory:
    def __init__(self) -> None:
        self.content = b""

    def write(self, content: bytes) -> None:
        self.content += content

    def discard(self) -> None:
        pass


class Net:
    """A stub of the internet: names with their addresses, all of them served by one local server.

    Each look-up of a name takes the next of its addresses, the last one over and over.
    """

    def __init__(self, names: dict[str, list[list[str]]], address: tuple[str, int]) -> None:
        self.names = names
        self.connected: list[tuple[str, int, str]] = []
        self._address = address

    async def resolve(self, host: str) -> list[str]:
        answers = self.names.get(host)
        if answers is None:
            return [host] if host.replace(".", "").isdigit() or ":" in host else []
        return answers.pop(0) if len(answers) > 1 else answers[0]

    async def connect(self, address: str, target: Target) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self.connected.append((address, target.port, target.host))
        return await asyncio.open_connection(*self._address)

    def fetcher(self, options: FetchOptions = ON) -> Fetcher:
        return Fetcher(options, resolve=self.resolve, connect=self.connect)

    def dialer(self) -> Dialer:
        return Dialer(resolve=self.resolve, connect=self.connect)


Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(answer: Answer | bytes, **names: list[list[str]]) -> AsyncIterator[Net]:
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        try:
            asked = await reader.readuntil(b"\r\n\r\n")
            if isinstance(answer, bytes):
                writer.write(answer)
            else:
                await answer(asked, writer)
            await writer.drain()
        except (ConnectionError, asyncio.CancelledError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1")
    known = {name.replace("_", "."): answers for name, answers in names.items()}
    try:
        yield Net({"example.com": [[PUBLIC]]} | known, server.sockets[0].getsockname()[:2])
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


def ok(body: bytes, *headers: str) -> bytes:
    head = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def moved(location: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


async def fetched(net: Net, url: str = "http://example.com/talk.mp3", most: int = 1_000_000, **options: Any) -> bytes:
    place = Memory()
    await net.fetcher(FetchOptions(fetch_urls=True, **options)).fetch(url, place, most)
    return place.content


async def refused(net: Net, url: str = "http://example.com/talk.mp3", **options: Any) -> StreamError:
    with pytest.raises(StreamError) as caught:
        await fetched(net, url, **options)
    assert caught.value.param == "file_url"
    return caught.value


async def test_a_file_is_fetched_from_the_address_that_was_judged():
    asked = []

    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        asked.append(request.decode())
        writer.write(ok(b"sound" * 200_000))

    async with serving(answer) as net:
        assert await fetched(net, "http://example.com/a?b=c#d") == b"sound" * 200_000
        assert net.connected == [(PUBLIC, 80, "example.com")]
    head, *headers = asked[0].rstrip().split("\r\n")
    assert head == "GET /a?b=c HTTP/1.1"
    assert dict(each.lower().split(": ", 1) for each in headers) == {
        "host": "example.com",
        "user-agent": "steno",
        "accept": "*/*",
        "accept-encoding": "identity",
        "connection": "close",
    }


async def test_chunks_and_a_body_without_a_length():
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nsou\r\n2\r\nnd\r\n0\r\n\r\n"
    async with serving(chunked) as net:
        assert await fetched(net) == b"sound"
    async with serving(b"HTTP/1.0 200 OK\r\n\r\nsound") as net:
        assert await fetched(net) == b"sound"


async def test_off_is_off():
    async with serving(ok(b"sound")) as net:
        with pytest.raises(Unsupported, match="signed") as caught:
            await net.fetcher(FetchOptions()).fetch("http://example.com/", Memory(), 100)
        assert "--fetch-urls" in str(caught.value.hint)
        assert net.connected == []


@pytest.mark.parametrize(
    "addresses",
    [
        *(["127.0.0.1"], ["10.0.0.7"], ["169.254.169.254"], ["100.64.0.1"], ["::1"], ["::ffff:127.0.0.1"], ["fd00::1"]),
        *(["64:ff9b::7f00:1"], ["2002:7f00:1::"], ["fe80::1%eth0"], [PUBLIC, "127.0.0.1"], ["127.0.0.1", PUBLIC], []),
    ],
)
async def test_a_name_with_any_address_that_is_not_public_is_not_fetched(addresses: list[str]):
    async with serving(ok(b"sound"), evil_com=[addresses]) as net:
        error = await refused(net, "http://evil.com/")
        assert not any(each in f"{error.message} {error.hint}" for each in addresses)
        assert net.connected == []


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://169.254.169.254/latest/"]
)
async def test_an_address_in_the_url_is_judged_as_well(url: str):
    async with serving(ok(b"sound")) as net:
        await refused(net, url)
        assert net.connected == []


async def test_a_name_is_looked_up_once_so_that_it_cannot_flip():
    async with serving(ok(b"sound"), evil_com=[[PUBLIC], ["127.0.0.1"]]) as net:
        assert await fetched(net, "http://evil.com/") == b"sound"
        assert net.connected == [(PUBLIC, 80, "evil.com")]
        await refused(net, "http://evil.com/")
        assert len(net.connected) == 1


@pytest.mark.parametrize(
    "location",
    [
        *("http://127.0.0.1/", "http://169.254.169.254/latest/meta-data/", "http://inner.example/", "http://[::1]/"),
        *("ftp://example.com/", "file:///etc/passwd", "http://example.com:8080/", "http://user@example.com/"),
        *("http://0177.1/", "//127.0.0.1/", "http://127.0.0.1:6666\\@example.com/", "gopher://127.0.0.1:80/"),
    ],
)
async def test_each_redirect_is_judged_anew(location: str):
    async with serving(moved(location), inner_example=[["192.168.0.1"]]) as net:
        await refused(net)
        assert net.connected == [(PUBLIC, 80, "example.com")]


async def test_redirects_are_followed_three_times():
    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        number = int(request.split()[1][1:])
        writer.write(ok(b"sound") if number == 0 else moved(f"/{number - 1}"))

    async with serving(answer) as net:
        assert await fetched(net, "http://example.com/3") == b"sound"
        assert "redirects" in (await refused(net, "http://example.com/4")).message


async def test_only_allowed_hosts_are_asked_and_led_to():
    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(moved("http://other.com/") if b" /away " in request else ok(b"sound"))

    async with serving(answer, other_com=[[PUBLIC]]) as net:
        allowed: Any = {"fetch_allow": ("Example.com",)}
        assert await fetched(net, **allowed) == b"sound"
        await refused(net, "http://other.com/", **allowed)
        await refused(net, "http://example.com/away", **allowed)
        assert [host for *_, host in net.connected] == ["example.com"] * 2


@pytest.mark.parametrize("host", ["", "https://example.com", "example.com:443", "a b", "127.1", "example.com/x"])
def test_a_host_to_allow_has_to_be_one(host: str):
    with pytest.raises(BadRequest, match="--fetch-allow"):
        Fetcher(FetchOptions(fetch_allow=(host,)))


async def test_a_body_over_the_limit_is_refused_by_its_length_or_while_it_comes():
    async def endless(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()

    for answer in (ok(b"x" * 101), endless):
        async with serving(answer) as net:
            assert isinstance(await refused(net, most=100), TooLarge)
    async with serving(ok(b"x" * 100)) as net:
        assert await fetched(net, most=100) == b"x" * 100


async def test_a_body_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fetch, "TOTAL_S", 0.05)

    async def dripping(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx")
        await asyncio.Event().wait()

    async with serving(dripping) as net:
        assert "took more than" in (await refused(net)).message


async def test_a_name_or_a_host_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dial, "CONNECT_S", 0.01)

    async def never(*_: Any) -> Any:
        await asyncio.Event().wait()

    async def found(_: str) -> list[str]:
        return [PUBLIC]

    for resolve, connect in ((never, never), (found, never)):
        fetcher = Fetcher(ON, resolve=resolve, connect=connect)
        with pytest.raises(BadRequest, match="can't be reached"):
            await fetcher.fetch("http://example.com/", Memory(), 100)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive5",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 60_000 + b"\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nsound",
        b"HTTP/1.1 206 Partial Content\r\nContent-Length: 5\r\n\r\nsound",
        b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
        ok(b"\x1f\x8b", "Content-Encoding: gzip"),
    ],
)
async def test_an_answer_that_is_no_file_is_refused(answer: bytes):
    async with serving(answer) as net:
        assert (await refused(net)).status == 400


async def test_a_name_of_this_machine_is_not_fetched_from():
    with pytest.raises(BadRequest, match="can't be reached"):
        await Fetcher(ON).fetch("http://localhost/", Memory(), 100)


async def test_a_disk_that_fails_is_not_the_urls_fault():
    class Broken(Memory):
        def write(self, content: bytes) -> None:
            raise OSError("the disk is gone")

    async with serving(ok(b"sound")) as net:
        with pytest.raises(OSError, match="gone"):
            await net.fetcher().fetch("http://example.com/", Broken(), 100)
