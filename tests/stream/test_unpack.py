"""stream/unpack.py, and what stream/media_child.py does with a live file"""

from __future__ import annotations

import io
import random
from contextlib import suppress

import av
import numpy as np
import psutil
import pytest

from stream import media
from stream.errors import BadMedia, StreamError, TooLarge, UnsupportedMedia
from stream.media_messages import MediaLimits
from stream.unpack import Unpacker, unpacking
from tests.children import processes
from tests.stream.recordings import encoded, flac_bomb, opus_bomb, pcm, sound, wav

RATE = 16_000
HEARD = sound(RATE) * 32_768
STRICT = MediaLimits(max_audio_s=60, memory_mb=200, cpu_s=4)
FORMATS = {
    "wav": ("wav", "pcm_s16le", 48_000, 2, 1),
    "ogg opus": ("ogg", "libopus", 48_000, 1, 400),
    "webm opus": ("webm", "libopus", 48_000, 2, 400),
    "webm vorbis": ("webm", "vorbis", 44_100, 2, 400),
    "flac": ("flac", "flac", 16_000, 1, 1),
    "ogg flac": ("ogg", "flac", 16_000, 1, 1),
    "mp3": ("mp3", "libmp3lame", 44_100, 2, 3000),
    "aac": ("adts", "aac", 44_100, 1, 3000),
}


async def come(unpacker: Unpacker) -> bytes:
    made = []
    while (samples := await unpacker.next()) is not None:
        made.append(samples)
    return b"".join(made)


async def unpacked(content: bytes, sizes: list[int], limits: MediaLimits = STRICT) -> np.ndarray:
    """The whole, in pieces of these sizes over and over."""
    made = []
    async with unpacking(limits) as unpacker:
        start = number = 0
        while start < len(content):
            unpacker.push(content[start : start + sizes[number % len(sizes)]])
            made.append(await come(unpacker))
            start += sizes[number % len(sizes)]
            number += 1
        unpacker.finish()
        made.append(await come(unpacker))
    return np.frombuffer(b"".join(made), np.int16)


def children() -> list[psutil.Process]:
    return processes(media.CHILD)


@pytest.mark.parametrize("name", FORMATS)
async def test_however_a_file_is_cut_it_sounds_the_same(name: str) -> None:
    container, codec, rate, channels, slack = FORMATS[name]
    content = encoded(container, codec, rate, channels)
    whole = await unpacked(content, [len(content)])
    assert abs(len(whole) - len(HEARD)) <= slack
    shift = 1024 * RATE // rate if container == "adts" else 0
    length = min(len(HEARD), len(whole) - shift)
    assert np.corrcoef(HEARD[:length], whole[shift : shift + length])[0, 1] > 0.99
    odd = await unpacked(content, [1, 2, 3, 11, 250, 1999])
    assert odd.tobytes() == whole.tobytes()


@pytest.mark.parametrize(("container", "codec"), [("wav", "pcm_s16le"), ("webm", "libopus"), ("adts", "aac")])
async def test_what_can_be_decoded_comes_before_more_is_waited_for(container: str, codec: str) -> None:
    """A client that waits for the words of what it has sent must not wait for ever."""
    content = encoded(container, codec, 48_000)
    async with unpacking(STRICT) as unpacker:
        made, given = 0, 0
        for piece in np.array_split(np.frombuffer(content, np.uint8), 20):
            unpacker.push(piece.tobytes())
            made += len(await come(unpacker)) // 2
            given += len(piece)
            if given > len(content) / 4:  # libav has learnt what it is
                assert made / RATE > given / len(content) * 3.7 - 0.15


