"""A real browser on pages of a real server, with a microphone that hears a clip. Whatever a page complains of fails."""

from __future__ import annotations

import re
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from models.scripted import ledger_audio
from tests import needs
from tests.e2e.conftest import server, start_server
from tests.vad.voice import silence

__all__ = ["server", "start_server"]

DESKTOP, PHONE = (1280, 800), (390, 844)
GONE = ("WebSocket connection to .* failed", "ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE")
"""What a browser complains of when a server is killed, whatever is under way then."""
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    # In the order of the tests, not in that of a person who looks at one window at a time.
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
)


PATIENCE_MS = 15_000
expect.set_options(timeout=PATIENCE_MS)


class Complaints:
    """What pages have logged as errors, thrown, or been refused by their own policy."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.expected: list[str] = []

    def expect(self, *patterns: str) -> None:
        """Errors that belong to a test: browsers log each request that fails."""
        self.expected += patterns

    @property
    def unexpected(self) -> list[str]:
        return [said for said in self.said if not any(re.search(pattern, said) for pattern in self.expected)]


@pytest.fixture(scope="session")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two utterances, over and over, as a file that the browser takes for a microphone."""
    audio = [silence(0.3), ledger_audio(0, 8), silence(0.8), ledger_audio(20, 5), silence(0.6)]
    path = tmp_path_factory.mktemp("voice") / "voice.wav"
    write_wav(path, np.concatenate(audio))
    return path


def write_wav(path: Path, samples: Any, rate: int = 16_000) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.asarray(samples, np.int16).tobytes())


@pytest.fixture(scope="module")
def microphone(voice: Path) -> Path:
    """What the microphone of a file's tests hears; files that want something else have a fixture of this name."""
    return voice


@pytest.fixture(scope="module")
def browser(microphone: Path) -> Iterator[Browser]:
    """One for a file of tests: Playwright has an event loop running meanwhile, which asynchronous tests can't bear."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=needs.browser(), args=[*FLAGS, f"--use-file-for-fake-audio-capture={microphone}"]
        )
        yield launched
        launched.close()


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    noted = Complaints()
    yield noted
    assert not noted.unexpected


@pytest.fixture
def open_page(browser: Browser, complaints: Complaints) -> Iterator[Callable[..., Page]]:
    """Opens a URL in a tab of its own context, as a new user would; takes what contexts take, and `size`."""
    contexts: list[BrowserContext] = []

    def open_page(url: str, size: tuple[int, int] = DESKTOP, **options: Any) -> Page:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **options)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.said.append(str(error)))
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()


def looks(page: Page) -> Iterator[str]:
    """Shows an opened page in both sizes and themes, one by one; gives the name of each, for what is wrong in it."""
    for size, (width, height) in (("desktop", DESKTOP), ("phone", PHONE)):
        page.set_viewport_size({"width": width, "height": height})
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            expect(page.locator("html")).to_have_attribute("data-theme", theme)
            settle(page)
            yield f"{size}, {theme}"


def overflows(page: Page) -> bool:
    """Whether something is wider than the screen."""
    overflows: bool = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return overflows


def settle(page: Page) -> None:
    """Until what the page has been told is on the screen."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


@pytest.fixture
def violations() -> Callable[[Page], list[str]]:
    """What axe-core finds wrong with a page as it stands."""
    script = (needs.npm_package("axe-core") / "axe.min.js").read_text()

    def violations(page: Page) -> list[str]:
        page.evaluate(script)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{each['id']}: {each['help']}: {node['html']} {node['failureSummary']}"
            for each in found["violations"]
            for node in each["nodes"]
        ]

    return violations
