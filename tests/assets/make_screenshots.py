"""Makes the pictures of the pages in this folder: a talk is played into each page, as a session would tell it.

To take them anew after a change: `python tests/assets/make_screenshots.py` (needs the Debian packages chromium and
fonts-inter, and what the extra `test` and the client's extra `bench` bring). Knows nothing of how pages work inside.
"""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.benchmarks.rig import serving  # noqa: E402
from tests.web.calls import Played, final, partial  # noqa: E402

FOLDER = Path(__file__).parent
DESKTOP, PHONE = (1280, 800), (390, 844)
THEMES = ("light", "dark")
WORD_S, PAUSE_S, UNSTABLE = 0.34, 1.2, 4

TALK = (
    "Good evening, everyone, and welcome to the town hall.",
    "Tonight is about the new library: what it costs, when it opens, and who it is for.",
    "It stands where the railway depot was, and most of its walls are still the old brick.",
    "We have moved forty thousand books, and each of them can be found from home.",
    "The reading room opens on Monday at nine.",
    "Are there any questions so far?",
    "Yes, please, the lady in the second row.",
)

CALL = (
    (1, 0.4, 3.9, "Good morning, Northwind Insurance, this is Sam. How can I help you?"),
    (0, 4.6, 9.8, "Hi Sam. I got my bill yesterday, and I was charged twice for the same month."),
    (1, 10.3, 13.9, "I'm sorry to hear that. Can you tell me your policy number, please?"),
    (0, 14.4, 19.6, "Sure. My policy number is four four seven, one nine oh two."),
    (1, 20.4, 24.8, "Thank you. Four four seven, one nine oh two. I can see both payments here, and"),
    (0, 23.6, 29.2, "Honestly, this is the third time. I want my money back, and then I want to cancel it all."),
    (1, 29.9, 36.0, "I understand, and that should not have happened. I promise that you'll have it within a week."),
    (0, 36.8, 40.6, "All right. And what about the months that I have already paid for?"),
)


@dataclass(frozen=True, slots=True)
class Shot:
    """`prepare` brings a page to what is to be seen; `colours` are as many as it takes to look right."""

    name: str
    path: str
    size: tuple[int, int]
    theme: str
    prepare: Callable[[Page], None]
    colours: int = 48


def main() -> None:
    with sync_playwright() as playwright, serving("--model", "pocketsphinx") as server:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for shot in SHOTS:
            picture = take(browser, server.address, shot)
            print(f"{picture.name}: {picture.stat().st_size // 1000} kB")


def take(browser: Browser, address: str, shot: Shot) -> Path:
    width, height = shot.size
    page = browser.new_page(
        viewport={"width": width, "height": height}, color_scheme=shot.theme, device_scale_factor=2, locale="en-GB"
    )
    page.goto(address + shot.path)
    shot.prepare(page)
    page.wait_for_timeout(1_000)  # for what moves to have come to rest
    picture = FOLDER / f"{shot.name}.png"
    with Image.open(io.BytesIO(page.screenshot())) as taken:
        taken.convert("RGB").quantize(shot.colours, dither=Image.Dither.NONE).save(picture, optimize=True)
    page.close()
    return picture


def captions(page: Page) -> None:
    """In the middle of a talk: the last sentence is still being said."""
    events = [event for number, text in enumerate(TALK) for event in _said(number, text)]
    page.evaluate(
        """async (events) => {
          const { show } = await import("/web/captions.js");
          for (const event of events) {
            show(event);
            if (event.type === "final") await new Promise(requestAnimationFrame);
          }
          const status = document.getElementById("status");
          status.textContent = "Live, words after 0.6 s";
          status.dataset.tone = "live";
          document.getElementById("level").style.transform = "scaleX(0.62)";
          document.getElementById("start").textContent = "Stop";
          for (const button of document.querySelectorAll("button")) button.disabled = false;
        }""",
        events[:-1],
    )


def call(page: Page) -> None:
    """In the middle of a call, of which some cards have been dealt with."""
    played = Played(page)
    page.goto(f"{page.url}?watch=CA1")
    page.wait_for_function("() => document.getElementById('status').textContent === 'Watching'")
    for number, (channel, start, end, text) in enumerate(CALL):
        played.tell(*final(number, channel, start, end, text))
    page.wait_for_function("() => document.querySelectorAll('#cards li').length === 4")
    for rule in ("Policy number", "Promise"):
        page.get_by_role("button", name=f"Dismiss {rule}").press("Enter")
    played.tell(partial(len(CALL), 1, 41.2, 43.9, "Those are yours, of course. If you stay with", " us until"))
    page.get_by_label("Name of the agent").fill("Sam")
    page.get_by_label("Name of the agent").blur()
    page.locator(".cards").evaluate("each => { each.scrollTop = 0; }")


def _said(number: int, text: str) -> list[dict[str, Any]]:
    """A sentence as a session tells it, word by word."""
    words = text.split()
    start = sum(WORD_S * len(each.split()) + PAUSE_S for each in TALK[:number]) + 0.5
    of = {"segment": number, "channel": 0, "start": start, "language": "en"}
    partials = [
        {
            **of,
            "type": "partial",
            "end": start + WORD_S * count,
            "stable_text": " ".join(words[: max(0, count - UNSTABLE)]),
            "unstable_text": " " * (count > UNSTABLE) + " ".join(words[max(0, count - UNSTABLE) : count]),
        }
        for count in range(1, len(words) + 1)
    ]
    return [*partials, {**of, "type": "final", "end": start + WORD_S * len(words), "text": text}]


SHOTS = [
    Shot(f"captions-{name}{theme}", "/", size, theme, captions)
    for name, size in (("", DESKTOP), ("phone-", PHONE))
    for theme in THEMES
] + [
    Shot(f"call-{name}{theme}", "/call", size, theme, call, colours=160)
    for name, size in (("", DESKTOP), ("phone-", PHONE))
    for theme in THEMES
]

if __name__ == "__main__":
    main()
