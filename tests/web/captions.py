"""The captions page as its user has it, and the server's own account of what it said."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
from playwright.sync_api import Page, expect
from websockets.sync.client import ClientConnection, connect

from tests.e2e.conftest import Server
from tests.web.conftest import settle

LIVE = re.compile("^Live")


class Captions:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.status = page.locator("#status")
        self.notice = page.locator("#notice")
        self.rows = page.locator("#said li")

    def start(self) -> None:
        self.page.get_by_role("button", name="Start").click()
        expect(self.status).to_have_text(LIVE)

    def stop(self) -> None:
        self.page.get_by_role("button", name="Stop").click()
        expect(self.status).to_have_text("Stopped")
        self.settle()

    def settle(self) -> None:
        """Until what the page has been told is on the screen."""
        settle(self.page)

    def has_finals(self, count: int) -> None:
        expect(self.rows.nth(count - 1)).to_be_attached()

    @property
    def transcript(self) -> list[str]:
        return self.rows.locator("p").all_text_contents()

    @property
    def shown(self) -> str:
        """The words in the captions' lines."""
        lines = self.page.evaluate(
            "[...document.querySelectorAll('.line')].sort((a, b) => a.offsetTop - b.offsetTop).map(l => l.textContent)"
        )
        return " ".join(lines)


def watch(server: Server) -> ClientConnection:
    """A viewer of the only session there is."""
    [live] = httpx.get(server.http + "/v1/sessions").json()["data"]
    return connect(server.http.replace("http", "ws", 1) + f"/v1/sessions/{live['id']}/watch", max_queue=None)


def finals(viewer: ClientConnection) -> list[dict[str, Any]]:
    """What the server said, up to the end of the session."""
    events = [json.loads(message) for message in viewer]
    return [event for event in events if event["type"] == "final"]
