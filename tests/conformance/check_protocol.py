"""What every dialect promises (`stream/protocols/base.py`), as one suite: `await check_protocol(protocol, spoken)`.

Knows nothing of any one dialect.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.base import SAMPLE_RATE, Samples
from models.scripted import ledger_audio
from stream import errors
from stream.admission import Admission, AdmissionOptions
from stream.audio import DECODERS, AudioFormat
from stream.errors import ClientError, StreamError
from stream.events import Command, Event, Final, Limits
from stream.metrics import Metrics
from stream.protocols.base import Messages, WireProtocol
from stream.protocols.native import NativeProtocol
from stream.session import Session
from tests.conformance.dialects import CHUNK_S, SPOKEN, Message, Spoken, opened, request
from tests.stream.inline import scripted_engine
from tests.stream.peer import Peer

TALK = np.concatenate(
    [np.zeros(8000, np.int16), ledger_audio(0, 20), np.zeros(16_000, np.int16), ledger_audio(20, 10)]
)  # fmt: skip
"""Two utterances, of words that are all different where the numbers in it arrive unharmed."""
REASON_BYTES = 123
"""What fits into a close frame."""


async def check_protocol(protocol: type[WireProtocol], spoken: Spoken) -> None:
    """Run the whole suite."""
    _check_closing(protocol, spoken)
    _check_hostile_messages(protocol, spoken)
    await _check_session(protocol, spoken)


# -- closing ------------------------------------------------------------------------------------------------------


def _check_closing(protocol: type[WireProtocol], spoken: Spoken) -> None:
    dialect = opened(protocol, spoken)
    assert dialect.closing(None)[0] == 1000, "the end of a session is no failure"
    for kind in (each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, StreamError)):
        code, reason = dialect.closing(kind("why " * 100, hint="because " * 100, fatal=True))
        # 1000 and 1001 end a client's loop without a word.
        assert code in (1002, 1003, 1007, 1008, *range(1009, 1015)) or 3000 <= code < 5000, f"{kind}: {code}"
        assert len(reason.encode()) <= REASON_BYTES, f"{kind}: a reason that no close frame holds"


# -- messages that are wrong --------------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def _check_hostile_messages(protocol: type[WireProtocol], spoken: Spoken) -> None:
    right = (*spoken.start, spoken.audio(0, bytes(spoken.format.sample_bytes * 80)), *spoken.end)

    @settings(max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.booleans(), st.lists(_messages(right), max_size=4))
    def only_client_errors(started: bool, messages: Sequence[Message]) -> None:
        dialect = opened(protocol, spoken, *(spoken.start if started else ()))
        for message in messages:
            try:
                commands = dialect.receive(message)
            except ClientError as error:
                if error.fatal:
                    return
            else:
                assert all(isinstance(command, Command) for command in commands)

    only_client_errors()
    for message in (b"\0" * (2 << 20), "x" * (2 << 20), spoken.audio(0, bytes(2 << 20)), "[" * 100_000):
        with suppress(ClientError):
            opened(protocol, spoken, *spoken.start).receive(message)


def _messages(right: Sequence[Message]) -> st.SearchStrategy[Message]:
    """Anything; and right ones, whole, cut off or with something else in one place."""
    texts = [message for message in right if isinstance(message, str)]
    anything = st.text(max_size=40) | st.binary(max_size=40) | json_values.map(json.dumps)
    if not texts:
        return anything | st.sampled_from(right)
    cut = st.sampled_from(texts).flatmap(lambda text: st.integers(0, len(text)).map(lambda end: text[:end]))
    changed = st.tuples(st.sampled_from(texts), st.randoms(use_true_random=False), json_values).map(_changed)
    return anything | st.sampled_from(right) | cut | changed


def _changed(parts: tuple[str, Any, Any]) -> str:
    """A JSON message with another value, somewhere in it."""
    text, random, value = parts
    message = inner = json.loads(text)
    while isinstance(inner, dict) and inner:
        key = random.choice(sorted(inner))
        if not isinstance(inner[key], dict) or random.random() < 0.5:
            inner[key] = value
            break
        inner = inner[key]
    return json.dumps(message)


# -- a session ----------------------------------------------------------------------------------------------------


async def _check_session(protocol: type[WireProtocol], spoken: Spoken) -> None:
    heard = await _heard(protocol, spoken)
    reference = SPOKEN["native"]
    if protocol is NativeProtocol:
        assert heard == [f"w{number}" for number in range(30)]
        return
    format = spoken.format
    start = json.dumps({"type": "start", "encoding": format.encoding, "sample_rate": format.sample_rate})
    expected = await _heard(NativeProtocol, replace(reference, start=(start,), format=format))
    assert len(expected) > 10
    assert heard == expected, "every word, once, as the native protocol has them"


async def _heard(protocol: type[WireProtocol], spoken: Spoken) -> list[str]:
    """The words of a session from its first message to the close."""
    engine = await scripted_engine()
    peer = _Peer(spoken)
    limits = Limits()
    dialect = protocol.open(request(protocol, spoken), limits)
    finals = _overheard(dialect)
    admission = Admission({engine.name: engine}, AdmissionOptions())
    session = Session(peer, dialect, admission, limits, Metrics(), asyncio.get_running_loop().time, "session")
    session.prepare()
    audio = encoded(TALK, spoken.format)
    size = round(CHUNK_S * spoken.format.sample_rate) * spoken.format.sample_bytes
    chunks = [audio[at : at + size] for at in range(0, len(audio), size)]
    peer.feed(*spoken.start, *(spoken.audio(number, chunk) for number, chunk in enumerate(chunks)), *spoken.end)
    async with asyncio.timeout(30):
        await session.run()
    await engine.stop()
    assert peer.code == 1000, f"closed with {peer.code} after {peer.said[-1:]}"
    if spoken.words is None:
        return [word.text.strip() for final in finals for word in final.words]
    return spoken.words([json.loads(message) for message in peer.said])


def _overheard(dialect: WireProtocol) -> list[Final]:
    """The finals that a dialect is given to say."""
    finals: list[Final] = []
    send = dialect.send

    def listening(event: Event, seq: int | None, now: float) -> Messages:
        if isinstance(event, Final):
            finals.append(event)
        return send(event, seq, now)

    dialect.send = listening  # type: ignore[method-assign]
    return finals


class _Peer(Peer):
    def __init__(self, spoken: Spoken) -> None:
        super().__init__()
        self.said: list[Message] = []
        self._leaves = spoken.leaves

    async def send(self, message: Message) -> None:
        assert type(message) in (str, bytes)
        self.said.append(message)
        if self._leaves and self._leaves([json.loads(each) for each in self.said]):
            await self.close(1000, "")


def encoded(samples: Samples, format: AudioFormat) -> bytes:
    """Samples at 16 kHz in a mono format whose rate divides that."""
    assert SAMPLE_RATE % format.sample_rate == 0
    samples = samples[:: SAMPLE_RATE // format.sample_rate]
    match format.encoding:
        case "mulaw" | "alaw":
            decoded = DECODERS[format.encoding](bytes(range(256))).astype(np.int32)
            order = np.argsort(decoded, kind="stable")
            return order[np.searchsorted(decoded[order], samples).clip(0, 255)].astype(np.uint8).tobytes()
        case "pcm_s32le":
            return (samples.astype("<i4") << 16).tobytes()
        case "pcm_f32le":
            return (samples / np.float32(32768)).astype("<f4").tobytes()
        case "pcm_f16le":
            return (samples / np.float32(32768)).astype("<f2").tobytes()
        case _:
            return samples.astype("<i2").tobytes()
