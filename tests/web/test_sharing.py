"""An audience: pages that watch a session of somebody else's."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect
from websockets.sync.client import ClientConnection

from models.scripted import ledger_audio
from tests.e2e.conftest import Server, hear, say
from tests.vad.voice import silence
from tests.web.captions import LIVE, Captions
from tests.web.conftest import Complaints

KEY = "a-key-of-the-tests"


@pytest.fixture(scope="module")
def keyed(start_server: Callable[..., Server]) -> Server:
    return start_server("--model", "scripted", "--drain-s", "0", STENO_API_KEYS=KEY)


def talk(socket: ClientConnection, first: int) -> None:
    for part in (silence(0.5), ledger_audio(first, 10), silence(1.0)):
        socket.send(part.tobytes())


def test_a_session_is_watched_from_its_beginning_to_its_end(server: Server, open_page: Callable[..., Page]):
    with server.connect() as socket:
        say(socket, type="start")
        session = hear(socket, "ready")[-1]["session"]
        talk(socket, 0)
        first = hear(socket, "final")[-1]["text"]
        captions = Captions(open_page(f"{server.http}/?watch={session}"))
        expect(captions.rows.locator("p")).to_have_text([first])
        expect(captions.page.locator("#controls")).to_be_hidden()
        talk(socket, 10)
        second = hear(socket, "final")[-1]["text"]
        expect(captions.rows.locator("p")).to_have_text([first, second])
        assert captions.shown == f"{first} {second}" == " ".join(f"w{n}" for n in range(20))
        say(socket, type="stop")
        hear(socket, "done")
    expect(captions.status).to_have_text("The session is over")


def test_a_session_that_is_not_there_is_said_so(server: Server, open_page: Callable[..., Page], complaints: Complaints):
    complaints.expect("WebSocket connection to .* failed")
    page = open_page(server.http + "/?watch=nobody")
    expect(page.locator("#notice")).to_contain_text("No live session `nobody`")


def test_a_link_lets_others_watch_without_a_key(keyed: Server, open_page: Callable[..., Page], complaints: Complaints):
    """And the key is in no URL, nor the token in one that a server sees."""
    complaints.expect("401")
    page = open_page("about:blank")
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url))
    page.on("websocket", lambda websocket: urls.append(websocket.url))
    page.goto(keyed.http + "/")
    captions = Captions(page)
    page.get_by_label("API key or token").fill("not-" + KEY)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("No such API key")
    page.get_by_label("API key or token").fill(KEY)
    page.keyboard.press("Enter")
    captions.start()
    page.get_by_role("button", name="Share").click()
    link = page.get_by_role("dialog").get_by_role("textbox").input_value()
    assert re.fullmatch(rf"{keyed.http}/\?watch=[\w-]+#token=st_watch\.[\w.-]+", link)
    page.get_by_role("button", name="Close").click()

    audience = open_page("about:blank")
    audience.on("request", lambda request: urls.append(request.url))
    audience.on("websocket", lambda websocket: urls.append(websocket.url))
    audience.goto(link)
    watching = Captions(audience)
    watching.has_finals(1)
    assert audience.url == link.partition("#")[0], "the token is not left where it can be copied"
    audience.reload()
    watching.has_finals(2)
    captions.stop()
    expect(watching.status).to_have_text("The session is over")
    watching.settle()
    assert watching.transcript == captions.transcript
    assert len(urls) > 20
    assert not [url for url in urls if KEY in url or "st_watch" in url.partition("#")[0]]


def test_a_token_in_the_fragment_opens_one_session(
    keyed: Server, open_page: Callable[..., Page], complaints: Complaints
):
    complaints.expect("403", "WebSocket connection to .* failed", "401")
    asked = {"headers": {"x-api-key": KEY}, "json": {"scope": "transcribe"}}
    token = httpx.post(keyed.http + "/v1/tokens", **asked).json()["token"]
    page = open_page(f"{keyed.http}/#token={token}")
    captions = Captions(page)
    expect(captions.status).to_have_text("Ready")
    assert page.url == keyed.http + "/"
    captions.start()
    captions.has_finals(1)
    captions.stop()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("dialog")).to_contain_text("may have been used")
    page.get_by_label("API key or token").fill(KEY)
    page.keyboard.press("Enter")
    expect(captions.status).to_have_text(LIVE)
