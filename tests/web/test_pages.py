"""What every page keeps, whatever it shows."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from stream.pages import PAGES
from tests.e2e.conftest import Server
from tests.web.conftest import DESKTOP, PHONE


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
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_page_is_accessible(
    server: Server,
    open_page: Callable[..., Page],
    violations: Callable[[Page], list[str]],
    path: str,
    size: tuple[int, int],
    theme: str,
):
    page = open_page(server.http + path, size=size, color_scheme=theme)
    assert violations(page) == []
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= size[0], "nothing is wider than the screen"
