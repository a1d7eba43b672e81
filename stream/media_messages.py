"""What the server and the process that decodes a file say to each other: one order, then reports.

Knows nothing of containers, codecs or pipes. Imports little, since that process is to be small.
"""

from __future__ import annotations

import struct
from typing import Literal

import msgspec

HEADER = struct.Struct("!I")
"""Bytes of the report that follows."""
LONGEST = 1 << 20
"""No report has more bytes than this: eight channels of a second have a quarter of it."""

Why = Literal["unsupported", "damaged", "too_long", "failed"]
"""No audio that can be decoded; audio, but not all of it; more than is allowed; a bug."""


class MediaLimits(msgspec.Struct, frozen=True):
    """What the decoding of one recording may take.

    max_audio_s: of what it decodes to; counted, whatever its header says.
    memory_mb:   address space of the process: 130 MB are its own. With less than it needs it reports so, or crashes.
    cpu_s:       seconds of a core without another second of audio; in all, a tenth of the audio on top of that.
    stall_s:     seconds that the server waits for another second of audio.
    """

    max_audio_s: float = 4 * 3600
    memory_mb: int = 512
    cpu_s: int = 10
    stall_s: float = 60


class MediaOrder(msgspec.Struct, frozen=True):
    """`sample_rate`: what to decode to; `mono`: mix all channels, else keep each; `live`: the file is a pipe, and is
    still being written."""

    sample_rate: int
    mono: bool
    limits: MediaLimits
    live: bool = False


class MediaReport(msgspec.Struct, frozen=True, array_like=True, tag=True):
    pass


class Described(MediaReport, frozen=True):
    """The first report, made when there is audio. `channels` are those of the blocks; `duration_s` is a claim."""

    file_channels: int
    channels: int
    duration_s: float | None


class Block(MediaReport, frozen=True):
    """Interleaved int16 in this machine's byte order, a second or, at the end and of a live file, less."""

    samples: bytes


class Taken(MediaReport, frozen=True):
    """So many bytes of a live file were read, all that can be made of them was reported, and more are waited for."""

    size: int


class Ended(MediaReport, frozen=True):
    """All of it came, but for `skipped` packets."""

    skipped: int


class Refused(MediaReport, frozen=True):
    """There will be no more; what came is good."""

    why: Why
    message: str


Report = Described | Block | Taken | Ended | Refused

decode_order = msgspec.json.Decoder(MediaOrder).decode
decode_report = msgspec.msgpack.Decoder(Report).decode
_encode = msgspec.msgpack.Encoder().encode


def frame(report: Report) -> bytes:
    """The report as it goes over a pipe: its length, then itself."""
    body = _encode(report)
    return HEADER.pack(len(body)) + body
