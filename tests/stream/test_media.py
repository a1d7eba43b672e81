"""stream/media.py and the process it runs, stream/media_child.py"""

import asyncio
import gzip
import os
import signal
import sys
from functools import cache
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from stream import media
from stream.errors import BadMedia, EngineFailed, Overloaded, TooLarge, UnsupportedMedia
from stream.media import MediaLimits, opened
from tests.children import processes
from tests.stream.recordings import (
    elsewhere,
    encoded,
    flac_bomb,
    grown,
    id3_bomb,
    opus_bomb,
    pcm,
    sound,
    wav,
)

RATE = 16_000
HEARD = sound(RATE) * 32_768
STRICT = MediaLimits(max_audio_s=60, memory_mb=200, cpu_s=4)
"""200 MB, of which the process itself takes two thirds: what passes is bounded in memory."""
BOMB_S = 36_000


async def decode(path, limits=STRICT, mono=True):
    """All blocks as one, what was told, and the error that it ended with, if any."""
    blocks, told, error = [np.empty((0, 0), np.int16)], None, None
    try:
        async with opened(path, limits, mono=mono) as recording:
            told = recording
            async for block in recording:
                assert block.shape[1] <= RATE
                blocks = [*(blocks if blocks[0].size else []), block]
    except (BadMedia, UnsupportedMedia, TooLarge) as raised:
        error = raised
    return SimpleNamespace(audio=np.concatenate(blocks, axis=1), told=told, error=error)


@pytest.fixture
def decoded(tmp_path):
    async def write_and_decode(content, limits=STRICT, mono=True):
        path = tmp_path / "recording"
        path.write_bytes(content)
        return await decode(path, limits, mono)

    return write_and_decode


make = cache(encoded)


def children():
    return processes(media.CHILD)


# -- formats ------------------------------------------------------------------------------------------------------

FORMATS = {
    # container, codec, rate, channels, samples more or less
    **{f"wav {bits}": ("wav", f"pcm_{bits}", 48_000, 1, 1) for bits in ("s16le", "s24le", "s32le", "f32le", "f64le")},
    "wav u8": ("wav", "pcm_u8", 8_000, 1, 1),
    "wav mu-law": ("wav", "pcm_mulaw", 8_000, 2, 1),
    "wav A-law": ("wav", "pcm_alaw", 11_025, 1, 1),
    "wav ADPCM": ("wav", "adpcm_ima_wav", 22_050, 1, 1600),  # it fills its last block
    "wav 16 kHz": ("wav", "pcm_s16le", 16_000, 1, 0),
    "wav 44.1 kHz": ("wav", "pcm_s16le", 44_100, 2, 1),
    "wav 96 kHz, 7.1": ("wav", "pcm_s24le", 96_000, 8, 1),
    "flac": ("flac", "flac", 44_100, 2, 1),
    "ogg flac": ("ogg", "flac", 16_000, 1, 0),
    "mp3": ("mp3", "libmp3lame", 44_100, 2, 1),
    "mp3 16 kHz": ("mp3", "libmp3lame", 16_000, 1, 1),
    "ogg vorbis": ("ogg", "vorbis", 48_000, 2, 1),
    "ogg opus": ("ogg", "libopus", 48_000, 1, 1),
    "webm opus": ("webm", "libopus", 48_000, 2, 1),
    "webm vorbis": ("webm", "vorbis", 44_100, 2, 32),
    "matroska flac": ("matroska", "flac", 22_050, 1, 1),
    "m4a": ("ipod", "aac", 44_100, 1, 400),  # its last frame is filled up
    "m4a alac": ("ipod", "alac", 44_100, 2, 1),
    "mp4 8 kHz": ("mp4", "aac", 8_000, 1, 2048),
    "mp4 opus": ("mp4", "libopus", 48_000, 1, 400),
    "mov": ("mov", "pcm_s16le", 48_000, 1, 1),
}


@pytest.mark.parametrize("name", FORMATS)
async def test_a_format_keeps_its_sound_at_its_time(decoded, name):
    container, codec, rate, channels, slack = FORMATS[name]
    got = await decoded(make(container, codec, rate, channels))
    assert got.error is None
    assert got.told.skipped == 0
    assert got.told.info.channels == channels
    assert got.told.info.duration_s == pytest.approx(3.7, abs=0.1)
    assert len(got.audio) == 1
    assert abs(got.audio.shape[1] - len(HEARD)) <= slack
    length = min(len(HEARD), got.audio.shape[1])
    assert np.corrcoef(HEARD[:length], got.audio[0, :length])[0, 1] > 0.999


