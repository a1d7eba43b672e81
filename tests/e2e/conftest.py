"""A real server in a process of its own, on a free port, and sockets to talk to it."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import psutil
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.e2e.command import start_command

ONE_WORKER = ("--replicas", "1")
"""For a server with a real model: it would try first how many serve most sessions, which takes seconds."""


@dataclass
class Server:
    """`said`, `log`: what it prints and complains of."""

    process: ForkServerProcess
    http: str
    said: Path
    log: Path

    @property
    def ws(self) -> str:
        return self.http.replace("http", "ws", 1) + "/v1/stream"

    @property
    def workers(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def connect(self, query: str = "", **options: Any) -> ClientConnection:
        return connect(self.ws + query, compression=None, **options)


@contextmanager
def starter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Starts `steno-server serve` with more arguments and variables.

    Unless told otherwise it has seats for all, as a busy machine would have it refuse some.
    """
    processes: list[ForkServerProcess] = []

    def start(*arguments: str, **variables: str) -> Server:
        folder = tmp_path_factory.mktemp("server")
        said, log = folder / "said", folder / "log"
        process = start_command(
            *("serve", "--port", "0", "--offline", *arguments),
            environment={"STENO_MAX_SESSIONS": "500", **os.environ, **variables},
            said=said,
            complained=log,
        )
        processes.append(process)
        while not (ready := re.match(r"Steno is ready at (\S+)\n$", said.read_text())):
            assert process.is_alive(), said.read_text() + log.read_text()
            time.sleep(0.02)
        return Server(process, ready[1], said, log)

    try:
        yield start
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(5)
            process.kill()
            process.join()


@pytest.fixture(scope="module")
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Starts servers that end with the file's tests: each that idles costs the others of their time."""
    with starter(tmp_path_factory) as start:
        yield start


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on the scripted model, shared by all tests that leave it as they found it."""
    with starter(tmp_path_factory) as start:
        yield start("--model", "scripted", "--idle-s", "30", "--drain-s", "0")


def say(socket: ClientConnection, **message: Any) -> None:
    socket.send(json.dumps(message))


def hear(socket: ClientConnection, kind: str) -> list[dict[str, Any]]:
    """All messages up to and with the first of a type."""
    messages = [json.loads(socket.recv(timeout=20))]
    while messages[-1]["type"] != kind:
        messages.append(json.loads(socket.recv(timeout=20)))
    return messages


def natively(server: Server, audio: bytes, key: str | None = None, **options: Any) -> list[dict[str, Any]]:
    """Finals of a session of our own protocol."""
    headers = {} if key is None else {"x-api-key": key}
    with server.connect(additional_headers=headers) as socket:
        say(socket, type="start", **options)
        for start in range(0, len(audio), 4800):
            socket.send(audio[start : start + 4800])
        say(socket, type="stop")
        return [message for message in hear(socket, "done") if message["type"] == "final"]
