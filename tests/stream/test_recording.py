"""stream/recording.py"""

import asyncio
from contextlib import aclosing

import numpy as np
import pytest

from models.base import SAMPLE_RATE
from models.scripted import ledger_audio
from stream import recording
from stream.errors import EngineFailed
from stream.events import SessionOptions
from stream.metrics import Metrics
from stream.recording import finals
from tests.stream.inline import scripted_engine
from tests.vad.voice import silence


async def blocks(*pieces, error=None):
    audio = np.concatenate(pieces)
    for start in range(0, len(audio), SAMPLE_RATE):
        yield audio[start : start + SAMPLE_RATE]
    if error:
        raise error


async def heard(engine, audio, **options):
    return [final async for final in finals(audio, SessionOptions(**options), engine, Metrics())]


def text(final):
    return "".join(word.text for word in final.words).split()


async def test_all_that_is_said_in_order():
    engine = await scripted_engine()
    told = await heard(engine, blocks(silence(1.0), ledger_audio(0, 30), silence(2.0), ledger_audio(30, 20)))
    assert [text(final) for final in told] == [[f"w{n}" for n in range(30)], [f"w{n}" for n in range(30, 50)]]
    assert [final.reason for final in told] == ["endpoint", "stop"]
    assert told[1].start == pytest.approx(6 * SAMPLE_RATE, abs=SAMPLE_RATE // 4)
    assert engine.channels == 0
    await engine.stop()


async def test_nothing_is_said_in_silence():
    engine = await scripted_engine()
    assert await heard(engine, blocks(silence(3.0))) == []
    await engine.stop()


async def test_options_reach_the_model():
    engine = await scripted_engine()
    [final] = await heard(engine, blocks(ledger_audio(0, 10)), task="translate", languages=("en",))
    assert text(final) == [f"W{n}" for n in range(10)]
    await engine.stop()


async def test_a_final_is_told_before_the_rest_is_read():
    engine = await scripted_engine()
    read = []

    async def slow():
        async for block in blocks(*[ledger_audio(0, 10), silence(2.0)] * 5):
            read.append(len(block))
            yield block

    async with aclosing(finals(slow(), SessionOptions(), engine, Metrics())) as told:
        await anext(told)
        assert sum(read) < 15 * SAMPLE_RATE
    assert engine.channels == 0
    assert engine.backlog_s == 0
    await engine.stop()


async def test_no_more_is_read_than_can_be_decoded(monkeypatch):
    monkeypatch.setattr(recording, "AHEAD_S", 3.0)
    engine = await scripted_engine()
    [replica] = engine._replicas
    monkeypatch.setattr(replica._link, "send", lambda order: None)  # nobody decodes
    read = 0

    async def counted():
        nonlocal read
        async for block in blocks(*[ledger_audio(0, 15), silence(0.6)] * 10):
            read += len(block)
            yield block

    told = asyncio.create_task(heard(engine, counted()))
    for _ in range(100):
        await asyncio.sleep(0)
    assert 3 * SAMPLE_RATE <= read <= 6 * SAMPLE_RATE
    told.cancel()
    await engine.stop()


async def test_an_error_of_the_reader_is_the_callers():
    engine = await scripted_engine()
    with pytest.raises(OSError, match="gone"):
        await heard(engine, blocks(ledger_audio(0, 10), error=OSError("gone")))
    assert engine.channels == 0
    await engine.stop()


async def test_what_cannot_be_decoded_fails_the_whole():
    engine = await scripted_engine()
    with pytest.raises(EngineFailed, match=r"from 0\.0 to 1\.0 s"):
        await heard(engine, blocks(ledger_audio(0, 10), silence(1.0)), prompt="raise@1")
    await engine.stop()
