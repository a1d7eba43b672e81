"""A file that is still being written, as the process that decodes it reads it: from a pipe, without a way back.

Knows nothing of libav but the names of its demuxers.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import BinaryIO

LIVE_BEGINNINGS = (
    (re.compile(rb"(RIFF|RF64)....WAVE", re.DOTALL), "wav"),
    (re.compile(rb"fLaC"), "flac"),
    (re.compile(rb"OggS"), "ogg"),
    (re.compile(rb"\x1a\x45\xdf\xa3"), "matroska"),
    (re.compile(rb"....(ftyp|moov)", re.DOTALL), "mov"),
    (re.compile(rb"ID3|\xff[\xe0-\xff]"), None),
)
"""What live files begin with, and the demuxer; None for mp3 and aac, which libav tells apart. To find out what is none
of these it would wait for a megabyte."""
ENDLESS = 0x7FFF_0000
"""Bytes in the header of a wav that was written without knowing them."""
BARE = {8: "u8", 16: "s16le", 24: "s24le", 32: "s32le"}
"""Demuxers of samples without a header, by their bits."""
WAV_HEAD = 4096
"""Bytes before the samples of a live wav in which they are looked for."""


class Inflow:
    """A live file as libav reads it: without a way back. `before` is called before each wait, with the bytes taken;
    where it returns false the file ends. (libav goes on, for seconds, after an error.)"""

    def __init__(self, file: BinaryIO, before: Callable[[int], bool]) -> None:
        self._file, self._before = file, before
        self._taken = 0
        self._kept = b""
        self.left: int | None = None
        """Bytes to be read before it seems to end; None for all that come."""
        self.ended = False

    def start(self, size: int) -> bytes:
        """The first bytes, which are read again afterwards; fewer where there are no more."""
        while len(self._kept) < size and (piece := self._next(size - len(self._kept))):
            self._kept += piece
        return self._kept

    def read(self, size: int) -> bytes:
        if self.left is not None:
            size = min(size, self.left)
        if self._kept:
            piece, self._kept = self._kept[:size], self._kept[size:]
        else:
            piece = self._next(size) if size else b""
        if self.left is not None:
            self.left -= len(piece)
        return piece

    def _next(self, size: int) -> bytes:
        if not self._before(self._taken):
            return b""
        piece = self._file.read(size)
        self._taken += len(piece)
        self.ended = not piece
        return piece


def bare(flow: Inflow) -> tuple[str, dict[str, str]] | None:
    """The demuxer of a live wav's samples and its options, with the header read; None if they are no PCM.

    The demuxer of wavs keeps back 64 KB of PCM to see whether it is something else: 2 s of speech.
    """
    at, found = 12, None
    while at < WAV_HEAD and len(head := flow.start(at + 24)) >= at + 8:
        name, size = head[at : at + 4], int.from_bytes(head[at + 4 : at + 8], "little")
        at += 8
        if name == b"data":
            if found:
                flow.read(at)
                flow.left = size if 0 < size < ENDLESS else None
            return found
        if name == b"fmt " and len(head) >= at + 16:
            kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", head, at)
            if kind == 1 and bits in BARE:
                layout = {1: "mono", 2: "stereo"}.get(channels, f"{channels}C")
                found = BARE[bits], {"format_whitelist": BARE[bits], "sample_rate": str(rate), "ch_layout": layout}
        at += size + size % 2
    return None
