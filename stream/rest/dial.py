"""Connections to strangers' servers: a name is looked up once, judged, and reached at the address that was judged.

Asks no proxy. Knows nothing of what is asked for or sent.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import h11

from stream.rest.addresses import Target, is_public

CONNECT_S = 10.0
HEADERS = 65_536
"""Bytes of an answer before its body."""

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Resolve = Callable[[str], Awaitable[list[str]]]
Connect = Callable[[str, Target], Awaitable[Ends]]


class Unreachable(Exception):
    """What is not public is not told from what isn't there: nobody learns about this network from it."""


class Dialer:
    """`resolve` gives all addresses of a name, `judge` says which may be connected to, `connect` does so."""

    def __init__(
        self,
        *,
        resolve: Resolve | None = None,
        judge: Callable[[str], bool] = is_public,
        connect: Connect | None = None,
    ) -> None:
        self._resolve = resolve or _resolved
        self._judge = judge
        self._connect = connect or _connected

    @asynccontextmanager
    async def dialled(self, target: Target) -> AsyncIterator[Ends]:
        """A connection, closed in the end. Raises Unreachable."""
        reader, writer = await self._reach(target)
        try:
            yield reader, writer
        finally:
            writer.close()
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(1.0):
                    await writer.wait_closed()

    async def post(self, target: Target, headers: list[tuple[str, str]], body: bytes) -> int:
        """The status of the answer to a POST; whatever else it says is not read. Raises Unreachable."""
        headers = [
            ("Host", target.authority),
            ("User-Agent", "steno"),
            ("Connection", "close"),
            ("Content-Length", str(len(body))),
            *headers,
        ]
        http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEADERS)
        asked = h11.Request(method="POST", target=target.path, headers=headers)
        async with self.dialled(target) as (reader, writer):
            try:
                for event in (asked, h11.Data(body), h11.EndOfMessage()):
                    writer.write(http.send(event) or b"")
                while not isinstance(answer := http.next_event(), h11.Response):
                    if answer is h11.NEED_DATA:
                        http.receive_data(await reader.read(HEADERS))
                    elif not isinstance(answer, h11.InformationalResponse):
                        raise Unreachable
            except (OSError, h11.RemoteProtocolError):
                raise Unreachable from None
        return answer.status_code

    async def _reach(self, target: Target) -> Ends:
        try:
            async with asyncio.timeout(CONNECT_S):
                addresses = await self._resolve(target.host)
                if not addresses or not all(map(self._judge, addresses)):
                    raise Unreachable
                return await self._connect(addresses[0], target)
        except (OSError, TimeoutError):
            raise Unreachable from None


async def _resolved(host: str) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def _connected(address: str, target: Target) -> Ends:
    if target.scheme == "http":
        return await asyncio.open_connection(address, target.port)
    trusted = await asyncio.to_thread(ssl.create_default_context)
    return await asyncio.open_connection(address, target.port, ssl=trusted, server_hostname=target.host)
