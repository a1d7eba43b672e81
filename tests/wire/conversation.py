"""Golden conversations: files of one JSON object a line, played against the server's session and against both SDKs.

A line is one of

    {"about": "..."}                                               what the conversation shows; the first line
    {"from": "client", "text": {...}}                              a JSON message ("raw": a text that isn't one)
    {"from": "client", "binary": "<base64>", "times": 3}           a frame: the bytes, so many times over
    {"from": "server", "text": {...}}                              a JSON message
    {"from": "server", "close": 1000}                              the end

The file's folder tells the dialect. The server runs on the scripted model and a clock that stands still. `python -m
tests.wire.conversation FILE...` plays the client's lines and writes anew what the server answers.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from pathlib import Path
from typing import Any

from stream.protocols import PROTOCOLS
from tests.stream.inline import scripted_engine
from tests.stream.peer import Peer, session_for

TURNS = 300
"""Rounds of the event loop in which everything that follows from a message has happened."""
SECRETS = ("session", "token")
DIALECTS = {protocol.__module__.rpartition(".")[2]: protocol for protocol in PROTOCOLS}
"""By the names of their files and of the folders of their conversations."""


def load(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def client_message(line: dict[str, Any]) -> str | bytes:
    if "binary" in line:
        return base64.b64decode(line["binary"]) * line.get("times", 1)
    raw: str | None = line.get("raw")
    return json.dumps(line["text"]) if raw is None else raw


async def played(lines: list[dict[str, Any]], dialect: str) -> list[dict[str, Any]]:
    """The client's lines, each followed by what the server says to it; random values are replaced by their names."""
    engine = await scripted_engine()
    peer = Peer()
    running = asyncio.create_task(session_for(peer, engine, dialect=DIALECTS[dialect]).run())
    conversation: list[dict[str, Any]] = []
    for line in lines:
        if line.get("from") == "server":
            continue
        conversation.append(line)
        if "about" in line:
            continue
        peer.feed(client_message(line))
        for _ in range(TURNS):
            await asyncio.sleep(0)
        while not peer.heard.empty():
            message = peer.heard.get_nowait()
            message |= {name: name.upper() for name in SECRETS if isinstance(message.get(name), str)}
            conversation.append({"from": "server", "text": message})
    if peer.code is not None:
        conversation.append({"from": "server", "close": peer.code})
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await engine.stop()
    return conversation


if __name__ == "__main__":
    for name in sys.argv[1:]:
        recorded = asyncio.run(played(load(Path(name)), Path(name).parent.name))
        Path(name).write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in recorded))
