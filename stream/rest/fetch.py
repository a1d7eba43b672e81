"""Fetches files from strangers' servers: only what `addresses` allows, from an address that was judged, within limits.

Asks no proxy, follows few redirects and judges each anew. Knows nothing of what the files are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import h11

from stream.errors import BadRequest, TooLarge, Unsupported
from stream.rest.addresses import Target, allowed_host, is_public, read, redirected
from stream.rest.dial import HEADERS, Connect, Dialer, Resolve, Unreachable
from stream.rest.intake import BATCH, Place

TOTAL_S = 60.0
"""For all of it: names, redirects, and the whole file."""
REDIRECTS = 3
REDIRECTING = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchOptions:
    fetch_urls: bool = field(default=False, metadata={"help": "fetch recordings from URLs that clients name"})
    fetch_allow: tuple[str, ...] = field(
        default=(), metadata={"help": "a host to fetch from; with any, only from those that are named"}
    )


class Fetcher:
    """`resolve`, `judge` and `connect` are a Dialer's. Raises BadRequest for a host to allow that is none."""

    def __init__(
        self,
        options: FetchOptions,
        *,
        resolve: Resolve | None = None,
        judge: Callable[[str], bool] = is_public,
        connect: Connect | None = None,
    ) -> None:
        self._on = options.fetch_urls
        self._allowed = frozenset(allowed_host("--fetch-allow", each) for each in options.fetch_allow)
        self._dialer = Dialer(resolve=resolve, judge=judge, connect=connect)

    async def fetch(self, url: str, place: Place, most: int) -> None:
        """Put what a URL holds into `place`, which is written to in threads.

        Raises what `require_on` does, BadRequest for a URL that may not or can't be fetched, TooLarge behind `most`
        bytes, and what `place.write` raises.
        """
        self.require_on()
        try:
            async with asyncio.timeout(TOTAL_S):
                target = read(url, self._allowed)
                for _ in range(REDIRECTS + 1):
                    following = await self._get(target, place, most)
                    if following is None:
                        return
                    target = redirected(target, following, self._allowed)
        except TimeoutError:
            raise _unfetched(f"took more than {TOTAL_S:g} s") from None
        raise _unfetched(f"redirects more than {REDIRECTS} times")

    def require_on(self) -> None:
        """Raises Unsupported where no URLs are fetched."""
        if not self._on:
            raise Unsupported(
                "this server fetches no URLs but its own signed ones, while those are valid",
                hint="upload the file, or start the server with --fetch-urls",
                param="file_url",
            )

    async def _get(self, target: Target, place: Place, most: int) -> str | None:
        """Where it sends on to, or None once all is in its place."""
        try:
            async with self._dialer.dialled(target) as (reader, writer):
                return await _Exchange(reader, writer, target).run(place, most)
        except Unreachable:
            raise _unfetched("can't be reached") from None


class _Exchange:
    """One request and its answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: Target) -> None:
        self._reader, self._writer, self._target = reader, writer, target
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEADERS)

    async def run(self, place: Place, most: int) -> str | None:
        headers = [
            ("Host", self._target.authority),
            ("User-Agent", "steno"),
            ("Accept", "*/*"),
            # Nothing is inflated: what comes is what counts against the limit.
            ("Accept-Encoding", "identity"),
            ("Connection", "close"),
        ]
        asked = h11.Request(method="GET", target=self._target.path, headers=headers)
        self._writer.write((self._http.send(asked) or b"") + (self._http.send(h11.EndOfMessage()) or b""))
        answer = await self._next()
        while isinstance(answer, h11.InformationalResponse):
            answer = await self._next()
        if not isinstance(answer, h11.Response):
            raise _broken()
        told = {name.lower(): value.decode("latin-1") for name, value in answer.headers}
        if answer.status_code in REDIRECTING and b"location" in told:
            return told[b"location"]
        if answer.status_code != 200:
            raise _unfetched(f"answers with status {answer.status_code}")
        if told.get(b"content-encoding", "identity").strip().lower() != "identity":
            raise _unfetched("comes compressed, unasked")
        if told.get(b"content-length", "").isdecimal() and int(told[b"content-length"]) > most:
            raise _too_large(most)
        await self._take(place, most)
        return None

    async def _take(self, place: Place, most: int) -> None:
        received, total = bytearray(), 0
        while isinstance(event := await self._next(), h11.Data):
            total += len(event.data)
            if total > most:
                raise _too_large(most)
            received += event.data
            if len(received) >= BATCH:
                await asyncio.to_thread(place.write, bytes(received))
                received.clear()
        if not isinstance(event, h11.EndOfMessage):
            raise _broken()
        await asyncio.to_thread(place.write, bytes(received))

    async def _next(self) -> object:
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                self._http.receive_data(await self._reader.read(HEADERS))
        except (OSError, h11.RemoteProtocolError):
            raise _broken() from None
        return event


def _unfetched(why: str) -> BadRequest:
    return BadRequest(f"the URL {why}", param="file_url")


def _broken() -> BadRequest:
    return _unfetched("broke off, or is no HTTP")


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"what is at the URL has more than {most} bytes", param="file_url")
