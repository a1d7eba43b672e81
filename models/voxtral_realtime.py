"""Voxtral Realtime: utterances in slots of its network, all that are due fed 80 ms in one step.

Knows nothing of torch (`voxtral_slots.py`, `voxtral_load.py`), nor of what a stream is made of (`voxtral_stream.py`).

An utterance is a stream of its own, from silence on: pauses between utterances are never sent to a model. The server
admits as many channels as there are slots, so that whoever was let in has one whenever they speak.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from pathlib import Path
from typing import Protocol, cast

import msgspec

from models.base import SAMPLE_RATE, DecodeOptions, Hypothesis, Model, ModelCard, Utterance, Word
from models.declaration import NOTHING, declared
from models.registry import ModelSpec
from models.voxtral_stream import Format, Row, Stream, Written
from models.voxtral_words import TOKEN

LANGUAGES = ("en", "ar", "de", "es", "fr", "hi", "it", "ja", "ko", "nl", "pt", "ru", "zh")
"""As its authors name them. It writes what it hears: it can't be held to one, and doesn't say which it heard."""


class Network(Protocol):
    """Streams in `count` slots."""

    @property
    def count(self) -> int: ...

    def reset(self, slot: int) -> None:
        """Lay a slot out for a stream's start: what comes next is its token `Format.given`."""

    def step(self, rows: Sequence[Row]) -> list[Written]:
        """Feed the rows, of different slots; blocking. One token each, in order."""


def load(spec: ModelSpec) -> Model:
    """Load a directory of transformers' layout. Raises OSError or ValueError for one that can't be used or that memory
    has no room for, ImportError for a library."""
    from models.voxtral_load import open_network

    declaration = declared(Path(spec.path or "."))
    if declaration != msgspec.structs.replace(NOTHING, languages=declaration.languages):
        raise ValueError(f"{spec.name}: of a Voxtral Realtime steno.json may say `languages`, and nothing else")
    network, format = open_network(spec)
    return VoxtralRealtime(network, format, declaration.languages or LANGUAGES)


class VoxtralRealtime:
    """A Model. It has some slots more than channels: who goes on talking begins an utterance while the one before is
    still being written.

    Slots go to those who talk before they go to utterances that are complete, as a recording's are: they leave as many
    as there are to spare.
    """

    def __init__(self, network: Network, format: Format, languages: tuple[str, ...] = LANGUAGES) -> None:
        channels = channels_of(network.count)
        self.card = ModelCard(
            kind="voxtral_realtime",
            languages=languages,
            detects=True,
            narrows=False,
            max_batch=network.count,
            capacity=network.count,
            channels=channels,
            tick_s=TOKEN / SAMPLE_RATE,
        )
        self._network = network
        self._format = format
        self._spare = network.count - channels
        self._free = list(range(network.count))  # a heap: with few streams, a step needs look only at the first slots
        self._waiting: list[Stream] = []

    def begin(self, options: DecodeOptions, stable: Sequence[Word] = (), carry: str | None = None) -> Stream:
        stream = Stream(self._format, options, stable, self._granted)
        self._waiting.append(stream)
        return stream

    def step(self, batch: Sequence[Utterance]) -> list[Hypothesis]:
        streams = cast("Sequence[Stream]", batch)
        due = [stream for stream in streams if stream.due]
        for stream in due:
            if stream.slot is None:
                self._waiting.remove(stream)
                stream.slot = heappop(self._free)
            if stream.fresh:
                self._network.reset(stream.slot)
                stream.fresh = False
        if due:
            for stream, written in zip(due, self._network.step([stream.row() for stream in due]), strict=True):
                stream.hear(written)
        hypotheses = [stream.hypothesis() for stream in streams]
        for stream, hypothesis in zip(streams, hypotheses, strict=True):
            if hypothesis.final:
                self.close(stream)
        return hypotheses

    def close(self, utterance: Utterance) -> None:
        stream = cast(Stream, utterance)
        if stream in self._waiting:
            self._waiting.remove(stream)
        elif stream.slot is not None:
            heappush(self._free, stream.slot)
            stream.slot = None

    def _granted(self, stream: Stream) -> bool:
        """Whether a stream without a slot would find one."""
        talking = [each for each in self._waiting if not each.finished]
        if not stream.finished:
            return talking.index(stream) < len(self._free)
        complete = [each for each in self._waiting if each.finished]
        return len(talking) + complete.index(stream) < len(self._free) - self._spare


def slots_for(channels: int) -> int:
    """Slots that so many channels need: an eighth more."""
    return channels + -(-channels // 8)


def channels_of(slots: int) -> int:
    """The most channels that so many slots, two at least, are enough for."""
    return max(channels for channels in range(1, slots) if slots_for(channels) <= slots)
