"""Captions as they come, on a terminal: partials being revised, finals in place, how far the audio has got.

Where there is no terminal, or a dumb one, finals are plain lines. Knows nothing of sessions: it is shown events.
"""

from __future__ import annotations

from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from steno.events import Ack, Done, Event, Failed, Final, Gap, GoingAway, Partial, Quantiles, Ready, Suppressed, Warned

COLOURS = ("cyan", "magenta", "yellow", "green", "blue", "red", "bright_cyan", "bright_magenta")
"""Of channels 0 to 7, where there are several."""


class LiveView:
    """Use as a context manager, and `show` it every event of one session in order.

    duration_s: length of the audio where it is known, for a progress bar.
    """

    def __init__(self, console: Console, duration_s: float | None = None) -> None:
        self._console = console
        self._duration_s = duration_s
        self._live = None if _plain(console) else Live(console=console, auto_refresh=False, transient=True)
        self._notices = Console(stderr=True) if _plain(console) else console
        self._open: dict[int, Partial] = {}
        self._ready: Ready | None = None
        self._reached_s = 0.0

    def __enter__(self) -> LiveView:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.update("", refresh=True)
            self._live.stop()

    def show(self, event: Event) -> None:
        match event:
            case Ready():
                self._ready = event
            case Partial(segment=segment):
                self._open[segment] = event
            case Final(segment=segment):
                self._open.pop(segment, None)
                if event.text:
                    self._print(event.start, event.end, event.channel, _printable(event.text))
            case Suppressed(segment=segment):
                self._open.pop(segment, None)
            case Gap():
                self._notice(f"lost: {clock(event.start)} to {clock(event.end)}, {event.reason}", "red")
            case Warned() | Failed():
                self._notice(f"{event.code}: {event.message}", "yellow")
            case GoingAway(deadline_s=seconds):
                self._notice(f"the server stops in {seconds:g} s", "yellow")
            case Ack() if self._ready:
                reached = event.durable if self._ready.options.get("mode") == "file" else event.received
                self._reached_s = (reached - self._ready.options.get("offset", 0)) / self._ready.options["sample_rate"]
        if self._live:
            self._live.update(self._region(), refresh=True)

    def _print(self, start: float, end: float, channel: int, text: str) -> None:
        if self._live:
            self._console.print(self._row(start, clock(end), channel, Text(text)))
        else:
            label = f"[{channel + 1}] " if self._several else ""
            line = f"{clock(start):>8} {clock(end):>8}  {label}{text}"
            self._console.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)

    def _notice(self, text: str, style: str) -> None:
        self._notices.print(Text(_printable(text), style), soft_wrap=True)

    @property
    def _several(self) -> bool:
        return self._ready is not None and self._ready.options["channels"] > 1

    def _region(self) -> RenderableType:
        """What is still in motion: open segments above the progress."""
        rows = [
            self._row(
                one.start,
                "…",
                one.channel,
                Text.assemble(
                    _printable(one.stable_text),
                    (_printable(one.unstable_text), "dim italic"),
                ),
            )
            for _, one in sorted(self._open.items())
        ]
        return Group(*rows, self._progress())

    def _row(self, start: float, end: str, channel: int, text: Text) -> Table:
        row = Table.grid(padding=(0, 1))
        row.add_column(style="dim", justify="right", no_wrap=True, min_width=8)
        row.add_column(style="dim", justify="right", no_wrap=True, min_width=8)
        if self._several:
            row.add_column(style=COLOURS[channel % len(COLOURS)], no_wrap=True)
            row.add_row(clock(start), end, f"{channel + 1}", text)
        else:
            row.add_row(clock(start), end, text)
        return row

    def _progress(self) -> RenderableType:
        if self._duration_s is None:
            return Text.assemble(("● ", "red"), (clock(self._reached_s), "dim"))
        row = Table.grid(padding=(0, 1))
        bar = ProgressBar(total=self._duration_s, completed=min(self._reached_s, self._duration_s), width=40)
        row.add_row(bar, Text(f"{clock(self._reached_s)} of {clock(self._duration_s)}", "dim"))
        return row


def summary(done: Done) -> RenderableType:
    """A session in four lines."""
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="bold")
    rows.add_row("audio", f"{done.audio_s:.1f} s, with {done.speech_s:.1f} s of speech")
    rows.add_row("text", f"{done.segments} segments, {done.words} words")
    rows.add_row("partials", _spent(done.latency.partials, "behind the audio"))
    rows.add_row("finals", _spent(done.latency.finals, "after the end of speech"))
    return rows


def clock(seconds: float) -> str:
    """Minutes, seconds and hundredths, with hours where there are any: 0:02.31, 1:02:03.45."""
    hundredths = round(seconds * 100)
    minutes, rest = divmod(hundredths, 6000)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest // 100:02}.{rest % 100:02}"
    return f"{hours}:{minutes:02}:{tail}" if hours else f"{minutes}:{tail}"


def _spent(ms: Quantiles, since: str) -> str:
    if ms.p50 is None or ms.p95 is None:
        return "none"
    return f"{ms.p50:.0f} ms {since}, 95 % at most {ms.p95:.0f} ms"


def _plain(console: Console) -> bool:
    return console.quiet or not console.is_terminal or console.is_dumb_terminal


def _printable(text: str) -> str:
    """A terminal obeys control characters, wherever they come from. Keeps the length, so that `stable` holds."""
    return "".join(character if character.isprintable() else " " for character in text)
