"""The process that decodes one file: the file is its stdin, reports go to its stdout, the order is its argument.

Knows nothing of sessions or of the file's name, and is trusted with nothing: what a stranger's file does to libav ends
here. Before it reads a byte it gives up the right to open files and sockets, to write to files, and to more memory and
time than it was given. Windows has no such limits: what remains there are the length of the audio and the time without
progress. macOS ignores the limit on memory.
"""

from __future__ import annotations

import io
import math
import os
import re
import signal
import sys
import time
import wave
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from typing import Any, BinaryIO

import av
import av.error
import av.filter
import av.logging

from stream.inflow import ENDLESS, LIVE_BEGINNINGS, Inflow, bare
from stream.media_messages import (
    Block,
    Described,
    Ended,
    MediaLimits,
    MediaOrder,
    Refused,
    Report,
    Taken,
    Why,
    decode_order,
    frame,
)

if sys.platform != "win32":
    import resource

CONTAINERS = ("wav", "flac", "ogg", "mp3", "mov", "matroska", "aac")
"""libav's demuxers. "mov" is also mp4, m4a and 3gp, "matroska" also webm; w64 and the like are not audio here."""
CODECS = (
    *(f"pcm_{kind}" for kind in ("u8", "s16le", "s24le", "s32le", "f32le", "f64le", "s16be", "s24be", "alaw", "mulaw")),
    *("adpcm_ima_wav", "adpcm_ms", "gsm_ms", "flac", "alac", "mp2float", "mp3float", "mp3", "aac", "opus", "vorbis"),
)
"""No other decoder is opened, not even to learn what a stream is."""
RATES = range(4_000, 192_001)
"""Of the file. Below that, one packet would swell to minutes."""
CHANNELS = 8
SLACK_S = {"wav": 0.1, "flac": 0.1, "mp3": 0.1, "mov": 0.5, "matroska": 0.5}
"""How much shorter than it says a recording may be: headers round, and some count what encoders add. In the other
containers libav guesses, or looks for the last page."""
BAD_PACKETS, BAD_SHARE = 2, 1 / 1000
"""So many may be left out, of which the larger counts: where mp3s were joined, or end in a tag, there is no frame."""
SLOWEST = 10
"""Times real time, at least, that decoding runs at."""
BEGINNINGS = re.compile(rb"(RIFF|RF64)....WAVE|fLaC|OggS|ID3|....(ftyp|moov|mdat)|\x1a\x45\xdf\xa3", re.DOTALL)
"""What some of these containers begin with, to tell one that is damaged from what is none."""

OPTIONS = {
    "format_whitelist": ",".join(CONTAINERS),
    "codec_whitelist": ",".join(CODECS),
    # The file is handed over open; whatever it refers to stays closed.
    "protocol_whitelist": "none",
    "max_streams": "64",
}
LIVE_OPTIONS = {"probesize": "4096", "analyzeduration": "500000"}
"""Bytes and microseconds that libav keeps back at first, to learn what it has; by default they are seconds."""
BAD_RUN = 50
"""So many packets of a live file in a row that can't be decoded end it: a second of Opus."""
BARREN = 1 << 18
"""Bytes of a live file behind its last packet that may be none: an index, or tags. Some demuxers look on for ever."""
LENIENT: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
"""Tags in other encodings than UTF-8 are no errors; PyAV 19 is so by itself, and doesn't know the option."""


class Refusal(Exception):
    def __init__(self, why: Why, message: str) -> None:
        super().__init__(message)
        self.why: Why = why


class Source:
    """The file as libav reads it: one without a name, since names have meanings."""

    def __init__(self, file: BinaryIO) -> None:
        self.read = file.read
        self.seek = file.seek
        self.tell = file.tell


def confine(limits: MediaLimits) -> None:
    """Give up what decoding doesn't need. What is open stays open."""
    if sys.platform == "win32":
        return
    in_all = limits.cpu_s + math.ceil(limits.max_audio_s / SLOWEST)
    for what, most in (
        (resource.RLIMIT_AS, limits.memory_mb << 20),
        (resource.RLIMIT_CPU, in_all),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 3),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        lower = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (lower, lower))
    allow_cpu(limits)


def allow_cpu(limits: MediaLimits) -> None:
    """As much time as there may be until the next call; the system ends a process that takes more."""
    if sys.platform == "win32":
        return
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = math.ceil(time.process_time()) + limits.cpu_s
    # Below the hard one, where the signal would be the same as if someone else had killed it.
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard - 1), hard))


