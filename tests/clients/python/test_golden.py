"""Both clients hold their half of golden conversations, with a server that plays its half from the file.

A line is {"about": …}, {"from": "client", "text" | "binary" (base64, "times" over) | "raw": …} or
{"from": "server", "text" | "close": …}. Conversations that no client of ours would have are left out.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import steno
import steno.sync
from steno.events import decode

PASSING = (steno.Partial, steno.Ack)
TESTS = Path(__file__).parents[2]
FIELDS = {
    "start": set(get_type_hints(steno.Options)),
    "configure": set(get_type_hints(steno.Changes)),
    "finalize": {"id"},
    "stop": set(),
}


def load(path: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [line for line in lines if "from" in line]


def audio(line: dict[str, Any]) -> bytes:
    return base64.b64decode(line["binary"]) * line.get("times", 1)


def playable(lines: list[dict[str, Any]]) -> bool:
    """Only what the client can say, from `start` to `stop` or to a fatal error, and audio that the server takes."""
    client = [line for line in lines if line["from"] == "client"]
    answers = [line["text"] for line in lines if line["from"] == "server" and "text" in line]
    if not answers or not all(line.get("binary") or sayable(line.get("text", {})) for line in client):
        return False
    if any(answer.get("code") == "bad_audio" for answer in answers):
        return False
    said = [line.get("text", {}).get("type") for line in client]
    ended = answers[-1].get("fatal") is True or (said[-1] == "stop" and said.count("stop") == 1)
    return said[0] == "start" and said.count("start") == 1 and ended


def sayable(text: dict[str, Any]) -> bool:
    return text.get("type") in FIELDS and {*text} <= {"type", *FIELDS[text["type"]]}


CONVERSATIONS = [
    path
    for folder in (Path(__file__).parent / "golden", TESTS / "wire" / "native")
    for path in sorted(folder.glob("*.jsonl"))
    if playable(load(path))
]


def script_for(lines: list[dict[str, Any]]) -> Any:
    async def script(peer: Any) -> None:
        for line in lines:
            if "close" in line:
                await peer.socket.close(line["close"])
            elif line["from"] == "server":
                await peer.socket.send(json.dumps(line["text"]))
            elif "binary" in line:
                expected, heard = audio(line), b""
                while len(heard) < len(expected):
                    heard += await peer.hear()
                assert heard == expected
            else:
                assert await peer.hear() == line["text"]

    return script


def check(lines: list[dict[str, Any]], seen: list[steno.Event], error: steno.StenoError | None) -> None:
    told = [decode(line["text"]) for line in lines if line["from"] == "server" and "text" in line]
    if isinstance(told[-1], steno.Failed):
        assert error is not None
        assert told[-1].message in str(error)
        return
    assert error is None
    counting = [event for event in told if event is not None and not isinstance(event, PASSING)]
    assert [event for event in seen if not isinstance(event, PASSING)] == counting
    assert all(event in told for event in seen)


def options(lines: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in lines[0]["text"].items() if name != "type"}


def calls(lines: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The client's lines behind `start`, as methods of a session and their arguments."""
    for line in lines[1:]:
        if "binary" in line:
            yield "send", {"audio": audio(line)}
        elif line["from"] == "client":
            yield line["text"]["type"], {name: value for name, value in line["text"].items() if name != "type"}


@pytest.mark.parametrize("path", CONVERSATIONS, ids=lambda path: f"{path.parent.name}-{path.stem}")
async def test_the_client_holds_its_half(path, server):
    lines = load(path)
    seen, error = [], None
    async with server(script_for(lines)) as url:
        try:
            async with steno.connect(url, **options(lines)) as session:
                for method, arguments in calls(lines):
                    with suppress(steno.RequestError):
                        await getattr(session, method)(**arguments)
                seen = [event async for event in session]
        except steno.SessionError as fatal:
            error = fatal
    check(lines, seen, error)


@pytest.mark.parametrize("path", CONVERSATIONS, ids=lambda path: f"{path.parent.name}-{path.stem}")
async def test_its_sync_twin_holds_its_half(path, server):
    lines = load(path)

    def play(url: str) -> tuple[list[steno.Event], steno.StenoError | None]:
        try:
            with steno.sync.connect(url, **options(lines)) as session:
                for method, arguments in calls(lines):
                    with suppress(steno.RequestError):
                        getattr(session, method)(**arguments)
                return list(session), None
        except steno.SessionError as fatal:
            return [], fatal

    async with server(script_for(lines)) as url:
        seen, error = await asyncio.to_thread(play, url)
    check(lines, seen, error)


def test_there_are_conversations():
    assert len(CONVERSATIONS) >= 3
