"""A hub on a local socket: speaks as much of its HTTP as fetching a model takes, and misbehaves on request.

Knows nothing of `models.weights`: what it says is what the public hub says, headers and redirects included.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from huggingface_hub import constants

COMMIT = "0123456789abcdef0123456789abcdef01234567"
MODEL = {
    "model.bin": bytes(range(256)) * 64,
    "config.json": b'{"suppress_ids": []}',
    "tokenizer.json": b"{}",
    "vocabulary.json": b"[]",
    "preprocessor_config.json": b'{"feature_size": 80}',
    "README.md": b"Not needed to run it.",
    ".gitattributes": b"*.bin filter=lfs",
}
VOXTRAL = {
    "config.json": b'{"model_type": "voxtral"}',
    "generation_config.json": b"{}",
    "preprocessor_config.json": b"{}",
    "tekken.json": b"{}",
    "model.safetensors.index.json": b"{}",
    "model-00001-of-00002.safetensors": bytes(range(256)) * 8,
    "model-00002-of-00002.safetensors": bytes(range(256)) * 4,
    "consolidated.safetensors": bytes(range(256)) * 12,
    "params.json": b"{}",
    "README.md": b"Not needed to run it.",
}
"""As in mistralai/Voxtral-Mini-3B-2507."""


@dataclass
class Hub:
    """Its repositories, what it was asked, and how it is to fail.

    repos:    files by repository and name; `*.bin` lie behind a redirect to another host, as large files do.
    moved:    repositories that were renamed: old name to new.
    altered:  what is sent for a file instead of what is announced.
    cuts:     after how many bytes of `*.bin` to hang up, one for each request to come.
    stall_at: after how many bytes of `*.bin` to send no more, for good; `stalled` is set then.
    pause_s:  how long every eighth of `*.bin` takes.
    broken:   answer requests for files with 503.
    terse:    announce no sizes and no hashes.
    asked:    (path, Range header, Authorization header) of all requests.
    """

    repos: dict[str, dict[str, bytes]] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    altered: dict[str, bytes] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    stall_at: int | None = None
    pause_s: float = 0.0
    broken: bool = False
    terse: bool = False
    asked: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    stalled: threading.Event = field(default_factory=threading.Event)
    closing: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ranges(self) -> list[str | None]:
        """The Range headers of all requests for the contents of large files."""
        return [wanted for path, wanted, _ in self.asked if path.startswith("/large/")]


@contextmanager
def serving() -> Iterator[Hub]:
    """A hub that runs for the length of the block."""
    hub = Hub()

    class Handler(_Handler):
        pass

    Handler.hub = hub
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hub.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield hub
        hub.closing.set()
        server.shutdown()
        thread.join()


def point_client_at(endpoint: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What HF_ENDPOINT and HF_HOME would do, had they been set before the client was imported."""
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HOME", str(home))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home / "token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", False)
    # The client drops what it has of a chunk when a connection breaks; the default of 10 MB wants large files.
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1024)


def lay_out(directory: Path, files: dict[str, bytes]) -> Path:
    """Write files into a directory, which is made."""
    directory.mkdir(parents=True)
    for name, contents in files.items():
        (directory / name).write_bytes(contents)
    return directory


def lay_out_cache(home: Path, repo: str, files: dict[str, bytes]) -> Path:
    """Write a repository into the hub's cache, as the client would have; returns the snapshot."""
    cached = home / "hub" / f"models--{repo.replace('/', '--')}"
    lay_out(cached / "refs", {"main": COMMIT.encode()})
    return lay_out(cached / "snapshots" / COMMIT, files)


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.hub.asked.append((path, self.headers["Range"], self.headers["Authorization"]))
        match path.strip("/").split("/"):
            case ["api", "models", org, name]:
                self._list(f"{org}/{name}")
            case ["large", org, name, file]:
                self._large(self.hub.altered.get(file, self.hub.repos[f"{org}/{name}"][file]))
            case [org, name, "resolve", _, file]:
                self._resolve(f"{org}/{name}", file)
            case _:
                self._say(404)

    def _list(self, repo: str) -> None:
        if repo in self.hub.moved:
            self._say(307, {"Location": f"/api/models/{self.hub.moved[repo]}"})
        elif repo in self.hub.repos:
            announce = (lambda name, _: {"rfilename": name}) if self.hub.terse else _announced
            siblings = [announce(name, contents) for name, contents in self.hub.repos[repo].items()]
            self._say(200, {}, json.dumps({"id": repo, "sha": COMMIT, "siblings": siblings}).encode())
        else:
            self._say(404, {"X-Error-Code": "RepoNotFound"})

    def _resolve(self, repo: str, file: str) -> None:
        repo = self.hub.moved.get(repo, repo)
        if self.hub.broken:
            self._say(503)
        elif file.endswith(".bin"):
            self._say(302, {"Location": f"http://localhost:{self.hub.port}/large/{repo}/{file}"})
        else:
            self._say(200, {}, self.hub.altered.get(file, self.hub.repos[repo][file]))

    def _large(self, contents: bytes) -> None:
        start = int((self.headers["Range"] or "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(contents) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(contents) - 1}/{len(contents)}")
        self.end_headers()
        cut = self.hub.cuts.pop(0) if self.hub.cuts else None
        stop = min(at for at in (cut, self.hub.stall_at, len(contents)) if at is not None)
        eighth = -(-len(contents) // 8)
        for at in range(start, stop, eighth):
            self.hub.closing.wait(self.hub.pause_s)
            self.wfile.write(contents[at : min(at + eighth, stop)])
        if self.hub.stall_at is not None:
            self.hub.stalled.set()
            self.hub.closing.wait()

    def _say(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _announced(name: str, contents: bytes) -> dict[str, Any]:
    if not name.endswith(".bin"):
        blob = b"blob %d\0" % len(contents) + contents
        return {"rfilename": name, "size": len(contents), "blobId": hashlib.sha1(blob).hexdigest()}
    large = {"sha256": hashlib.sha256(contents).hexdigest(), "size": len(contents), "pointerSize": 130}
    return {"rfilename": name, "size": len(contents), "blobId": "0" * 40, "lfs": large}