class Resampler:
    """Frames of one format in, interleaved int16 at `rate` out, with all channels or their mix."""

    def __init__(self, like: av.AudioFrame, rate: int, mono: bool) -> None:
        self.format = _format(like)
        layout = like.layout.name
        channels = like.layout.nb_channels
        graph = av.filter.Graph()
        graph.threads = 1
        nodes = [
            graph.add(
                "abuffer",
                sample_rate=str(like.sample_rate),
                sample_fmt=like.format.name,
                channel_layout=layout,
                time_base=f"1/{like.sample_rate}",
            )
        ]
        if mono and channels > 2 and layout.endswith("channels"):
            # libav would take channels without a meaning for those of a cinema, and leave one out of the mix.
            nodes.append(graph.add("pan", "mono|c0=" + "+".join(f"{1 / channels}*c{i}" for i in range(channels))))
        nodes.append(
            graph.add("aformat", sample_rates=str(rate), sample_fmts="s16", channel_layouts="mono" if mono else layout)
        )
        nodes.append(graph.add("abuffersink"))
        graph.link_nodes(*nodes).configure()
        self._graph = graph
        self._bytes = 2 * (1 if mono else channels)

    def push(self, frame: av.AudioFrame | None) -> Iterator[memoryview]:
        """None: there are no more; what is held back comes out."""
        if frame is not None:
            # How far apart frames claim to be makes no difference: one follows the other.
            frame.pts = None
        self._graph.push(frame)
        with suppress(av.error.BlockingIOError, av.error.EOFError):
            while True:
                made = self._graph.pull()
                assert isinstance(made, av.AudioFrame)
                yield memoryview(made.planes[0])[: made.samples * self._bytes]


