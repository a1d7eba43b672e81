"""Calls for the tests of the call page: recordings of two sides, and sessions that are played to the page."""

from __future__ import annotations

import json
import re
import wave
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page, WebSocketRoute

Sound = NDArray[np.int16]

HEARD = """
const Real = WebSocket;
window.heard = [];
window.WebSocket = class extends Real {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", ({ data }) => heard.push({ at: performance.now(), message: JSON.parse(data) }));
  }
};
window.shown = [];
new MutationObserver((changes) => {
  for (const { target, addedNodes } of changes)
    if (target.id === "cards" && addedNodes.length) shown.push(performance.now());
}).observe(document, { childList: true, subtree: true });
"""
"""Notes what comes over the page's socket, and when a card is added, on the page's own clock."""


def write_stereo(path: Path, caller: Sound, agent: Sound) -> Path:
    """A recording of a call at 16 kHz; the shorter side is silent at its end."""
    sides = np.zeros((max(len(caller), len(agent)), 2), np.int16)
    sides[: len(caller), 0], sides[: len(agent), 1] = caller, agent
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(sides.tobytes())
    return path


def heard(page: Page) -> list[dict[str, Any]]:
    """All messages that the server has sent to the page."""
    messages: list[dict[str, Any]] = page.evaluate("heard.map(({ message }) => message)")
    return messages


def said(page: Page) -> list[str]:
    """What the page shows of both sides, each as one text."""
    return [
        " ".join(" ".join(page.locator(f"#turns li[data-side='{side}'] .text").all_text_contents()).split())
        for side in (0, 1)
    ]


def finals(messages: Iterable[dict[str, Any]]) -> list[str]:
    """The same of what the server has said."""
    ended = [each for each in messages if each["type"] == "final"]
    return [" ".join(each["text"] for each in ended if each["channel"] == side) for side in (0, 1)]


def final(segment: int, channel: int, start: float, end: float, text: str) -> list[dict[str, Any]]:
    """The events of a segment as a session has them, but for their numbers."""
    place = {"segment": segment, "channel": channel}
    return [
        {"type": "speech_started", **place, "at": start},
        {"type": "speech_ended", **place, "at": end, "reason": "endpoint"},
        {"type": "final", **place, "start": start, "end": end, "text": text, "language": "en", "confidence": 0.9}
        | {"reason": "endpoint", "latency": dict.fromkeys(("endpoint", "queue", "decode", "send", "total"), 0.0)},
    ]


def partial(segment: int, channel: int, start: float, end: float, stable: str, unstable: str) -> dict[str, Any]:
    times = {"segment": segment, "channel": channel, "start": start, "end": end}
    return {"type": "partial", **times, "text": stable + unstable, "stable": len(stable), "language": "en", "lag_ms": 0}


NUMBERED = ("speech_started", "speech_ended", "final", "done")


class Played:
    """A session that `page` will watch, whatever it is called: it is told what the test says, and nothing else."""

    def __init__(self, page: Page) -> None:
        self._socket: WebSocketRoute | None = None
        self._seq = 0
        page.route_web_socket(re.compile(r"/v1/sessions/.*/watch"), self._open)

    def _open(self, socket: WebSocketRoute) -> None:
        self._socket = socket
        self._send({"type": "watching", "session": "s1", "model": "base", "first_seq": 1, "missed": 0})

    def tell(self, *events: dict[str, Any]) -> None:
        for event in events:
            self._seq += event["type"] in NUMBERED
            self._send({**event, "seq": self._seq} if event["type"] in NUMBERED else event)

    def end(self) -> None:
        latency = {"p50": None, "p95": None}
        counts = {"received": 0, "audio_s": 60.0, "speech_s": 30.0, "segments": 9, "words": 99}
        self.tell({"type": "done", **counts, "latency": {"partials": latency, "finals": latency}})
        assert self._socket
        self._socket.close(code=1000, reason="done")

    def _send(self, message: dict[str, Any]) -> None:
        assert self._socket
        self._socket.send(json.dumps(message))
