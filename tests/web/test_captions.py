"""From a microphone to captions, a transcript and its files, in a browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from steno.events import Final, decode
from steno.formats import FORMATS
from tests.e2e.conftest import Server
from tests.web.captions import LIVE, Captions, finals, watch
from tests.web.conftest import PHONE, looks
from tests.web.replay import conversation, play


@pytest.fixture
def captions(server: Server, open_page: Callable[..., Page]) -> Captions:
    return Captions(open_page(server.http + "/", permissions=["clipboard-read", "clipboard-write"]))


def test_what_a_microphone_hears_is_captioned_as_the_server_says(server: Server, captions: Captions, tmp_path: Path):
    """And can be copied, and taken along in files that are those of the command `steno`."""
    page = captions.page
    captions.start()
    with watch(server) as viewer:
        page.locator("#captions .faint").first.wait_for(state="attached")
        captions.has_finals(2)
        expect(captions.status).to_have_text(re.compile(r"^Live, words after [0-9]\.[0-9] s$"))
        captions.stop()
        said = finals(viewer)
    assert captions.transcript == [final["text"] for final in said]
    assert captions.shown == " ".join(final["text"] for final in said)
    assert page.locator("#captions .faint").count() == 0
    assert page.locator("#announcer p").all_text_contents() == captions.transcript[-3:]

    events = [event for event in map(decode, said) if isinstance(event, Final)]
    for form, name in (("txt", "TXT"), ("srt", "SRT"), ("vtt", "VTT")):
        with page.expect_download() as downloading:
            page.get_by_role("button", name=re.compile(name)).or_(page.locator(f"#{form}")).first.click()
        file = downloading.value
        assert re.fullmatch(rf"captions-\d{{4}}-\d\d-\d\d-\d{{4}}\.{form}", file.suggested_filename)
        file.save_as(tmp_path / form)
        assert (tmp_path / form).read_text() == FORMATS[form](events)
    page.get_by_role("button", name="Copy").click()
    expect(page.locator("#copy")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == FORMATS["txt"](events)


def test_a_pause_is_not_captioned_and_times_go_on_after_a_stop(captions: Captions):
    page = captions.page
    captions.start()
    captions.has_finals(1)
    page.get_by_role("button", name="Pause").click()
    expect(captions.status).to_have_text("Paused")
    count = captions.rows.count()
    expect(page.locator("#level")).to_have_attribute("style", "transform: scaleX(0);")
    page.get_by_role("button", name="Go on").click()
    expect(captions.status).to_have_text(LIVE)
    captions.has_finals(count + 1)
    captions.stop()
    expect(page.locator("#source")).to_be_enabled()
    stopped = captions.rows.count()
    captions.start()
    captions.has_finals(stopped + 1)
    captions.stop()
    starts = [float(each[2:-1]) for each in page.locator("#said time").evaluate_all("all => all.map(t => t.dateTime)")]
    assert starts == sorted(set(starts))


def test_all_can_be_done_with_the_keyboard(server: Server, open_page: Callable[..., Page]):
    page = open_page(server.http + "/", size=PHONE)
    captions = Captions(page)
    expect(captions.status).to_have_text("Ready")
    reached: list[str] = []
    while not reached or (reached[-1] and len(reached) < 30):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.className"))
        outlined = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outlined != "none" or reached[-1] == "", f"{reached[-1]} has no visible focus"
        if reached[-1] == "start":
            break
    assert reached == ["brand", "theme", "scroller", "source", "language", "model", "start"]
    page.keyboard.press("Enter")
    expect(captions.status).to_have_text(LIVE)
    page.keyboard.press("Enter")
    expect(captions.status).to_have_text("Stopped")


def test_a_theme_that_is_chosen_is_kept(captions: Captions):
    page = captions.page
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    page.get_by_role("button", name="Dark theme").click()
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_models_and_languages_are_those_of_the_server(captions: Captions):
    page = captions.page
    expect(page.locator("#model option")).to_have_text(["scripted"])
    expect(page.locator("#language option")).to_have_text(["Detect the language", "English", "German"])
    expect(page.locator("#source option").first).to_have_text("Microphone")
    expect(page.locator("#source option").last).to_have_text("Sound of a tab or screen")
    page.locator("#language").select_option("de")
    page.reload()
    expect(page.locator("#language")).to_have_value("de")


def test_what_a_link_asks_for_counts_and_is_refused_if_it_is_not_there(server: Server, open_page: Callable[..., Page]):
    page = open_page(server.http + "/?language=de&model=nonsense")
    expect(page.locator("#model")).to_have_value("nonsense")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#notice")).to_contain_text("No model `nonsense`")


def test_captions_are_accessible_in_the_middle_of_a_talk(
    server: Server, open_page: Callable[..., Page], violations: Callable[[Page], list[str]]
):
    page = open_page(server.http + "/")
    play(page, conversation(20, seed=4)[:-1], per_frame=5)
    for look in looks(page):
        expect(page.locator("#captions .faint").first).to_be_attached()
        assert violations(page) == [], look