def _format(frame: av.AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


class Decoding:
    """One recording, from its first byte to the last report but one."""

    def __init__(self, order: MediaOrder, report: Callable[[Report], None]) -> None:
        self._order = order
        self._report = report
        self._most = int(order.limits.max_audio_s * order.sample_rate)
        self._resampler: Resampler | None = None
        self._channels = 0
        """Of the blocks; 0 before the first frame."""
        self._made = 0
        """Samples of each channel, whether they were reported or still wait."""
        self._waiting = bytearray()
        self._unpaid = 0
        """Bytes reported since it was last allowed more time."""
        self._packets = self._bad = self._bad_run = 0
        self._counted = self._fruitful = 0
        """Of a live file: packets when it was last waited for, and the bytes taken when they had last become more."""
        self._barren = False

    def follow(self, file: BinaryIO) -> int:
        """As `run`, of a live file, which may end anywhere: what comes is reported before more is waited for.

        Refusal if there is no audio in it, or it breaks on the way. Packets here and there only cost what they hold.
        """
        flow = Inflow(file, self._before_waiting)
        start = flow.start(12)
        demuxers = [demuxer for beginning, demuxer in LIVE_BEGINNINGS if beginning.match(start)]
        if not demuxers:
            raise _unknown()
        demuxer, options = demuxers[0], LIVE_OPTIONS
        if demuxer == "wav" and (found := bare(flow)):
            demuxer, options = found
        with _opened(flow, start, demuxer, **options) as container:
            if self._decode_all(container, _audio(container), None) and not flow.ended:
                raise self._broken()
            flow.left = None
            while flow.read(BARREN):
                pass
        if self._barren:
            raise self._broken()
        if not self._made:
            raise Refusal("damaged", "there is no audio in it")
        return self._bad

    def _before_waiting(self, taken: int) -> bool:
        """Whether more is wanted."""
        if self._waiting:
            self._emit(len(self._waiting))
        if self._packets > self._counted:
            self._counted, self._fruitful = self._packets, taken
        self._barren = self._packets > 0 and taken - self._fruitful > BARREN
        if not self._barren:
            self._report(Taken(taken))
        return not self._barren

    def run(self, file: BinaryIO) -> int:
        """Report all that can be decoded; how many packets could not be.

        Refusal if that is not all of the file, but for a few packets, or if it is longer than allowed.
        """
        head = Head.read(file)
        with _opened(Source(file), head.start) as container:
            audio = _audio(container)
            claimed, slack_s = _duration(container, audio, head)
            if claimed is not None and slack_s is not None and claimed > self._order.limits.max_audio_s + slack_s:
                raise self._too_long()
            cut = self._decode_all(container, audio, claimed)
        made_s = self._made_s
        if not self._made:
            raise Refusal("damaged", "there is no audio in it")
        if cut:
            raise self._broken()
        if claimed is not None and slack_s is not None and made_s < claimed - slack_s:
            raise Refusal("damaged", f"it has {made_s:.1f} s, and its header says {claimed:.1f} s")
        if self._bad > max(BAD_PACKETS, self._packets * BAD_SHARE):
            raise Refusal("damaged", f"{self._bad} of its {self._packets} packets can't be decoded")
        return self._bad

    @property
    def _made_s(self) -> float:
        return self._made / self._order.sample_rate

    def _decode_all(self, container: av.container.InputContainer, audio: av.AudioStream, claimed: float | None) -> bool:
        """Whether the container broke before its end."""
        try:
            cut = self._decode(container, audio, claimed)
            if self._resampler is not None:
                self._take(self._resampler.push(None))
            return cut
        finally:
            if self._waiting:
                self._emit(len(self._waiting))

    def _decode(self, container: av.container.InputContainer, audio: av.AudioStream, claimed: float | None) -> bool:
        """Whether the container broke before its end."""
        packets = container.demux(audio)
        while True:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError as error:
                _unless_memory(error)
                for frame in _flushed(audio):
                    self._push(frame, claimed)
                return True
            if packet is None:
                return False
            self._packets += packet.size > 0
            try:
                frames = packet.decode()
            except av.error.FFmpegError as error:
                _unless_memory(error)
                self._bad += 1
                self._bad_run += 1
                if self._order.live and self._bad_run == BAD_RUN:
                    raise Refusal("damaged", f"{BAD_RUN} packets in a row can't be decoded") from None
                continue
            self._bad_run = 0
            for frame in frames:
                assert isinstance(frame, av.AudioFrame)
                self._push(frame, claimed)

    def _push(self, frame: av.AudioFrame, claimed: float | None) -> None:
        if self._resampler is None or self._resampler.format != _format(frame):
            self._begin(frame, claimed)
            assert self._resampler is not None
        self._take(self._resampler.push(frame))

    def _begin(self, frame: av.AudioFrame, claimed: float | None) -> None:
        """The first frame, or one of another format than those before it, as where files were joined."""
        channels = frame.layout.nb_channels
        _check(frame.sample_rate, channels)
        if self._resampler is not None:
            self._take(self._resampler.push(None))
        of_blocks = 1 if self._order.mono else channels
        if not self._channels:
            self._channels = of_blocks
            self._report(Described(channels, of_blocks, claimed))
        elif self._channels != of_blocks:
            raise Refusal("unsupported", f"it goes on with {channels} channels after {self._channels}")
        self._resampler = Resampler(frame, self._order.sample_rate, self._order.mono)

    def _take(self, made: Iterator[memoryview]) -> None:
        second = self._order.sample_rate * self._channels * 2
        for samples in made:
            self._made += len(samples) // (2 * self._channels)
            if self._made > self._most:
                raise self._too_long()
            self._waiting += samples
            while len(self._waiting) >= second:
                self._emit(second)

    def _emit(self, size: int) -> None:
        self._report(Block(bytes(self._waiting[:size])))
        del self._waiting[:size]
        self._unpaid += size
        if self._unpaid >= self._order.sample_rate * self._channels * 2:
            self._unpaid = 0
            allow_cpu(self._order.limits)

    def _broken(self) -> Refusal:
        return Refusal("damaged", f"it can't be read beyond {self._made_s:.1f} s")

    def _too_long(self) -> Refusal:
        return Refusal("too_long", f"it is longer than {self._order.limits.max_audio_s:g} s")


@dataclass(frozen=True, slots=True)
class Head:
    """What has to be looked up without libav, which is silent about it.

    start:   the first bytes.
    missing: bytes that a wav has less than it says.
    counted: it is an mp3 whose first frame says how many follow.
    """

    start: bytes
    missing: int
    counted: bool

    @classmethod
    def read(cls, file: BinaryIO) -> Head:
        start = file.read(12)
        says = int.from_bytes(start[4:8], "little") + 8 if start.startswith(b"RIFF") else 0
        missing = max(0, says - file.seek(0, os.SEEK_END)) if says < ENDLESS else 0
        tagged = start.startswith(b"ID3")
        file.seek(10 + reduce(lambda size, byte: size << 7 | byte, start[6:10], 0) if tagged else 0)
        counted = re.search(b"Xing|Info|VBRI", file.read(200)) is not None
        file.seek(0)
        return cls(start, missing, counted)


def _opened(
    source: Source | Inflow, start: bytes, demuxer: str | None = None, **options: str
) -> av.container.InputContainer:
    """The file that begins with `start`, by a demuxer that is named or, if None is, by the one that libav takes."""
    try:
        opened: av.container.InputContainer = av.open(source, "r", demuxer, options=OPTIONS | options, **LENIENT)
    except av.error.FFmpegError as error:
        _unless_memory(error)
        if BEGINNINGS.match(start):
            raise Refusal("damaged", "its header is damaged, or its end is missing") from None
        raise _unknown() from None
    return opened


def _unknown() -> Refusal:
    return Refusal("unsupported", f"not audio, or of a kind other than {', '.join(CONTAINERS)}")


def _audio(container: av.container.InputContainer) -> av.AudioStream:
    """The first audio of the file."""
    if not container.streams.audio:
        raise Refusal("unsupported", "there is no audio in it")
    audio = container.streams.audio[0]
    context = audio.codec_context
    if context is None or context.codec.name not in CODECS:
        raise Refusal("unsupported", f"its codec is not among {', '.join(CODECS)}")
    if context.sample_rate:
        _check(context.sample_rate, context.layout.nb_channels)
    context.thread_count = 1
    try:
        context.open()
    except av.error.FFmpegError as error:
        _unless_memory(error)
        raise Refusal("damaged", "what its header says makes no sense") from None
    return audio


def _check(rate: int, channels: int) -> None:
    if rate not in RATES:
        raise Refusal("unsupported", f"{rate} samples per second; {RATES[0]} to {RATES[-1]} can be")
    if channels > CHANNELS:
        raise Refusal("unsupported", f"{channels} channels; at most {CHANNELS} can be")


def _duration(
    container: av.container.InputContainer, audio: av.AudioStream, head: Head
) -> tuple[float | None, float | None]:
    """Seconds that the file claims to have, and how many of them may be missing; None where it isn't known."""
    name = container.format.name.split(",")[0]
    slack_s = SLACK_S.get(name)
    if audio.duration is not None and audio.time_base is not None:
        seconds = float(audio.duration * audio.time_base)
    elif container.duration is not None:
        seconds = container.duration / av.time_base
        slack_s = slack_s if len(container.streams) == 1 else None
    else:
        return None, None
    if name == "mp3" and not head.counted:
        slack_s = None
    if name == "wav" and head.missing and audio.bit_rate:
        seconds += head.missing * 8 / audio.bit_rate
    return seconds, slack_s


def _flushed(audio: av.AudioStream) -> list[av.AudioFrame]:
    with suppress(av.error.FFmpegError):
        return audio.codec_context.decode(None)
    return []


def _unless_memory(error: av.error.FFmpegError) -> None:
    if isinstance(error, MemoryError):
        raise error


def rehearse() -> None:
    """Load all that is loaded on first use, while files can be opened."""
    tiny = io.BytesIO()
    with wave.open(tiny, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(160))
    for example in (tiny.getvalue(), b"no audio"):
        with suppress(Refusal):
            Decoding(MediaOrder(16_000, True, MediaLimits()), lambda report: None).run(io.BytesIO(example))


def main() -> None:
    # The server decides when this ends: a terminal's Ctrl-C reaches both.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    av.logging.set_level(None)
    order = decode_order(sys.argv[1])
    # Libraries print, and that must not get between the reports.
    reports = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    file = os.fdopen(0, "rb", buffering=0)
    rehearse()
    confine(order.limits)
    # Live audio goes first.
    if hasattr(os, "nice"):
        os.nice(10)

    def report(message: Report) -> None:
        reports.write(frame(message))
        reports.flush()

    with suppress(BrokenPipeError):
        last: Report
        try:
            decoding = Decoding(order, report)
            last = Ended(decoding.follow(file) if order.live else decoding.run(file))
        except Refusal as refusal:
            last = Refused(refusal.why, str(refusal))
        except MemoryError:
            last = Refused("damaged", f"it takes more than {order.limits.memory_mb} MB to decode")
        except BrokenPipeError:
            raise
        except Exception as error:
            last = Refused("failed", repr(error))
        report(last)
    # Not by way of the interpreter's end, which has nothing left to do that is worth a crash.
    os._exit(0)


if __name__ == "__main__":
    main()
