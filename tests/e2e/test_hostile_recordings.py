"""Files made to harm, sent to a server over a real socket: each gets its error, and nobody else notices."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil

from stream.errors import BadMedia, ClientError, TooLarge, UnsupportedMedia
from tests.e2e.conftest import Server
from tests.stream.rest.served import RECORDING, TEXT
from tests.stream.test_media import HOSTILE, NO_AUDIO

MB = 1_000_000
STATUSES: dict[type[ClientError] | None, int] = {
    each: 200 if each is None else each.status for each in (None, BadMedia, TooLarge, UnsupportedMedia)
}


def expected(errors: object) -> set[int]:
    return {STATUSES[each] for each in (errors if isinstance(errors, tuple) else (errors,))}


class Watch:
    """The most memory that the server's process and all of its children had, above what it had before."""

    def __init__(self, server: Server) -> None:
        self._process = psutil.Process(server.process.pid)
        self._idle = self._now()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.server = self.all = 0

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _now(self) -> tuple[int, int]:
        children = 0
        for child in self._process.children(recursive=True):
            try:
                children += child.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        return self._process.memory_info().rss, children

    def _run(self) -> None:
        while not self._over.wait(0.05):
            own, children = self._now()
            self.server = max(self.server, own - self._idle[0])
            self.all = max(self.all, own + children - sum(self._idle))


def test_each_gets_its_error_and_none_more_than_its_share_of_memory(
    start_server: Callable[..., Server], tmp_path: Path
):
    limits = ("--max-file-mb", "4", "--max-recording-h", str(60 / 3600), "--max-recordings", "1")
    server = start_server("--model", "scripted", "--drain-s", "0", "--data-dir", str(tmp_path), *limits)
    sent = {name: (content, UnsupportedMedia) for name, content in NO_AUDIO.items()}
    sent |= {name: (build(), error) for name, (build, error, *_) in HOSTILE.items()}
    assert len(sent) >= 20
    with httpx.Client(base_url=server.http, timeout=60) as client:

        def status(content: bytes) -> int:
            return client.post("/v1/audio/transcriptions", files={"file": ("a.wav", content)}).status_code

        assert status(RECORDING) == 200
        with Watch(server) as watch:
            answered = {name: status(content) for name, (content, _) in sent.items()}
        assert {name: each for name, each in answered.items() if each not in expected(sent[name][1])} == {}
        assert watch.server < 50 * MB
        assert watch.all < 100 * MB

        with ThreadPoolExecutor(8) as pool:
            some = list(sent)[::3]
            again = list(pool.map(status, [sent[name][0] for name in some]))
        assert again == [answered[name] for name in some]
        heard = client.post("/v1/audio/transcriptions", files={"file": ("a.wav", RECORDING)})
        assert heard.json()["text"] == TEXT
    assert len(server.workers) == 1, "no decoder is left behind"
    contents = [path for path in (tmp_path / "files").rglob("*-*") if path.is_file() and path.suffix != ".lock"]
    assert [path for path in contents if "sqlite" not in path.name] == []
