"""Finals to captions that can be read while they show, as SRT or WebVTT.

At most two lines of 42 columns, at most 7 s and at least 1 s, long enough to read at 17 columns a second where the next
one lets it, none over another of its channel; cut at pauses and where sentences and phrases end. The server follows the
same rules: `tests/wire/captions/` holds both to them. Knows nothing of files or sessions.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf

from steno.events import Final

LINE = 42
"""Columns of a line, of which a caption has two at most.

Wide characters (Chinese, Japanese, Korean) take two, as they do on the screen, and combining ones none. This number and
most of those below are from Netflix's Timed Text Style Guides."""
PER_SECOND = 17
"""Columns that people read in a second: the guides' limit for most languages; 20 in English, 9 wide ones in Chinese."""
LONGEST_MS = 7_000
SHORTEST_MS = 1_000
"""The next one waits for this, but only where both don't fit into one: words so close have wrong times."""
PAUSE_MS = 1_000
"""Silence that always ends a caption; a third of it is where one may well end."""
FLICKER_MS = 500
"""A caption stays until the next one where less than this would lie between them."""

_SENTENCE = re.compile(r"[.!?…。！？｡؟۔։।॥።။។]\W*$")
_PHRASE = re.compile(r"[,;:–—、，；：､،؛၊]\W*$")
_UNBROKEN = re.compile(r"[\S\u00a0\u2007\u202f]+")
"""Text without space, but for the kind at which no line may end."""
_UNSPACED = re.compile(r"[\u2e80-\ua4cf\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff]")
"""Characters of Chinese and Japanese, which write no space between sentences."""


@dataclass(frozen=True, slots=True)
class Caption:
    start_ms: int
    end_ms: int
    lines: tuple[str, ...]
    channel: int


def srt(finals: Iterable[Final]) -> str:
    """The text is left as it is, since SRT has no escapes."""
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


def captions(finals: Iterable[Final]) -> list[Caption]:
    """Captions in order of time. Finals without words get the times of theirs by length of text.

    Finals come in order within their channel, as a session tells them.
    """
    by_channel: dict[int, list[Final]] = {}
    for final in finals:
        by_channel.setdefault(final.channel, []).append(final)
    shown = [caption for one in by_channel.values() for caption in _shown(_groups(one), one[0].channel)]
    return sorted(shown, key=lambda caption: (caption.start_ms, caption.channel))


