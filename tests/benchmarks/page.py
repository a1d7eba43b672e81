"""The captions page in Chromium: live, from the server's send to the screen; then 10 minutes of that, replayed fast."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import soundfile
from playwright.sync_api import Browser, Page, sync_playwright

from steno.bench.quantiles import percentile
from tests.benchmarks.figures import Figure, parser, report, spread
from tests.benchmarks.rig import ROOT, serving
from tests.web.conftest import FLAGS, write_wav
from tests.web.replay import Events, memory, play

SPEECH = ROOT / "tests/fixtures/conversations/000000.flac"
MODEL = ROOT / "tests/fixtures/whisper-micro"
SHOWN_MS, TASK_MS, GROWTH_MB, FRAMES = 100, 16, 1, 50
PATIENCE_S = 1.0
"""What is not shown by then was replaced by something newer."""
TRACED = ["devtools.timeline", "disabled-by-default-devtools.timeline"]

# A message to oneself comes behind the painting of the frame that it was sent in.
WATCH = """
() => {
  window.drawn = [];
  window.frames = 0;
  const count = () => { window.frames++; requestAnimationFrame(count); };
  requestAnimationFrame(count);
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    const lines = [...document.querySelectorAll(".line")].sort((a, b) => a.offsetTop - b.offsetTop);
    window.drawn.push([performance.timeOrigin + performance.now(), lines.map((line) => line.textContent).join(" ")]);
  };
  new MutationObserver(() => port2.postMessage(0)).observe(
    document.querySelector("#captions"), { childList: true, characterData: true, subtree: true });
}
"""


def main() -> int:
    flags = parser(__doc__)
    flags.add_argument("--model", default=str(MODEL), help="what the server decodes with")
    flags.add_argument("--speech", type=Path, default=SPEECH, help="what the microphone hears, once")
    flags.add_argument("--minutes", type=float, default=10.0, help="how much of it is replayed, over and over")
    flags.add_argument("--per-frame", type=int, default=3, help="events that are replayed in a frame")
    chosen = flags.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        samples, rate = soundfile.read(chosen.speech, dtype="int16")
        clip, sent = Path(folder) / "speech.wav", Path(folder) / "sent.json"
        write_wav(clip, samples, rate)
        seconds = len(samples) / rate
        with (
            browser(clip) as launched,
            serving("--model", chosen.model, program=("tests.benchmarks.sent", str(sent))) as server,
        ):
            drawn, frames_s = _live(launched.new_page(), server.address, seconds)
        messages = json.loads(sent.read_text())
        figures = _shown(messages, drawn)
        figures.append(Figure("live: frames a second", frames_s, least=FRAMES))
        events = _repeated([_event(message) for _, message in messages], seconds, chosen.minutes)
        with browser(clip) as launched, serving("--model", "scripted") as server:
            figures += _replay(launched, server.address, events, chosen.per_frame)
    return report(figures, chosen.json)


@contextmanager
def browser(clip: Path) -> Iterator[Browser]:
    if not (chromium := shutil.which("chromium")):
        raise SystemExit("needs the command chromium")
    with sync_playwright() as playwright:
        hearing = f"--use-file-for-fake-audio-capture={clip}%noloop"
        launched = playwright.chromium.launch(executable_path=chromium, args=[*FLAGS, hearing])
        yield launched
        launched.close()


def _live(page: Page, address: str, seconds: float) -> tuple[list[tuple[float, str]], float]:
    """What the page has drawn (Unix ms, all words), and frames a second meanwhile."""
    page.goto(address)
    page.evaluate(WATCH)
    page.get_by_role("button", name="Start").click()
    began, before = time.monotonic(), page.evaluate("frames")
    page.wait_for_timeout(1000 * (seconds + 1))
    frames_s = (page.evaluate("frames") - before) / (time.monotonic() - began)
    page.get_by_role("button", name="Stop").click()
    page.locator("#status", has_text="Stopped").wait_for(timeout=60_000)
    drawn: list[tuple[float, str]] = page.evaluate("drawn")
    return drawn, frames_s


def _shown(messages: list[tuple[float, Any]], drawn: list[tuple[float, str]]) -> list[Figure]:
    """How long after they were sent texts were on the screen."""
    delays = []
    for at, message in messages:
        texts = (t - 1000 * at for t, text in drawn if 0 <= t / 1000 - at < PATIENCE_S and message["text"] in text)
        if message["text"] and (delay := next(texts, None)) is not None:
            delays.append(delay)
    return [
        Figure("live: texts sent", len(messages), least=20),
        Figure("live: of these seen on the screen", len(delays), least=0.8 * len(messages)),
        *spread("live: from the server's send to the screen", delays, most_p95=SHOWN_MS),
    ]


def _event(message: dict[str, Any]) -> dict[str, Any]:
    """A message as the SDK tells it."""
    if message["type"] == "final":
        return message
    text, stable = message["text"], message["stable"]
    return {**message, "stable_text": text[:stable], "unstable_text": text[stable:]}


def _repeated(events: Events, seconds: float, minutes: float) -> Events:
    segments = 1 + max(event["segment"] for event in events)
    return [
        {
            **event,
            "segment": event["segment"] + turn * segments,
            "start": event["start"] + turn * seconds,
            "end": event["end"] + turn * seconds,
        }
        for turn in range(round(60 * minutes / seconds))
        for event in events
    ]


def _replay(launched: Browser, address: str, events: Events, per_frame: int) -> list[Figure]:
    page = launched.new_page()
    page.goto(address)
    launched.start_tracing(page=page, categories=TRACED)
    play(page, events, per_frame, watching=False)
    tasks = _tasks(json.loads(launched.stop_tracing())["traceEvents"])

    page = launched.new_page()
    page.goto(address)
    half = len(events) // 2
    play(page, events[:half], per_frame)
    heap, _ = memory(page)
    replayed = play(page, events[half:], per_frame)
    more_heap, nodes = memory(page)
    return [
        Figure("replay: events", len(events)),
        Figure("replay: tasks of the page", len(tasks)),
        Figure("replay: CPU of a task, p99", percentile(tasks, 99), "ms", most=TASK_MS),
        Figure("replay: tasks over 16 ms of CPU", sum(task > TASK_MS for task in tasks)),
        Figure("replay: CPU of the longest task", max(tasks), "ms"),
        Figure("replay: stable words looked at, second half", replayed.seen, least=1),
        Figure("replay: of these moved", len(replayed.moved), most=0),
        Figure("replay: heap grows in the second half", (more_heap - heap) / 1e6, "MB", most=GROWTH_MB),
        Figure("replay: nodes at the end", nodes),
        Figure("replay: boxes of words at the end", page.locator(".word").count()),
    ]


def _tasks(traced: list[dict[str, Any]]) -> list[float]:
    """CPU milliseconds of the tasks of that thread which draws the page's frames: other processes don't count."""
    drawing = Counter((event["pid"], event["tid"]) for event in traced if event["name"] == "FireAnimationFrame")
    [(thread, _)] = drawing.most_common(1)
    mine = (event for event in traced if (event["pid"], event["tid"]) == thread and event["name"] == "RunTask")
    return [event["tdur"] / 1000 for event in mine if "tdur" in event]


if __name__ == "__main__":
    sys.exit(main())
