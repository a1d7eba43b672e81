"""What every page keeps, whatever it shows."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from stream.pages import PAGES
from tests.e2e.conftest import Server
from tests.web.conftest import looks, overflows


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_small_and_loads_from_its_own_server_only(server: Server, open_page: Callable[..., Page], path: str):
    page = open_page("about:blank")
    loaded: dict[str, int] = {}

    def note(response: object) -> None:
        body = response.body()  # type: ignore[attr-defined]
        loaded[response.url] = len(gzip.compress(body))  # type: ignore[attr-defined]

    page.on("requestfinished", lambda request: note(request.response()))
    page.goto(server.http + path, wait_until="networkidle")
    assert len(loaded) > 3
    assert {url for url in loaded if not url.startswith(server.http + "/")} == set()
    assert sum(loaded.values()) <= 100_000


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_accessible(
    server: Server, open_page: Callable[..., Page], violations: Callable[[Page], list[str]], path: str
):
    page = open_page(server.http + path, color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    for look in looks(page):
        assert violations(page) == [], look
        assert not overflows(page), f"{look}: something is wider than the screen"
