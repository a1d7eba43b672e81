"""What can go wrong, and whether the page says so."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests import needs
from tests.e2e.conftest import Server
from tests.web.captions import LIVE, Captions
from tests.web.conftest import GONE, Complaints


@pytest.fixture
def own_server(start_server: Callable[..., Server]) -> Server:
    return start_server("--model", "scripted", "--drain-s", "0")


def test_captions_go_on_after_the_server_was_restarted(
    start_server: Callable[..., Server], own_server: Server, open_page: Callable[..., Page], complaints: Complaints
):
    # The last: of a server that hasn't loaded its model yet.
    complaints.expect(*GONE, "status of 503")
    captions = Captions(open_page(own_server.http + "/"))
    captions.start()
    captions.has_finals(1)
    own_server.process.kill()
    own_server.process.join()
    expect(captions.status).to_contain_text("Reconnecting")
    known = captions.transcript
    start_server("--model", "scripted", "--drain-s", "0", "--port", str(urlsplit(own_server.http).port))
    expect(captions.status).to_have_text(LIVE)
    captions.has_finals(len(known) + 1)
    captions.stop()
    assert captions.transcript[: len(known)] == known
    assert captions.shown.endswith(captions.transcript[-1])


@pytest.mark.parametrize(("path", "told"), [("/", "#status"), ("/call", "#complaint")])
def test_nothing_starts_before_the_page_knows_what_with(
    server: Server, open_page: Callable[..., Page], path: str, told: str
):
    page = open_page("about:blank")
    asked: list[Route] = []
    page.route("**/v1/models", lambda route: asked.append(route))
    with page.expect_request("**/v1/models"):
        page.goto(server.http + path)
    start = page.get_by_role("button", name="Start")
    expect(start).to_have_attribute("aria-disabled", "true")
    before = page.locator(told).text_content()
    start.dispatch_event("click")
    assert page.locator(told).text_content() == before
    asked[0].continue_()
    expect(page.locator("#status")).to_have_text("Ready")
    expect(start).to_have_attribute("aria-disabled", "false")


def test_a_server_that_is_gone_is_said_so(own_server: Server, open_page: Callable[..., Page], complaints: Complaints):
    complaints.expect(*GONE)
    page = open_page(own_server.http + "/")
    expect(page.locator("#status")).to_have_text("Ready")
    own_server.process.kill()
    own_server.process.join()
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#notice")).to_contain_text("The server is gone.")
    expect(page.get_by_role("button", name="Start")).to_have_attribute("aria-disabled", "false")


@pytest.mark.parametrize(
    ("flags", "permissions", "told"),
    [
        (["--use-fake-device-for-media-stream"], [], "The microphone is not allowed: allow it"),
        ([], ["microphone"], "There is no microphone"),
    ],
    ids=["denied", "none"],
)
def test_a_microphone_that_cannot_be_had_is_said_so(
    server: Server, browser: Browser, flags: list[str], permissions: list[str], told: str
):
    """In a browser whose user allows nothing, and in one on a machine without sound."""
    if not flags and (Path("/dev/snd").exists() or sys.platform != "linux"):
        pytest.skip("this machine may have a microphone")
    asking = browser.browser_type.launch(executable_path=needs.command("chromium"), args=["--no-sandbox", *flags])
    page = asking.new_context(permissions=permissions).new_page()
    page.goto(server.http + "/")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#notice")).to_contain_text(told)
    expect(page.locator("#status")).to_have_attribute("data-tone", "wrong")
    expect(page.get_by_role("button", name="Start")).to_have_attribute("aria-disabled", "false")
    asking.close()


def test_what_was_said_before_a_microphone_was_lost_gets_its_final(server: Server, open_page: Callable[..., Page]):
    page = open_page("about:blank")
    page.add_init_script("""
        const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
        navigator.mediaDevices.getUserMedia = async (wanted) => (window.microphone = await ask(wanted));
    """)
    page.goto(server.http + "/")
    captions = Captions(page)
    captions.start()
    page.locator(".word").nth(2).wait_for()
    page.evaluate("microphone.getTracks()[0].dispatchEvent(new Event('ended'))")
    expect(captions.notice).to_contain_text("microphone")
    expect(captions.status).to_have_attribute("data-tone", "wrong")
    captions.settle()
    assert captions.shown == " ".join(captions.transcript) != ""
