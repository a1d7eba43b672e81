"""How a call looks and behaves on the screen, with a session that is played to the page event by event."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Server
from tests.web.calls import Played, final, partial
from tests.web.conftest import PHONE, looks, overflows

TALK = [
    *final(0, 1, 0.4, 3.9, "Good morning, this is Sam. How can I help you?"),
    *final(1, 0, 4.6, 9.8, "I was charged twice for the same month."),
    *final(2, 1, 10.3, 13.9, "Can you tell me your policy number, please?"),
    *final(3, 0, 12.4, 19.6, "My policy number is four four seven, one nine."),
    *final(4, 1, 20.4, 24.8, "I can see both payments of last month."),
]


@pytest.fixture
def watching(server: Server, open_page: Callable[..., Page]) -> Callable[..., Any]:
    """A page, as a context, that watches a session which the test plays to it."""

    @contextmanager
    def watching(**options: Any) -> Iterator[tuple[Page, Played]]:
        page = open_page("about:blank", **options)
        played = Played(page)
        page.goto(f"{server.http}/call?watch=CA1")
        expect(page.locator("#status")).to_have_text("Watching")
        yield page, played

    return watching


REST = """each => new Promise((done) => {
  let [last, same] = [NaN, 0];
  const look = () => {
    same = each.scrollTop === last ? same + 1 : 0;
    last = each.scrollTop;
    if (same < 5) requestAnimationFrame(look);
    else done(last);
  };
  look();
})"""
"""Where something is scrolled to once it no longer moves: a wheel's scrolling takes some frames."""


def lit(page: Page, name: str) -> list[str]:
    """The words that are highlighted under a name."""
    words: list[str] = page.evaluate(
        """name => [...CSS.highlights.get(name)].map(({ startContainer, startOffset, endOffset }) =>
             startContainer.data.slice(startOffset, endOffset))""",
        name,
    )
    return words


def test_a_search_goes_on_while_they_talk(watching: Callable[..., Any]):
    with watching() as (page, played):
        played.tell(*TALK)
        expect(page.locator("#turns li")).to_have_count(5)
        page.keyboard.press("Control+k")
        page.keyboard.type("MONTH")
        hits = page.locator("#hits")
        expect(hits).to_have_text("2")
        page.keyboard.press("Enter")
        expect(hits).to_have_text("1 of 2")
        played.tell(*final(5, 0, 25.0, 27.0, "Which month?"))
        expect(hits).to_have_text("1 of 3")
        page.keyboard.press("Shift+Enter")
        expect(hits).to_have_text("3 of 3")
        assert lit(page, "found") == ["month", "month", "month"]
        assert lit(page, "found-now") == ["month"]
        page.keyboard.type("s")
        expect(hits).to_have_text("none")
        expect(page.get_by_role("button", name="Next hit")).to_be_disabled()
        page.keyboard.press("Escape")
        expect(hits).to_have_text("")
        assert lit(page, "found") == []


def test_cards_light_their_words_up_and_are_dismissed_by_key(watching: Callable[..., Any]):
    with watching() as (page, played):
        played.tell(*TALK)
        titles = page.locator("#cards h3")
        expect(titles).to_have_text(["Policy number", "Refund"])
        assert lit(page, "warning") == ["charged twice"]
        assert lit(page, "info") == ["policy number is four four seven, one nine"]
        expect(page.locator("#alarm")).to_contain_text("Note: Policy number. Read the number back")
        page.keyboard.press("Escape")
        expect(titles).to_have_text(["Refund"])
        page.get_by_role("button", name="Dismiss Refund").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#no-cards")).to_be_visible()
        expect(page.locator("#cards-title")).to_be_focused()
        page.get_by_role("button", name="Undo").click()
        expect(titles).to_have_text(["Refund"])
        page.get_by_role("button", name="Undo").click()
        expect(titles).to_have_text(["Policy number", "Refund"])
        page.get_by_role("button", name="charged twice").click()


