"""Recordings for tests: a sound that can be written at any rate, in every format there is an encoder for; and bombs."""

import io
import struct
import zlib
from fractions import Fraction
from functools import cache

import av
import numpy as np


def sound(rate, seconds=3.7):
    """(n,) float in -1..1: three voices that swell, none the same at any two times."""
    t = np.arange(round(rate * seconds)) / rate
    voices = (np.sin(2 * np.pi * (f * t + 20 * t**2)) * (1 + np.sin(2 * np.pi * b * t)) for f, b in VOICES)
    return sum(voices) / 8


VOICES = ((180, 1.3), (330, 0.7), (610, 2.1))


def encoded(container, codec, rate=48_000, channels=1, seconds=3.7, video=False, silent=False, **options):
    """The sound as a file; channel c of a file of several is c + 1 times as soft as the first."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        picture = output.add_stream("mpeg4", rate=5, width=32, height=32) if video else None
        layout = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}[channels]
        audio = None
        if not silent:
            audio = output.add_stream(codec, rate=rate, layout=layout, options={"strict": "experimental"} | options)
        output.start_encoding()
        if picture:
            for number in range(round(5 * seconds)):
                frame = av.VideoFrame(32, 32, "yuv420p")
                frame.pts = number
                output.mux(picture.encode(frame))
            output.mux(picture.encode(None))
        if audio:
            heard = np.rint(sound(rate, seconds)[:, None] / np.arange(1, channels + 1) * 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(heard.reshape(1, -1), "s16", layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
            context = audio.codec_context
            cut = av.AudioResampler(context.format, layout, rate, context.frame_size or 4096)
            for part in (*cut.resample(frame), *cut.resample(None), None):
                output.mux(audio.encode(part))
    return file.getvalue()


def wav(samples=b"", *, rate=16_000, channels=1, bits=16, kind=1, says=None, fmt=b""):
    """`says`: bytes of audio according to the header."""
    says = len(samples) if says is None else says
    width = channels * bits // 8
    header = struct.pack("<HHIIHH", kind, channels, rate, rate * width & 0xFFFFFFFF, width & 0xFFFF, bits) + fmt
    head = b"WAVEfmt " + struct.pack("<I", len(header)) + header + b"data" + struct.pack("<I", says)
    return b"RIFF" + struct.pack("<I", min(len(head) + says, 0xFFFFFFFF)) + head + samples


@cache
def pcm(rate=16_000, seconds=3.7):
    return np.rint(sound(rate, seconds) * 32767).astype("<i2").tobytes()


# -- bombs --------------------------------------------------------------------------------------------------------


def _crc(data, polynomial, bits):
    """Most significant bit first, from zero, as FLAC and Ogg want it."""
    table, mask, crc = _crcs(polynomial, bits), (1 << bits) - 1, 0
    for byte in data:
        crc = crc << 8 & mask ^ table[crc >> bits - 8 ^ byte]
    return crc


@cache
def _crcs(polynomial, bits):
    """Of each byte."""
    table = []
    for crc in range(0, 256 << bits - 8, 1 << bits - 8):
        for _ in range(8):
            crc = (crc << 1 ^ polynomial if crc >> bits - 1 else crc << 1) & (1 << bits) - 1
        table.append(crc)
    return table


@cache
def flac_bomb(seconds, rate=8000):
    """Silence: each frame says 65535 times the same sample, in 15 bytes."""
    size = 65_535
    packed = rate << 44 | 15 << 36
    info = struct.pack(">HH", size, size) + bytes(6) + packed.to_bytes(8) + bytes(16)
    made = bytearray(b"fLaC\x80" + len(info).to_bytes(3) + info)
    for number in range(seconds * rate // size):
        head = b"\xff\xf8\x70\x08" + chr(number).encode() + (size - 1).to_bytes(2)
        frame = head + bytes([_crc(head, 0x07, 8)]) + b"\0\0\0"
        made += frame + _crc(frame, 0x8005, 16).to_bytes(2)
    return bytes(made)


@cache
def opus_bomb(seconds):
    """Silence: each packet says in two bytes that 120 ms were not worth sending."""
    packet, lasts = b"\x1b\x02", 5760
    head = b"OpusHead\x01\x01" + struct.pack("<HIhB", 0, 48_000, 0, 0)
    made = _page(0, 2, 0, [head]) + _page(1, 0, 0, [b"OpusTags" + bytes(8)])
    for number in range(seconds * 48_000 // (lasts * 255)):
        made += _page(number + 2, 0, (number + 1) * lasts * 255, [packet] * 255)
    return made


def _page(number, flags, position, packets):
    lengths = bytes(map(len, packets))
    head = b"OggS\0" + struct.pack("<BqII", flags, position, 1, number)
    rest = bytes([len(lengths)]) + lengths + b"".join(packets)
    return head + struct.pack("<I", _crc(head + bytes(4) + rest, 0x04C11DB7, 32)) + rest


def id3_bomb(inflated, audio):
    """A tag whose one frame is compressed text."""
    body = zlib.compress(b"\0" + b"a" * inflated)
    frame = b"TXXX" + _syncsafe(len(body) + 4) + b"\x00\x09" + _syncsafe(inflated) + body
    return b"ID3\x04\x00\x00" + _syncsafe(len(frame)) + frame + audio


def _syncsafe(number):
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def grown(file, boxes, old, new):
    """A QuickTime file with `old` replaced in the innermost of nested boxes; the index has to be behind the audio."""
    made = bytearray(file)
    at = made.rindex(b"mdat")
    for box in boxes:
        at = made.index(box, at)
        size = int.from_bytes(made[at - 4 : at])
        made[at - 4 : at] = (size + len(new) - len(old)).to_bytes(4)
    at = made.index(old, at)
    made[at : at + len(old)] = new
    return bytes(made)


def elsewhere(path):
    """A data reference to another file, in place of the one to the file itself."""
    alias = bytes(10) + bytes(1 + 27 + 12 + 1 + 63 + 16) + bytes(4 + 16)
    alias += b"\0\x02" + len(path).to_bytes(2) + path + b"\xff\xff\0\0"
    return (12 + len(alias)).to_bytes(4) + b"alis\0\0\0\0" + alias
