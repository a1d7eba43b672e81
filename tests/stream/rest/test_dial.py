"""Posting to a server on a real socket; `test_fetch.py` has all that leads a connection astray."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from stream.rest import dial
from stream.rest.addresses import is_public, read
from stream.rest.dial import Dialer, Unreachable
from tests.stream.rest.test_fetch import PUBLIC, serving

TARGET = read("http://example.com/hook?a=b")


async def test_a_post_is_sent_whole_and_its_status_told():
    asked = []

    async def answer(head: bytes, writer: asyncio.StreamWriter) -> None:
        asked.append(head.decode())
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 99\r\n\r\n")

    async with serving(answer) as net:
        assert await net.dialer().post(TARGET, [("X-Sign", "s")], b"body") == 202
        assert net.connected == [(PUBLIC, 80, "example.com")]
    head, *headers = asked[0].rstrip().split("\r\n")
    assert head == "POST /hook?a=b HTTP/1.1"
    assert {"host: example.com", "content-length: 4", "x-sign: s", "connection: close"} <= set(map(str.lower, headers))


async def test_a_redirect_is_an_answer_like_any():
    async with serving(b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n\r\n") as net:
        assert await net.dialer().post(TARGET, [], b"") == 302
        assert len(net.connected) == 1


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 60_000 + b"\r\n"]
)
async def test_what_is_no_http_is_no_answer(answer: bytes):
    async with serving(answer) as net:
        with pytest.raises(Unreachable):
            await net.dialer().post(TARGET, [], b"")


@pytest.mark.parametrize("addresses", [[], ["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["169.254.169.254"], ["::1"]])
async def test_what_leads_inside_is_not_connected_to(addresses: list[str]):
    async with serving(b"HTTP/1.1 200 OK\r\n\r\n", example_com=[addresses]) as net:
        with pytest.raises(Unreachable):
            await net.dialer().post(TARGET, [], b"")
        assert net.connected == []


async def test_a_name_is_resolved_to_all_its_addresses_and_judged_by_them():
    assert "127.0.0.1" in await dial._resolved("localhost")
    assert not any(map(is_public, await dial._resolved("localhost")))
    with pytest.raises(Unreachable):
        await Dialer().post(read("http://localhost/"), [], b"")


async def test_who_does_not_connect_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dial, "CONNECT_S", 0.01)

    async def never(*_: Any) -> Any:
        await asyncio.Event().wait()

    with pytest.raises(Unreachable):
        await Dialer(resolve=never).post(TARGET, [], b"")