async def test_what_safari_records_is_heard_while_it_comes() -> None:
    file = io.BytesIO()
    fragments = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "200000"}
    with av.open(io.BytesIO(encoded("ipod", "aac", 48_000))) as made, av.open(file, "w", "mp4", fragments) as output:
        track = output.add_stream_from_template(made.streams.audio[0])
        for packet in made.demux(audio=0):
            if packet.size:
                packet.stream = track
                output.mux(packet)
    content = file.getvalue()
    async with unpacking(STRICT) as unpacker:
        unpacker.push(content[: len(content) // 2])
        assert len(await come(unpacker)) / 2 > 1.6 * RATE


async def test_a_wav_that_says_nothing_of_its_length_goes_on() -> None:
    for says in (0, 0xFFFF_FFFF):
        assert (await unpacked(wav(pcm(), says=says), [3000])).tobytes() == pcm()


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
async def test_the_samples_of_a_wav_are_not_kept_back(bits: int) -> None:
    heard = np.frombuffer(pcm(seconds=0.5), "<i2")
    samples = {8: (heard // 256 + 128).astype(np.uint8), 16: heard, 32: heard.astype("<i4") << 16}
    samples[24] = samples[32].view(np.uint8).reshape(-1, 4)[:, 1:]
    content = wav(samples[bits].tobytes(), bits=bits, says=0xFFFF_FFFF)
    async with unpacking(STRICT) as unpacker:
        unpacker.push(content)
        made = np.frombuffer(await come(unpacker), np.int16)
    assert len(made) > 0.4 * RATE
    assert np.abs(made.astype(int) - heard[: len(made)]).max() < (300 if bits == 8 else 2)


async def test_of_a_wav_only_the_samples_are_heard() -> None:
    tags = b"LIST" + (5000).to_bytes(4, "little") + random.Random(0).randbytes(5000)
    content = wav(pcm(), channels=1)
    content = content[:12] + tags + content[12:] + tags
    assert (await unpacked(wav(pcm()) + tags, [999])).tobytes() == pcm()
    assert (await unpacked(content, [999])).tobytes() == pcm()
    six = np.zeros((RATE, 6), "<i2")
    six[:, 3] = 6000
    assert np.abs(await unpacked(wav(six.tobytes(), channels=6), [4321]) - 1000).max() <= 1


async def test_a_file_may_end_anywhere() -> None:
    for name in ("webm opus", "ogg opus", "wav", "flac", "mp3", "aac"):
        container, codec, *_ = FORMATS[name]
        content = encoded(container, codec)
        made = await unpacked(content[: len(content) * 2 // 3], [700])
        assert RATE < len(made) < 3 * RATE


@pytest.mark.parametrize(
    "content",
    [bytes(20_000), b"hello world. " * 100, b"\x89PNG\r\n\x1a\n" + bytes(100), b"RIFF\xff\0\0\0AVI LIST", b"\0"],
    ids=["zeros", "text", "png", "avi", "a byte"],
)
async def test_what_is_no_audio_is_found_out_at_once(content: bytes) -> None:
    async with unpacking(STRICT) as unpacker:
        unpacker.push(content)
        if len(content) < 12:
            unpacker.finish()
        with pytest.raises(UnsupportedMedia):
            await come(unpacker)
    assert children() == []


async def test_nothing_at_all_is_no_audio() -> None:
    with pytest.raises(UnsupportedMedia):
        await unpacked(b"", [1])


def with_bad_packets(bad: range) -> bytes:
    """A webm of Vorbis, in which these packets are none."""
    file, number = io.BytesIO(), 0
    with av.open(io.BytesIO(encoded("webm", "vorbis", 44_100, 2))) as made, av.open(file, "w", format="webm") as output:
        track = output.add_stream_from_template(made.streams.audio[0])
        for packet in made.demux(audio=0):
            if packet.size:
                number += 1
                damaged = av.Packet(b"\xff" * 50 if number in bad else bytes(packet))
                damaged.pts, damaged.dts, damaged.time_base, damaged.stream = (
                    packet.pts,
                    packet.dts,
                    packet.time_base,
                    track,
                )
                output.mux(damaged)
    return file.getvalue()


async def test_noise_that_goes_on_ends_it() -> None:
    content = encoded("webm", "libopus")
    made = []
    async with unpacking(STRICT) as unpacker:
        unpacker.push(content[: len(content) // 2])
        made.append(await come(unpacker))
        unpacker.push(random.Random(0).randbytes(300_000))
        with pytest.raises(BadMedia, match="can't be read beyond 1"):
            await come(unpacker)
    assert len(b"".join(made)) > RATE


async def test_packets_here_and_there_cost_what_they_hold() -> None:
    made = await unpacked(with_bad_packets(range(10, 20)), [500])
    assert 3 * RATE < len(made) < 3.7 * RATE


async def test_a_second_of_packets_that_are_none_ends_it() -> None:
    content = with_bad_packets(range(10, 1000))
    async with unpacking(STRICT) as unpacker:
        unpacker.push(content)
        with pytest.raises(BadMedia, match="in a row"):
            await come(unpacker)


@pytest.mark.parametrize("bomb", [flac_bomb, opus_bomb])
async def test_a_bomb_gets_no_more_than_its_share(bomb) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(TooLarge):
        await unpacked(bomb(3600), [1 << 16])
    assert children() == []


async def test_the_process_waits_while_nobody_reads_and_ends_with_the_context() -> None:
    async with unpacking(MediaLimits()) as unpacker:
        unpacker.push(flac_bomb(3600))
        assert await unpacker.next() is not None
        [child] = children()
        assert child.memory_info().rss < 100 << 20
    assert children() == []


async def test_hostile_pieces_raise_only_what_is_said() -> None:
    chance = random.Random(1)
    for container, codec in (("webm", "libopus"), ("ogg", "libopus"), ("flac", "flac"), ("mp3", "libmp3lame")):
        content = bytearray(encoded(container, codec, seconds=1.0))
        for _ in range(30):
            content[chance.randrange(len(content))] = chance.randrange(256)
        with suppress(StreamError):
            await unpacked(bytes(content), [1000])
    assert children() == []