def _clock(ms: int, point: str) -> str:
    seconds, ms = divmod(ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{ms:03}"


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(lines)


# -- from pieces to captions --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Piece:
    """Text that no line breaks, at most a line long; `spaced` says whether there is a space before it."""

    text: str
    spaced: bool
    start_ms: int
    end_ms: int


def _groups(finals: Iterable[Final]) -> Iterator[list[_Piece]]:
    """The pieces of each caption of a channel.

    A final ends with a caption, unless that is too short to stand alone before the next one.
    """
    held: list[_Piece] = []
    for final in finals:
        pieces = _in_order(_pieces(final), held)
        if not pieces:
            continue
        if held and pieces[0].start_ms - held[0].start_ms < SHORTEST_MS:
            pieces = [*held, replace(pieces[0], spaced=_spaced(held[-1].text, pieces[0].text)), *pieces[1:]]
        elif held:
            yield held
        *done, held = _cut(pieces)
        yield from done
    if held:
        yield held


def _shown(groups: Iterable[list[_Piece]], channel: int) -> Iterator[Caption]:
    """Long enough to read, and none over the next. The last one may stay behind the end of its final."""
    free = 0
    for group, following in pairwise([*groups, None]):
        assert group is not None
        start = max(group[0].start_ms, free)
        end = max(group[-1].end_ms, start + max(SHORTEST_MS, _reading_ms(_columns(_text(group)))))
        if following is not None and following[0].start_ms - end < FLICKER_MS:
            end = following[0].start_ms
        free = max(start + SHORTEST_MS, min(end, start + LONGEST_MS))
        yield Caption(start, free, _lines(group), channel)


def _cut(pieces: Sequence[_Piece]) -> list[list[_Piece]]:
    """The pieces of each caption: of all ways to cut them that fit, the one of least cost."""
    reach = [0]
    for piece in pieces:
        reach.append(reach[-1] + piece.spaced + _columns(piece.text))
    least: list[float] = [0, *[inf] * len(pieces)]
    begin = [0] * (len(pieces) + 1)
    for first, piece in enumerate(pieces):
        line_end = first
        for end in range(first + 1, len(pieces) + 1):
            last = pieces[end - 1]
            columns = reach[end] - reach[first] - piece.spaced
            if columns <= LINE:
                line_end = end
            elif reach[end] - reach[line_end] - pieces[line_end].spaced > LINE:
                break
            if end - first > 1 and (
                last.end_ms - piece.start_ms > LONGEST_MS or last.start_ms - pieces[end - 2].end_ms >= PAUSE_MS
            ):
                break
            following = pieces[end] if end < len(pieces) else None
            cost = least[first] + _cost(columns, piece.start_ms, last, following)
            if cost < least[end]:
                least[end], begin[end] = cost, first
    groups: list[list[_Piece]] = []
    end = len(pieces)
    while end:
        groups.append(list(pieces[begin[end] : end]))
        end = begin[end]
    return groups[::-1]


def _cost(columns: int, start_ms: int, last: _Piece, following: _Piece | None) -> int:
    """What is bad about a caption, in milliseconds that its readers lack; those too short are worse than all else."""
    room = min(LONGEST_MS, following.start_ms - start_ms) if following else LONGEST_MS
    too_short = 100_000 if room < SHORTEST_MS else 0
    rushed = max(0, _reading_ms(columns) - room)
    return too_short + rushed + _border(last, following) + (2 * LINE - columns) ** 2 // 10


def _border(last: _Piece, following: _Piece | None) -> int:
    """How much it hurts to break between two pieces."""
    if following is None or _SENTENCE.search(last.text):
        return 0
    if _PHRASE.search(last.text) or following.start_ms - last.end_ms >= PAUSE_MS // 3:
        return 100
    return 400


def _lines(group: Sequence[_Piece]) -> tuple[str, ...]:
    """The text on one line, else on two of about equal length, the first one rather to the end of a phrase."""
    whole = _text(group)
    if _columns(whole) <= LINE:
        return (whole,)

    def unbalanced(cut: int) -> int:
        first, second = _columns(_text(group[:cut])), _columns(_text(group[cut:]))
        too_long = 1_000 if max(first, second) > LINE else 0
        return too_long + abs(first - second) + _border(group[cut - 1], group[cut]) // 40

    cut = min(range(1, len(group)), key=unbalanced)
    return _text(group[:cut]), _text(group[cut:])


def _text(group: Sequence[_Piece]) -> str:
    return "".join(f" {piece.text}" if piece.spaced and index else piece.text for index, piece in enumerate(group))


def _columns(text: str) -> int:
    return len(text) if text.isascii() else sum(map(_width, text))


def _width(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _reading_ms(columns: int) -> int:
    return -(-columns * 1000 // PER_SECOND)


# -- from finals to pieces ----------------------------------------------------------------------------------------


def _pieces(final: Final) -> Iterator[_Piece]:
    for text, start, end in _words(final) or [(final.text, final.start, final.end)]:
        yield from _parts(text, _ms(start), _ms(end))


def _words(final: Final) -> list[tuple[str, float, float]]:
    """The text cut at its words, with their times; [] when there are none, or they aren't those of the text."""
    cut: list[tuple[str, float, float]] = []
    begin = 0
    words = final.words or ()
    for index, word in enumerate(words):
        found = final.text.find(word.text.strip(), begin)
        if found < 0:
            return []
        behind = found + len(word.text.strip())
        after = final.text.find(words[index + 1].text.strip(), behind) if index + 1 < len(words) else len(final.text)
        if index + 1 < len(words) and (space := re.search(r"\s", final.text[behind : max(after, behind)])):
            after = behind + space.start()
        after = max(after, behind)
        cut.append((final.text[begin:after], word.start, word.end))
        begin = after
    return cut


def _parts(text: str, start_ms: int, end_ms: int) -> Iterator[_Piece]:
    """The text cut at spaces, and into lines where it is longer; each piece has its share of the time."""
    found = [part for part in _UNBROKEN.finditer(text) if part[0].strip()]
    for part in found:
        at = part.start()
        for line in _filled(part[0]):
            begin, length = found[0].start(), found[-1].end() - found[0].start()
            start, end = (start_ms + (end_ms - start_ms) * (x - begin) // length for x in (at, at + len(line)))
            yield _Piece(line, at == part.start() > 0, start, end)
            at += len(line)


def _filled(text: str) -> Iterator[str]:
    line, columns = "", 0
    for char in text:
        width = _width(char)
        if columns + width > LINE:
            yield line
            line, columns = "", 0
        line += char
        columns += width
    yield line


def _in_order(pieces: Iterable[_Piece], before: Sequence[_Piece]) -> list[_Piece]:
    """None ends before the one before it, and punctuation is one with what it belongs to."""
    ordered: list[_Piece] = []
    end = before[-1].end_ms if before else 0
    for piece in pieces:
        end = max(end, piece.start_ms, piece.end_ms)
        last = ordered[-1] if ordered else None
        if last and (_closing(piece.text) or _opening(last.text)):
            both = _text((last, piece))
            if _columns(both) <= LINE:
                ordered[-1] = _Piece(both, last.spaced, last.start_ms, end)
                continue
        ordered.append(replace(piece, end_ms=end))
    return ordered


def _closing(text: str) -> bool:
    return not _opening(text[0]) and all(char.isspace() or unicodedata.category(char)[0] == "P" for char in text)


def _opening(text: str) -> bool:
    return all(char in "¿¡" or unicodedata.category(char) in ("Ps", "Pi") for char in text)


def _spaced(before: str, after: str) -> bool:
    """Whether there is a space between two finals."""
    return not (_UNSPACED.match(before[-1]) or _UNSPACED.match(after[0]))


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