def test_stable_words_stay_where_they_are(watching: Callable[..., Any]):
    stable = "Honestly this is the third time that I call about the very same thing and every time I am told that"
    box = """() => {
      const range = document.createRange();
      const [text] = [...document.querySelectorAll("#turns li:last-child .text span")].map(each => each.firstChild);
      const scrolled = document.getElementById("scroller").scrollTop;
      return [10, 50, 95].map(at => {
        range.setStart(text, at); range.setEnd(text, at + 1);
        const { x, y } = range.getBoundingClientRect();
        return [x, y + scrolled];
      });
    }"""
    tails = (" somebody", " somebody will surely call me back before the week is", " some", "")
    with watching(size=PHONE) as (page, played):
        played.tell(*TALK)
        boxes = []
        for tail in tails:
            played.tell(partial(5, 0, 25.0, 30.0, stable, tail))
            expect(page.locator("#turns .unstable").last).to_have_text(tail)
            boxes.append(page.evaluate(box))
        played.tell(*final(5, 0, 25.0, 31.0, stable + " nobody knows.")[2:])
        expect(page.locator("#turns li:last-child .text")).to_contain_text("nobody knows.")
        boxes.append(page.evaluate(box))
        assert all(each == boxes[0] for each in boxes)


def test_both_sides_have_their_turns_their_time_and_their_names(watching: Callable[..., Any]):
    with watching() as (page, played):
        played.tell(*TALK)
        rows = page.locator("#figures > div")
        expect(rows.nth(0)).to_contain_text("0:12 · 2 turns · 1 interruption")
        expect(rows.nth(1)).to_contain_text("0:11 · 3 turns · 0 interruptions")
        expect(page.get_by_role("img", name="Caller 52 %, Agent 48 %")).to_be_visible()
        expect(page.locator("#turns .tag")).to_have_text(["", "", "", "broke in", ""])
        page.get_by_label("Name of the agent").fill("Sam")
        expect(page.locator("#turns .name").first).to_have_text("Sam")
        expect(page.get_by_role("img", name="Caller 52 %, Sam 48 %")).to_be_visible()
        page.get_by_role("button", name="Whole call").click()
        expect(page.get_by_role("img", name="Who talked when, from 0:00 to 0:24")).to_be_visible()
        played.end()
        expect(page.locator("#status")).to_have_text("The call is over")


def test_who_reads_further_up_is_left_there(watching: Callable[..., Any]):
    with watching(size=(1280, 600)) as (page, played):
        scroller = page.locator("#scroller")
        end = "each => Math.round(each.scrollHeight - each.scrollTop - each.clientHeight)"
        for number in range(20):
            played.tell(*final(number, number % 2, 3.0 * number, 3.0 * number + 2, "and so on, and so forth"))
        expect(page.locator("#turns li")).to_have_count(20)
        page.wait_for_function(f"() => ({end})(document.getElementById('scroller')) <= 1")
        scroller.hover()
        page.mouse.wheel(0, -400)
        expect(page.get_by_role("button", name="Latest")).to_be_visible()
        before = scroller.evaluate(REST)
        played.tell(*final(20, 0, 61.0, 62.0, "one more"))
        expect(page.locator("#turns li")).to_have_count(21)
        assert scroller.evaluate("each => each.scrollTop") == before
        page.get_by_role("button", name="Latest").click()
        page.wait_for_function(f"() => ({end})(document.getElementById('scroller')) <= 1")
        expect(page.get_by_role("button", name="Latest")).to_be_hidden()


def test_a_call_is_accessible(watching: Callable[..., Any], violations: Callable[[Page], list[str]]):
    with watching(reduced_motion="reduce") as (page, played):
        played.tell(*TALK, partial(5, 0, 25.0, 27.0, "I want to cancel", " it"))
        expect(page.locator("#cards li")).to_have_count(3)
        page.locator("#query").fill("month")
        for look in looks(page):
            assert violations(page) == [], look
            assert not overflows(page), f"{look}: something is wider than the screen"
