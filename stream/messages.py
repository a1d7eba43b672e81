"""What the server and a worker process say to each other: orders down, reports up, each framed by its length.

Knows nothing of pipes, processes or time. Utterances and chats are named by ids that the server gives out and never
reuses.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

import msgspec

from models.base import DecodeOptions, Hypothesis, ModelCard, Word
from models.chat import Conversation, Delta
from models.registry import ModelSpec
from stream.pace import Rung

HEADER = struct.Struct("!I")
"""Bytes of the message that follows."""


class Message(msgspec.Struct, frozen=True, array_like=True, tag=True):
    pass


# -- orders: from the server ----------------------------------------------------------------------------------------


class Load(Message, frozen=True):
    """The first order. `clip` is a file of speech to try the model on before it is called loaded."""

    spec: ModelSpec
    clip: str | None


class Push(Message, frozen=True, gc=False):
    """`samples`: int16 in this machine's byte order."""

    id: int
    samples: bytes
    speech: bool


class Finish(Message, frozen=True):
    id: int
    end: int


class Begin(Message, frozen=True):
    """`live`: someone is listening; `solo`: never to share a step; the next three as in `Model.begin`.

    so_far: when it is begun again, what was ordered for it. All in one, so that no step is spent on half of it.
    """

    id: int
    live: bool
    solo: bool
    options: DecodeOptions
    stable: tuple[Word, ...]
    carry: str | None
    so_far: tuple[Push | Finish, ...]


class Cancel(Message, frozen=True):
    id: int


class ChatAudio(Message, frozen=True, gc=False):
    """The next samples of a chat's clips, which come one after the other and before its BeginChat. As in Push."""

    id: int
    samples: bytes


class BeginChat(Message, frozen=True):
    """`solo`: never to share a step; `stop`: texts before which the answer ends."""

    id: int
    solo: bool
    conversation: Conversation
    stop: tuple[str, ...]


class Measure(Message, frozen=True):
    """Decode the clip over and over for a while, as many at once as a step takes. Comes before any Begin."""

    clip: str


Order = Load | Measure | Begin | Push | Finish | ChatAudio | BeginChat | Cancel


# -- reports: from the worker ---------------------------------------------------------------------------------------


class Loaded(Message, frozen=True):
    card: ModelCard


class LoadFailed(Message, frozen=True):
    message: str


class Measured(Message, frozen=True):
    """Utterances of the clip decoded per second."""

    rate: float


class Started(Message, frozen=True):
    """A step has begun on these utterances or chats; it ends in one Stepped or Chatted, or in a Failed or further
    Starteds."""

    ids: list[int]


class Stepped(Message, frozen=True):
    """What a step made of each utterance. `started` and `ended` are time.monotonic(), which all processes share.
    rung: what the worker has to give up to keep up."""

    hypotheses: list[tuple[int, Hypothesis]]
    started: float
    ended: float
    rung: Rung = Rung.KEEPING_UP


class Failed(Message, frozen=True):
    """The model raised for this utterance or chat alone, and the worker, which has logged why, has dropped it."""

    id: int


class Chatted(Message, frozen=True):
    """What a step did for each chat; after one that ends a chat, the worker has dropped it. Times as in Stepped."""

    deltas: list[tuple[int, Delta]]
    started: float
    ended: float


class ChatRefused(Message, frozen=True):
    """The model can't take this conversation, and clients may know why."""

    id: int
    message: str


class Heard(Message, frozen=True):
    """Utterances with nothing worth a step, and how many samples of each the model has taken. rung: as in Stepped."""

    heard: list[tuple[int, int]]
    rung: Rung = Rung.KEEPING_UP


Report = Loaded | LoadFailed | Measured | Started | Stepped | Chatted | ChatRefused | Failed | Heard

_encode = msgspec.msgpack.Encoder().encode
decode_order = msgspec.msgpack.Decoder(Order).decode
decode_report = msgspec.msgpack.Decoder(Report).decode


def frame(message: Message) -> bytes:
    """The message as it goes over a pipe: its length, then itself."""
    body = _encode(message)
    return HEADER.pack(len(body)) + body


def read_order(pipe: BinaryIO) -> Order | None:
    """The next order from a blocking pipe; None when its writer is gone."""
    header = pipe.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    (length,) = HEADER.unpack(header)
    body = pipe.read(length)
    return decode_order(body) if len(body) == length else None