async def test_raw_aac_has_the_delay_of_its_encoder_since_nothing_tells_how_long_it_is(decoded):
    got = await decoded(make("adts", "aac", 48_000))
    delay = 1024 // 3
    assert got.error is None
    assert np.corrcoef(HEARD, got.audio[0, delay : delay + len(HEARD)])[0, 1] > 0.99


async def test_a_video_gives_its_sound(decoded):
    got = await decoded(make("mp4", "aac", video=True))
    assert got.error is None
    assert np.corrcoef(HEARD, got.audio[0, : len(HEARD)])[0, 1] > 0.999


async def test_channels_can_be_kept_apart(decoded):
    got = await decoded(make("wav", "pcm_s16le", 48_000, 6), mono=False)
    assert got.audio.shape == (6, len(HEARD))
    for number, channel in enumerate(got.audio, start=1):
        assert np.abs(channel * number - HEARD)[100:-100].max() < 10 * number


async def test_no_channel_is_left_out_of_the_mix(decoded):
    """Of six channels whose places are not told, the fourth would be a subwoofer."""
    samples = np.zeros((RATE, 6), "<i2")
    samples[:, 3] = 6000
    got = await decoded(wav(samples.tobytes(), channels=6))
    assert np.abs(got.audio - 1000).max() <= 1


async def test_joined_files_of_different_formats_are_heard_one_after_the_other(decoded):
    got = await decoded(make("mp3", "libmp3lame", 44_100, 1) + make("mp3", "libmp3lame", 22_050, 2))
    assert got.error is None
    assert got.told.skipped <= 2
    assert got.audio.shape[1] == pytest.approx(2 * len(HEARD), abs=2000)


async def test_a_change_of_channels_is_refused_where_they_are_kept_apart(decoded):
    got = await decoded(make("mp3", "libmp3lame", 44_100, 1) + make("mp3", "libmp3lame", 22_050, 2), mono=False)
    assert isinstance(got.error, UnsupportedMedia)
    assert got.audio.shape[1] == pytest.approx(len(HEARD), abs=2000)


@pytest.mark.parametrize("says", [0, 0x7FFF_FFDB, 0xFFFF_FFFF])
async def test_a_wav_that_was_written_before_its_length_was_known(decoded, says):
    got = await decoded(wav(pcm(), says=says))
    assert got.error is None
    assert got.audio.tobytes() == pcm()


async def test_tags_at_the_end_of_an_mp3_are_no_damage(decoded):
    tags = b"APETAGEX\xd0\x07\0\0" + bytes(200) + b"TAG" + bytes(125)
    got = await decoded(make("mp3", "libmp3lame") + tags)
    assert got.error is None
    assert got.audio.shape[1] == len(HEARD)


async def test_tags_may_be_in_any_encoding(decoded):
    tags = b"LIST\x0e\0\0\0INFOINAM\x02\0\0\0\xe9\0"
    got = await decoded(wav(pcm()).replace(b"data", tags + b"data", 1))
    assert got.error is None
    assert got.audio.tobytes() == pcm()


async def test_the_file_is_longer_than_allowed_only_by_what_is_in_it(decoded):
    content = make("flac", "flac")
    assert (await decoded(content, MediaLimits(max_audio_s=3.7))).error is None
    got = await decoded(content, MediaLimits(max_audio_s=3))
    assert isinstance(got.error, TooLarge)
    assert got.told is None, "its header says so: nobody should start to work on it"


# -- what is not audio, or not all of it --------------------------------------------------------------------------

NOISE = np.random.default_rng(0)
PLAYLISTS = {
    "m3u8 of a file": b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    "m3u8 of a URL": b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
    "ffconcat": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "concat": b"concat:/etc/passwd|/etc/hosts",
    "a URL": b"http://127.0.0.1:9/a.mp3",
    "sdp": b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nm=audio 5004 RTP/AVP 0\r\n",
    "dash": b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">'
    b"<BaseURL>file:///etc/passwd</BaseURL></MPD>",
}
NO_AUDIO = PLAYLISTS | {
    "nothing": b"",
    "png": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "html": b"<!DOCTYPE html><html><body>hello</body></html>" * 20,
    "zip": b"PK\x03\x04" + bytes(300),
    "gzip": gzip.compress(wav(pcm())),
    "pdf": b"%PDF-1.7\n" + bytes(200),
    "text": b"hello world. " * 300,
    "avi": b"RIFF\xff\0\0\0AVI LIST" + bytes(300),
    "midi": b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk" + bytes(100),
    "zeros": bytes(20_000),
    "ones": b"\xff" * 20_000,
    "mp3 headers only": b"\xff\xfb\x90\x64" * 5000,
    **{f"random bytes {number}": NOISE.bytes(20_000) for number in range(4)},
}


