"""Finals to captions that can be read while they show, as SRT or WebVTT.

At most two lines of 42 characters, at most 7 s, none over another of its channel; cut at pauses and where phrases end.
Knows nothing of files or sessions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from steno.events import Final

LINE = 42
LONGEST_MS = 7_000
SHORTEST_MS = 1_000
"""A caption stays this long if the next one lets it."""
PAUSE_MS = 1_000
"""Silence that always ends a caption; a third of it is where one may well end."""


@dataclass(frozen=True, slots=True)
class Caption:
    start_ms: int
    end_ms: int
    lines: tuple[str, ...]
    channel: int


@dataclass(frozen=True, slots=True)
class _Piece:
    """Text that no caption breaks, with the space before and the punctuation behind it."""

    text: str
    start_ms: int
    end_ms: int


def captions(finals: Iterable[Final]) -> list[Caption]:
    """Captions in order of time. Finals without words get the times of theirs by length of text."""
    by_channel: dict[int, list[Final]] = {}
    for final in finals:
        by_channel.setdefault(final.channel, []).append(final)
    shown = [caption for one in by_channel.values() for caption in _apart([c for f in one for c in _cut(f)])]
    return sorted(shown, key=lambda caption: (caption.start_ms, caption.channel))


def srt(finals: Iterable[Final]) -> str:
    return "".join(
        f"{number}\n{_clock(one.start_ms, ',')} --> {_clock(one.end_ms, ',')}\n{_joined(one.lines)}\n\n"
        for number, one in enumerate(captions(finals), 1)
    )


def vtt(finals: Iterable[Final]) -> str:
    """Where there are several channels, each is a voice of its own."""
    shown = captions(finals)
    voices = len({one.channel for one in shown}) > 1
    cues = [
        f"{_clock(one.start_ms, '.')} --> {_clock(one.end_ms, '.')}\n"
        + (f"<v Channel {one.channel + 1}>" if voices else "")
        + _joined(one.lines).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        for one in shown
    ]
    return "\n\n".join(["WEBVTT", *cues]) + "\n"


def _clock(ms: int, point: str) -> str:
    seconds, ms = divmod(ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{ms:03}"


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(lines)


# -- from one final to captions -----------------------------------------------------------------------------------


def _cut(final: Final) -> Iterator[Caption]:
    group: list[_Piece] = []
    for piece in _pieces(final):
        if group and piece.start_ms - group[-1].end_ms >= PAUSE_MS:
            yield _caption(group, final.channel)
            group = []
        while group and not _fits([*group, piece]):
            end = _best_end(group)
            yield _caption(group[:end], final.channel)
            group = group[end:]
        group.append(piece)
    if group:
        yield _caption(group, final.channel)


def _caption(group: Sequence[_Piece], channel: int) -> Caption:
    return Caption(group[0].start_ms, group[-1].end_ms, _lines(group) or (), channel)


def _fits(group: Sequence[_Piece]) -> bool:
    return group[-1].end_ms - group[0].start_ms <= LONGEST_MS and _lines(group) is not None


def _lines(group: Sequence[_Piece]) -> tuple[str, ...] | None:
    """The text on one line or on two of about equal length, None if it doesn't fit."""
    texts = [piece.text for piece in group]
    if len(whole := "".join(texts).strip()) <= LINE:
        return (whole,)
    halves = [("".join(texts[:cut]).strip(), "".join(texts[cut:]).strip()) for cut in range(1, len(texts))]
    fitting = [pair for pair in halves if max(map(len, pair)) <= LINE]
    return min(fitting, key=lambda pair: abs(len(pair[0]) - len(pair[1])), default=None)


def _best_end(group: Sequence[_Piece]) -> int:
    """How many pieces to show together: to the end of a sentence, else of a phrase, else all; at least a third."""

    def rank(count: int) -> tuple[int, int]:
        last = group[count - 1]
        pause = group[count].start_ms - last.end_ms if count < len(group) else 0
        ends = re.search(r"[.!?…。！？]\W*$", last.text)
        return 2 if ends else int(bool(re.search(r"[,;:、，；：]\W*$", last.text)) or pause >= PAUSE_MS // 3), count

    return max(range((len(group) + 2) // 3, len(group) + 1), key=rank)


def _apart(cues: Sequence[Caption]) -> Iterator[Caption]:
    """Long enough to read, and none over the next."""
    free = 0
    for cue, following in pairwise([*cues, None]):
        assert cue is not None
        start = max(cue.start_ms, free)
        end = min(max(cue.end_ms, start + SHORTEST_MS), start + LONGEST_MS)
        if following is not None:
            end = max(start + 1, min(end, following.start_ms))
        free = end
        yield replace(cue, start_ms=start, end_ms=end)


# -- from one final to pieces -------------------------------------------------------------------------------------


def _pieces(final: Final) -> Iterator[_Piece]:
    for piece in _words(final) or _spread(final.text, final.start, final.end):
        if len(piece.text.strip()) <= LINE:
            yield piece
        else:
            yield from _broken(piece)


def _words(final: Final) -> list[_Piece]:
    """The text cut at its words; [] when there are none, or they aren't those of the text."""
    pieces: list[_Piece] = []
    begin = 0
    words = final.words or ()
    for index, word in enumerate(words):
        found = final.text.find(word.text.strip(), begin)
        if found < 0:
            return []
        behind = found + len(word.text.strip())
        after = final.text.find(words[index + 1].text.strip(), behind) if index + 1 < len(words) else len(final.text)
        if space := re.search(r"\s", final.text[behind : max(after, behind)]):
            after = behind + space.start() if index + 1 < len(words) else after
        pieces.append(_Piece(_flat(final.text[begin : max(after, behind)]), _ms(word.start), _ms(word.end)))
        begin = max(after, behind)
    return pieces


def _spread(text: str, start: float, end: float) -> list[_Piece]:
    """The text cut at spaces, each piece with its share of the time."""
    pace = (end - start) / max(1, len(text))
    return [
        _Piece(_flat(found[0]), _ms(start + found.start() * pace), _ms(start + found.end() * pace))
        for found in re.finditer(r"\s*\S+", text)
    ]


def _broken(piece: _Piece) -> Iterator[_Piece]:
    """A piece longer than a line, in parts that aren't."""
    text = piece.text.strip()
    pace = (piece.end_ms - piece.start_ms) / len(text)
    for begin in range(0, len(text), LINE):
        part = text[begin : begin + LINE]
        start = piece.start_ms + begin * pace
        yield _Piece(part, int(start), int(start + len(part) * pace))


def _flat(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
