"""Captions over other pictures, as in OBS."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.e2e.conftest import Server
from tests.web.captions import Captions


def test_an_overlay_starts_by_itself_and_is_words_alone(server: Server, open_page: Callable[..., Page]):
    look = "overlay=1&size=60&color=%23ffcc00&lines=3&position=top&font=monospace"
    page = open_page(f"{server.http}/?{look}", color_scheme="dark")
    captions = Captions(page)
    page.locator(".word").first.wait_for()
    for hidden in (".top", ".transcript", ".controls", "#intro", "#notice"):
        expect(page.locator(hidden)).to_be_hidden()
    style = page.locator("#captions").evaluate(
        "e => { const s = getComputedStyle(e); return [s.fontSize, s.color, s.fontFamily, s.height] }"
    )
    assert style == ["60px", "rgb(255, 204, 0)", "monospace", f"{3 * 1.3 * 60:g}px"]
    assert page.locator(".stage").bounding_box()["y"] < 20
    captions.has_finals(1)
    assert alpha_of_last_pixel(page.screenshot(omit_background=True)) == 0, "what is behind it is seen"


def test_an_overlay_says_what_is_wrong_with_its_address(server: Server, open_page: Callable[..., Page]):
    page = open_page(server.http + "/?overlay=1&size=huge&lines=0")
    expect(page.locator("#notice")).to_have_text(
        "size is a number of pixels from 12 to 200, not huge. lines is a number from 1 to 8, not 0."
    )


def alpha_of_last_pixel(png: bytes) -> int:
    """Of a picture with alpha, 8 bits each: its rows are filtered, but what is nowhere visible is 0 by every filter."""
    assert png[25] == 6
    chunks, at = b"", 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            chunks += png[at + 8 : at + 8 + length]
        at += 12 + length
    return zlib.decompress(chunks)[-1]
