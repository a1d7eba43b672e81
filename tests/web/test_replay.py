"""Long talks in little time: words that are stable don't move, and nothing piles up."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.e2e.conftest import Server
from tests.web.captions import Captions
from tests.web.conftest import DESKTOP, PHONE
from tests.web.replay import conversation, memory, play


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_boxes_of_stable_words_never_move(server: Server, open_page: Callable[..., Page], size: tuple[int, int]):
    page = open_page(server.http + "/", size=size)
    events = conversation(120, seed=1)
    replayed = play(page, events, per_frame=3)
    assert replayed.moved == []
    assert replayed.back == 0
    finals = [event["text"] for event in events if event["type"] == "final"]
    assert replayed.seen > 300
    captions = Captions(page)
    assert captions.transcript == finals
    assert " ".join(finals).endswith(captions.shown)
    assert len(captions.shown) > 100


def test_what_is_out_of_sight_leaves_the_page_and_its_memory(server: Server, open_page: Callable[..., Page]):
    """What stays is what can be downloaded: a row of the transcript, and its event."""
    page = open_page(server.http + "/")
    play(page, conversation(400, seed=2), per_frame=40, watching=False)
    words = page.locator(".word").count()
    heap, nodes = memory(page)
    more = conversation(400, seed=3, first=1000)
    play(page, more, per_frame=40, watching=False)
    finals = sum(event["type"] == "final" for event in more)
    more_heap, more_nodes = memory(page)
    assert page.locator(".word").count() < 2 * words
    assert more_nodes - nodes < 8 * finals + 500
    assert more_heap - heap < 3000 * finals + 500_000
