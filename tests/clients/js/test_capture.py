"""Capture in a real browser, whose microphone hears a tone, on a page with a policy as strict as the server's."""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests import needs

SDK = Path(__file__).parents[3] / "clients" / "js"
POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'"
FLAGS = (
    "--no-sandbox",
    "--use-fake-device-for-media-stream",
    "--auto-accept-this-tab-capture",
    "--host-resolver-rules=MAP foreign.test 127.0.0.1",
)
HELPERS = """
const { AudioError, capture, microphone, sharedAudio } = await import("/capture.js");
const RAW = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
/** Chunks up to so many samples of a channel. */
async function heard(captured, samples) {
  const chunks = [];
  for await (const chunk of captured) {
    chunks.push(chunk);
    samples -= chunk.length / captured.channels;
    if (samples <= 0) break;
  }
  return chunks;
}
/** The amplitude of a tone in the second half of what a channel has heard. */
function amplitude(chunks, channels, channel, hz, rate) {
  const samples = chunks.flatMap((chunk) => [...chunk]).filter((_, index) => index % channels === channel);
  const from = samples.length / 2;
  let [real, imaginary] = [0, 0];
  samples.slice(from).forEach((sample, index) => {
    real += sample * Math.cos((2 * Math.PI * hz * index) / rate);
    imaginary += sample * Math.sin((2 * Math.PI * hz * index) / rate);
  });
  return (2 * Math.hypot(real, imaginary)) / samples.slice(from).length;
}
function oscillator(context, hz) {
  const node = new OscillatorNode(context, { frequency: hz });
  node.start();
  return node;
}
async function failure(step) {
  try {
    await step();
  } catch (error) {
    return error instanceof AudioError ? [error.code, error.message] : String(error);
  }
}
"""


class Page(SimpleHTTPRequestHandler):
    """The SDK's files, and an empty page with a button."""

    extensions_map: ClassVar = {**SimpleHTTPRequestHandler.extensions_map, ".js": "text/javascript"}

    def do_GET(self) -> None:
        if self.path != "/":
            super().do_GET()
            return
        body = b"<!doctype html><title>Capture</title><button>Listen</button>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Page, directory=str(SDK))) as server:
        Thread(target=server.serve_forever).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture(scope="module")
def launch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Browser]]:
    tone = tmp_path_factory.mktemp("tone") / "tone.wav"
    with wave.open(str(tone), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(44_100)
        wave_of = np.sin(2 * np.pi * 1000 * np.arange(44_100) / 44_100)
        file.writeframes((16_000 * wave_of).astype("<i2").tobytes())
    with sync_playwright() as playwright:
        flags = [*FLAGS, f"--use-file-for-fake-audio-capture={tone}"]
        yield lambda path, *more: playwright.chromium.launch(executable_path=path, args=[*flags, *more])


@pytest.fixture(scope="module")
def context(launch: Callable[..., Browser]) -> Iterator[BrowserContext]:
    """Of a browser whose user allows everything."""
    with launch(needs.browser(), "--use-fake-ui-for-media-stream") as browser:
        yield browser.new_context()


@pytest.fixture
def run(context: BrowserContext, port: int) -> Iterator[Callable[..., Any]]:
    with running(context, port) as run:
        yield run


@contextmanager
def running(context: BrowserContext, port: int) -> Iterator[Callable[..., Any]]:
    """Runs the body of an asynchronous function in a fresh page; whatever the page complains of fails the test."""
    complaints: list[str] = []
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))

    def run(body: str, host: str = "localhost") -> Any:
        page.goto(f"http://{host}:{port}/")
        page.click("button")
        return page.evaluate(f"async () => {{ {HELPERS} {body} }}")

    yield run
    page.close()
    assert not complaints


def test_a_microphone_is_heard_in_frames_with_levels(run: Callable[..., Any]):
    seen = run(
        """
        const stream = await microphone(RAW);
        const captured = await capture(stream);
        const levels = [];
        captured.onlevel = (each) => levels.push(...each);
        const chunks = await heard(captured, 12_800);
        return {
          sizes: [...new Set(chunks.map((chunk) => chunk.length))],
          kind: chunks[0].constructor.name,
          tone: amplitude(chunks, 1, 0, 1000, 16_000),
          level: levels.at(-1),
          shape: [captured.channels, captured.sample_rate],
          tracks: stream.getTracks().map((track) => track.readyState),
        };
        """
    )
    assert (seen["sizes"], seen["kind"], seen["shape"], seen["tracks"]) == ([640], "Int16Array", [1, 16_000], ["ended"])
    assert 10_000 < seen["tone"] < 17_000
    assert seen["level"]["peak"] == pytest.approx(2**0.5 * seen["level"]["rms"], rel=0.05)


