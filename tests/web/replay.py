"""Events played into the captions page faster than anybody talks, and what becomes of the words meanwhile."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page

Events = list[dict[str, Any]]

PLAY = """
async ([events, perFrame, watching]) => {
  const { show } = await import("/web/captions.js");
  const frame = () => new Promise(requestAnimationFrame);
  const sheet = document.querySelector(".sheet");
  const known = (window.known ??= new Map());
  const told = { moved: [], seen: 0, back: 0 };
  let scrolled = -Infinity;
  const look = () => {
    const origin = sheet.getBoundingClientRect();
    for (const [box, was] of known) {
      if (!box.isConnected) { known.delete(box); continue; }
      const now = place(box, origin);
      const same = Math.abs(now.x - was.x) < 0.5 && Math.abs(now.y - was.y) < 0.5 && now.text.startsWith(was.text);
      if (!same) told.moved.push([was, now]);
    }
    for (const box of sheet.querySelectorAll(".word")) {
      if (known.has(box) || !box.firstChild.nodeValue.trim()) continue;
      known.set(box, place(box, origin));
      told.seen++;
    }
    const target = -new DOMMatrix(sheet.style.transform).f;
    if (target < scrolled) told.back++;
    scrolled = target;
  };
  const place = (box, origin) => {
    const at = box.getBoundingClientRect();
    return { x: at.left - origin.left, y: at.top - origin.top, text: box.firstChild.nodeValue };
  };
  for (let i = 0; i < events.length; i += perFrame) {
    for (const event of events.slice(i, i + perFrame)) show(event);
    await frame();
    if (watching) look();
  }
  await frame();
  look();
  return told;
}
"""


@dataclass(frozen=True, slots=True)
class Replayed:
    """moved: stable words that were elsewhere later, or another word. seen: all stable words.

    back: how often the lines have gone down.
    """

    moved: list[Any]
    seen: int
    back: int


def play(page: Page, events: Events, per_frame: int, watching: bool = True) -> Replayed:
    """Without watching, nothing is asked of the page but to show events."""
    return Replayed(**page.evaluate(PLAY, [events, per_frame, watching]))


def memory(page: Page) -> tuple[int, int]:
    """Bytes of the page's heap, and nodes of its document, once all that can be is collected."""
    protocol = page.context.new_cdp_session(page)
    protocol.send("HeapProfiler.collectGarbage")
    heap = protocol.send("Runtime.getHeapUsage")["usedSize"]
    nodes = protocol.send("Memory.getDOMCounters")["nodes"]
    protocol.detach()
    return int(heap), int(nodes)


def conversation(seconds: float, seed: int, first: int = 0) -> Events:
    """A made-up talk: words get stable 4 to 8 words late, and those behind them are revised often."""
    return list(_talk(random.Random(seed), seconds, first))


def _talk(chance: random.Random, seconds: float, segment: int) -> Iterator[dict[str, Any]]:
    at = 0.0
    while at < seconds:
        start = at + chance.choice((0.3, 0.6, 2.0))
        words = [_word(chance) for _ in range(chance.randint(1, 40))]
        of = {"segment": segment, "channel": 0, "start": start, "language": "en"}
        yield {"type": "speech_started", "segment": segment, "channel": 0, "at": start}
        stable = 0
        for count in range(1, len(words) + 1):
            at = start + 0.3 * count
            stable = max(stable, count - chance.randint(4, 8))
            guessed = words[stable:count]
            guessed = [_word(chance) if chance.random() < 0.3 else word for word in guessed]
            yield {
                **of,
                "type": "partial",
                "end": at,
                "stable_text": " ".join(words[:stable]).rstrip(",."),
                "unstable_text": _rest(words[:stable], guessed),
            }
        yield {**of, "type": "final", "end": at, "text": " ".join(words), "words": []}
        segment += 1


def _rest(stable: list[str], guessed: list[str]) -> str:
    """What is behind stable text, which ends without its comma."""
    last = stable[-1] if stable else ""
    comma = last[len(last.rstrip(",.")) :]
    return comma + (" " if stable and guessed else "") + " ".join(guessed)


def _word(chance: random.Random) -> str:
    letters = "".join(chance.choices("etaoinshrdlu", k=chance.randint(1, 11)))
    return letters + chance.choice(("", "", "", "", ",", "."))
