"""The server's web pages, and what they load: files that are read once, and served with the headers that confine them.

Knows nothing of sessions, keys or what the pages do.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PAGES = {"/": "captions.html", "/call": "call.html"}
"""Paths of pages, and their files among those below /web."""
PREFIXES = ("/web/", "/js/")
"""Where the files are that pages load: the pages' own, and the SDK's."""
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""Of the files that are served; what else is in their folders is not."""
POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
"""Pages talk to their own server only, run its scripts only, and are in nobody's frame."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": "microphone=(self), display-capture=(self)",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Kept, but asked for again: a new server's pages never run with an old one's scripts.
    "Cache-Control": "no-cache",
    "Vary": "Accept-Encoding",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent, plain and compressed."""

    media_type: str
    etag: str
    plain: bytes
    compressed: bytes

    def answer(self, request: Request) -> Response:
        headers = {**HEADERS, "ETag": self.etag}
        known = {each.strip() for each in request.headers.get("if-none-match", "").split(",")}
        if self.etag in known or "*" in known:
            return Response(status_code=304, headers=headers)
        accepted = {each.partition(";")[0].strip() for each in request.headers.get("accept-encoding", "").split(",")}
        if "gzip" not in accepted:
            return Response(self.plain, headers=headers, media_type=self.media_type)
        return Response(self.compressed, headers={**headers, "Content-Encoding": "gzip"}, media_type=self.media_type)


def is_page(path: str) -> bool:
    """Whether a path is that of a page or of what pages load, which anyone may have: they hold nobody's data."""
    return path in PAGES or path.startswith(PREFIXES)


def routes() -> list[Route]:
    """One for each file, so that no path but these leads to any. Raises OSError for a file that can't be read."""
    web, js = _folders()
    assets = dict(_read(web, "/web/")) | dict(_read(js, "/js/"))
    served = assets | {path: assets[f"/web/{name}"] for path, name in PAGES.items()}
    return [_route(path, asset) for path, asset in served.items()]


def _route(path: str, asset: Asset) -> Route:
    async def answer(request: Request) -> Response:
        return asset.answer(request)

    return Route(path, answer, include_in_schema=False)


def _folders() -> tuple[Path, Path]:
    """Of the pages and of the SDK: in an installed package, else in a checkout."""
    installed = Path(__file__).parent / "web"
    if installed.is_dir():
        return installed, installed / "js"
    clients = Path(__file__).parents[1] / "clients"
    return clients / "web", clients / "js"


def _read(folder: Path, prefix: str) -> Iterator[tuple[str, Asset]]:
    for path in sorted(folder.iterdir()):
        if path.suffix in TYPES:
            plain = path.read_bytes()
            # Weak, as it names both forms.
            etag = f'W/"{hashlib.sha256(plain).hexdigest()[:16]}"'
            yield f"{prefix}{path.name}", Asset(TYPES[path.suffix], etag, plain, gzip.compress(plain, mtime=0))