def test_two_sources_are_two_channels(run: Callable[..., Any]):
    seen = run(
        """
        const context = new AudioContext();
        const sources = [await microphone(RAW), oscillator(context, 440)];
        const chunks = await heard(await capture(sources, { sample_rate: 8000, frame_ms: 20 }), 8_000);
        const at = (channel, hz) => amplitude(chunks, 2, channel, hz, 8000);
        return { sizes: [...new Set(chunks.map((chunk) => chunk.length))], left: [at(0, 1000), at(0, 440)],
                 right: [at(1, 1000), at(1, 440)], state: context.state };
        """
    )
    assert seen["sizes"] == [320]
    assert seen["left"][0] > 10_000 > 100 > seen["left"][1]
    assert seen["right"][1] > 30_000 > 100 > seen["right"][0]
    assert seen["state"] == "running"  # it is not the capture's to close


def test_nothing_comes_in_a_pause_and_all_that_was_heard_comes_at_the_end(run: Callable[..., Any]):
    seen = run(
        """
        const captured = await capture(oscillator(new AudioContext(), 440));
        const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
        const sizes = [];
        const reading = (async () => { for await (const chunk of captured) sizes.push(chunk.length); })();
        while (sizes.length < 5) await wait(5);
        captured.pause();
        await wait(100);
        const before = sizes.length;
        await wait(200);
        const paused = [captured.paused, sizes.length - before];
        captured.resume();
        while (sizes.length < before + 5) await wait(5);
        await captured.stop();
        await reading;
        return { paused, short: sizes.filter((size) => size < 640).length, long: sizes.some((size) => size > 640) };
        """
    )
    assert seen["paused"] == [True, 0]
    assert seen["short"] <= 2  # the last before the pause, and the last
    assert not seen["long"]


def test_a_shared_tab_is_heard_until_it_is_no_longer_shared(run: Callable[..., Any]):
    seen = run(
        """
        const stream = await sharedAudio();
        const kinds = stream.getTracks().map((track) => track.kind);
        const captured = await capture(stream);
        let chunks = 0;
        const error = await failure(async () => {
          for await (const chunk of captured) {
            // What browsers do when sharing is stopped.
            if (++chunks === 3) stream.getTracks()[0].dispatchEvent(new Event("ended"));
          }
        });
        return { kinds, chunks, error };
        """
    )
    assert seen["kinds"] == ["audio"]
    assert seen["chunks"] >= 3
    assert seen["error"] == ["sharing_ended", "the sound is no longer shared"]


FAILURES = {
    "device_lost": """
        const stream = await microphone();
        const captured = await capture(stream);
        stream.getTracks()[0].dispatchEvent(new Event("ended"));
        await heard(captured, 1e9);
    """,
    "no_device": "await microphone({ deviceId: 'there is none' });",
    "no_audio_track": "await capture(new MediaStream());",
}


@pytest.mark.parametrize("code", FAILURES)
def test_what_is_missing_is_named(run: Callable[..., Any], code: str):
    assert run(f"return failure(async () => {{ {FAILURES[code]} }});")[0] == code


def test_browsers_that_want_a_click_are_told_of(run: Callable[..., Any]):
    # What they do then; headless ones never want any.
    resume = "AudioContext.prototype.resume = () => new Promise(() => {});"
    listen = "failure(() => capture(oscillator(context, 440)))"
    seen = run(f"{resume} const context = new AudioContext(); await context.suspend(); return {listen};")
    assert seen[0] == "gesture_needed"


def test_pages_that_come_unencrypted_may_not_listen(run: Callable[..., Any]):
    for step in ("microphone()", "sharedAudio()"):
        assert run(f"return failure(() => {step});", host="foreign.test")[0] == "insecure_context"


def test_a_microphone_may_be_denied(launch: Callable[..., Browser], port: int):
    with launch(needs.command("chromium")) as browser, running(browser.new_context(), port) as run:
        code, message = run("return failure(() => microphone());")
    assert code == "permission_denied"
    assert "allow it" in message