@pytest.mark.parametrize("name", NO_AUDIO)
async def test_what_is_no_audio_is_unsupported(decoded, name):
    got = await decoded(NO_AUDIO[name])
    assert isinstance(got.error, UnsupportedMedia)
    assert not got.audio.size


def rewritten(file, box, offset, new):
    """A QuickTime file with some bytes of a box changed."""
    at = file.rindex(box) + offset
    return file[:at] + new + file[at + len(new) :]


HOSTILE = {
    # name: what makes it, the error, the least and the most seconds that are heard
    "a video without sound": (lambda: make("mp4", "aac", video=True, silent=True), UnsupportedMedia, 0, 0),
    "a codec that isn't allowed": (lambda: make("matroska", "ac3"), UnsupportedMedia, 0, 0),
    "no samples": (lambda: wav(), BadMedia, 0, 0),
    "half a header": (lambda: wav(pcm())[:20], BadMedia, 0, 0),
    "10 GB by its header": (lambda: wav(pcm(), says=0x7000_0000), TooLarge, 0, 0),
    "655350 Hz": (lambda: wav(pcm(), rate=655_350, channels=8), UnsupportedMedia, 0, 0),
    "1 Hz": (lambda: wav(pcm(), rate=1), UnsupportedMedia, 0, 0),
    "0 Hz": (lambda: wav(pcm(), rate=0), BadMedia, 0, 0),
    "negative rate": (lambda: wav(pcm(), rate=0x8000_0000), BadMedia, 0, 0),
    "0 channels": (lambda: wav(pcm(), channels=0), BadMedia, 0, 0),
    "9 channels": (lambda: wav(pcm(), channels=9), UnsupportedMedia, 0, 0),
    # Whether libav tells of so many depends on its version.
    "65535 channels": (lambda: wav(pcm(), channels=65_535), (BadMedia, UnsupportedMedia), 0, 0),
    "96 kHz, 8 channels": (lambda: wav(pcm(96_000), rate=96_000, channels=8), None, 0.4, 0.5),
    "1-bit noise": (lambda: wav(np.random.default_rng(1).bytes(20_000), bits=1), None, 0, 10),
    "an unknown codec": (lambda: wav(pcm(), kind=0x1234), UnsupportedMedia, 0, 0),
    "hours of flac in 60 KB": (lambda: flac_bomb(BOMB_S), TooLarge, 50, 60),
    "hours of opus in 1 MB": (lambda: opus_bomb(BOMB_S), TooLarge, 50, 60),
    "a tag of compressed zeros": (lambda: id3_bomb(100 << 20, make("mp3", "libmp3lame")), None, 3.6, 3.8),
    "a tag without end": (lambda: b"ID3\4\0\0\x7f\x7f\x7f\x7f" + make("mp3", "libmp3lame"), BadMedia, 0, 0),
    "an index of 2^31": (
        lambda: rewritten(make("ipod", "aac"), b"stsz", 8, b"\0\0\0\1\x7f\xff\xff\xff"),
        BadMedia,
        0,
        0,
    ),
    "noise behind an mp3's header": (lambda: make("mp3", "libmp3lame")[:400] + NOISE.bytes(5000), BadMedia, 0, 1),
    "noise behind a flac's header": (lambda: make("flac", "flac")[:100] + NOISE.bytes(5000), BadMedia, 0, 1),
    "noise behind an ogg's header": (lambda: make("ogg", "libopus")[:400] + NOISE.bytes(5000), BadMedia, 0, 1),
    "noise behind a webm's header": (lambda: make("webm", "libopus")[:400] + NOISE.bytes(5000), BadMedia, 0, 1),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_file_gets_its_error_and_no_more_than_its_share(decoded, name):
    build, error, least_s, most_s = HOSTILE[name]
    got = await decoded(build())
    assert isinstance(got.error, error or type(None))
    assert least_s * RATE <= got.audio.shape[1] <= most_s * RATE
    assert children() == []


CUTS = [
    *(("wav", "pcm_s16le", cut) for cut in (0.01, 0.5, 0.9)),
    *(("flac", "flac", cut) for cut in (0.01, 0.5, 0.9)),
    *(("mp3", "libmp3lame", cut) for cut in (0.01, 0.5, 0.9)),
    *(("ogg", "libopus", cut) for cut in (0.01, 0.05)),
    *(("webm", "libopus", cut) for cut in (0.01, 0.3, 0.7)),
    *(("ipod", "aac", cut) for cut in (0.01, 0.5, 0.95)),
]


@pytest.mark.parametrize(("container", "codec", "cut"), CUTS)
async def test_the_start_of_a_file_is_heard_and_then_called_damaged(decoded, container, codec, cut):
    whole = make(container, codec)
    got = await decoded(whole[: int(len(whole) * cut)])
    assert isinstance(got.error, BadMedia)
    if container in ("wav", "flac", "mp3", "webm") and cut > 0.1:
        length = got.audio.shape[1]
        assert length == pytest.approx(cut * len(HEARD), abs=0.5 * RATE)
        assert np.corrcoef(HEARD[:length], got.audio[0])[0, 1] > 0.999


async def test_an_ogg_that_was_cut_is_taken_for_a_shorter_one(decoded):
    whole = make("ogg", "libopus")
    got = await decoded(whole[: len(whole) // 2])
    assert got.error is None
    assert 0.5 * RATE < got.audio.shape[1] < 2 * RATE


async def test_damage_in_the_middle_costs_what_it_hit(decoded):
    content = bytearray(make("ipod", "aac"))
    middle = len(content) // 2
    content[middle : middle + 3000] = NOISE.bytes(3000)
    got = await decoded(bytes(content))
    assert isinstance(got.error, BadMedia)
    assert got.audio.shape[1] > 3 * RATE
    assert np.corrcoef(HEARD[:RATE], got.audio[0, :RATE])[0, 1] > 0.999


async def test_a_reference_to_another_file_is_not_followed(decoded, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(pcm())
    itself = make("mov", "pcm_s16le", RATE)
    boxes = [b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"]
    got = await decoded(grown(itself, boxes, b"\0\0\0\x0curl \0\0\0\1", elsewhere(bytes(secret))))
    assert isinstance(got.error, BadMedia)
    assert not got.audio.size


async def test_a_name_that_looks_like_a_url_is_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "concat:a|b"
    path.write_bytes(wav(pcm()))
    assert (await decode(path.relative_to(tmp_path))).error is None


async def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        await decode(tmp_path / "nothing")


# -- the process --------------------------------------------------------------------------------------------------


@pytest.fixture
def long(tmp_path):
    path = tmp_path / "long"
    path.write_bytes(flac_bomb(BOMB_S))
    return path


LONG = MediaLimits(max_audio_s=2 * BOMB_S)


async def exhaust(blocks):
    async for _ in blocks:
        pass


async def test_the_process_waits_while_nobody_reads(long):
    async with opened(long, LONG) as recording:
        blocks = aiter(recording)
        await anext(blocks)
        [child] = children()
        written = [0, 1]
        while len(set(written[-50:])) > 1 or child.status() != psutil.STATUS_SLEEPING:
            written.append((await asyncio.to_thread(child.io_counters)).write_chars)
        assert written[-1] < 1_000_000
        assert child.memory_info().rss < 80 << 20
        for _ in range(100):
            assert (await anext(blocks)).shape == (1, RATE)
        assert child.is_running()
    assert children() == []


async def test_a_reader_that_is_cancelled_leaves_nothing_behind(long):
    begun = asyncio.Event()

    async def read():
        async with opened(long, LONG) as recording:
            async for _ in recording:
                begun.set()

    async def once():
        reading = asyncio.create_task(read())
        await begun.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert children() == []

    await once()
    files = psutil.Process().num_fds()
    await once()
    assert psutil.Process().num_fds() == files


async def test_a_process_that_stands_still_is_given_up(long):
    async with opened(long, LONG) as recording:
        blocks = aiter(recording)
        await anext(blocks)
        [child] = children()
        child.send_signal(signal.SIGSTOP)
        recording._reports._stall_s = 0.1
        with pytest.raises(Overloaded):
            await exhaust(blocks)
    assert children() == []


async def test_a_process_that_is_killed_from_outside_is_our_fault(long):
    async with opened(long, LONG) as recording:
        blocks = aiter(recording)
        await anext(blocks)
        [child] = children()
        child.kill()
        with pytest.raises(EngineFailed):
            await exhaust(blocks)


async def test_the_end_of_a_terminals_patience_is_not_the_processs(long):
    async with opened(long, LONG) as recording:
        blocks = aiter(recording)
        await anext(blocks)
        [child] = children()
        child.send_signal(signal.SIGINT)
        child.send_signal(signal.SIGTERM)
        for _ in range(1000):
            await anext(blocks)


async def test_too_little_memory_is_the_files_fault(decoded):
    got = await decoded(make("flac", "flac"), MediaLimits(memory_mb=10))
    assert isinstance(got.error, BadMedia)
    assert not got.audio.size


@pytest.fixture
def taken_over(tmp_path, monkeypatch):
    """Runs some code in place of the child's, behind its imports, as if a recording had taken it over."""

    async def run(code, limits=STRICT):
        (tmp_path / "taken_over.py").write_text(
            "import os, socket, sys\nfrom stream.media_child import *\norder = decode_order(sys.argv[1])\n"
            "def say(report):\n    sys.stdout.buffer.write(frame(report))\n    sys.stdout.flush()\n" + code
        )
        monkeypatch.setattr(media, "CHILD", "taken_over")
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, sys.path)]))
        got = await decode(tmp_path / "taken_over.py", limits)
        assert children() == []
        return got

    return run


async def test_a_process_that_makes_nothing_of_its_time_is_ended(taken_over):
    got = await taken_over("confine(order.limits)\nwhile True: pass", MediaLimits(cpu_s=1))
    assert isinstance(got.error, BadMedia)
    assert "time" in got.error.message


async def test_a_process_that_crashes_is_the_files_fault(taken_over):
    got = await taken_over("confine(order.limits)\nos.abort()")
    assert isinstance(got.error, BadMedia)


async def test_a_process_that_can_not_start_is_our_fault(taken_over):
    with pytest.raises(EngineFailed):
        await taken_over("sys.exit(3)")


async def test_a_bug_is_our_fault(taken_over):
    with pytest.raises(EngineFailed):
        await taken_over('say(Refused("failed", "KeyError()"))')


WRONG = {
    "nonsense": "sys.stdout.buffer.write(bytes(3) + b'\\x08nonsense')",
    "a report without end": "sys.stdout.buffer.write(b'\\x7f\\xff\\xff\\xff')",
    "a block before the description": "say(Block(bytes(2)))",
    "no channels": "say(Described(1, 0, None))\nsay(Block(bytes(2)))",
    "half a sample": "say(Described(1, 1, None))\nsay(Block(bytes(3)))",
    "a second description": "say(Described(1, 1, None))\nsay(Described(1, 1, None))",
    "audio without end": "say(Described(1, 1, None))\nwhile True: say(Block(bytes(32_000)))",
}


@pytest.mark.parametrize("what", WRONG)
async def test_reports_that_no_child_would_make_are_not_believed(taken_over, what):
    got = await taken_over(WRONG[what])
    assert isinstance(got.error, BadMedia)
    assert got.audio.shape[1] <= 60 * RATE


async def test_the_process_can_do_nothing_but_decode(taken_over):
    probe = """
confine(order.limits)
def possible(what):
    try: return bool(what())
    except (OSError, MemoryError, ValueError): return False
attempts = {
    "read": lambda: open("/etc/hostname", "rb"),
    "write": lambda: open(__file__ + ".written", "wb"),
    "connect": lambda: socket.socket(),
    "run": lambda: os.pipe(),
    "grow": lambda: bytearray(200 << 20),
    "raise": lambda: resource.setrlimit(resource.RLIMIT_CORE, (1, 0)) or True,
}
say(Refused("damaged", repr([name for name, what in attempts.items() if possible(what)])))
"""
    got = await taken_over(probe)
    assert got.error.message.endswith(" []")


async def test_the_process_sees_no_keys(taken_over, monkeypatch):
    monkeypatch.setenv("STENO_API_KEYS", "sesame")
    got = await taken_over('say(Refused("damaged", repr(dict(os.environ))))')
    assert "PYTHONPATH" in got.error.message
    assert "sesame" not in got.error.message
