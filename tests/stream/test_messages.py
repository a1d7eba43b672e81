"""stream/messages.py"""

import io

import pytest

from models.base import DecodeOptions, Hypothesis, ModelCard, Word
from models.registry import ModelSpec
from stream.messages import (
    HEADER,
    Begin,
    Cancel,
    Failed,
    Finish,
    Heard,
    Load,
    Loaded,
    LoadFailed,
    Push,
    Started,
    Stepped,
    decode_report,
    frame,
    read_order,
)

WORDS = (Word(" né", 0, 1600, None), Word(" so", 1600, 3200, 0.5))
ORDERS = [
    Load(ModelSpec(name="base", kind="whisper", path="/models/base"), "clip.flac"),
    Begin(
        3,
        live=True,
        solo=False,
        options=DecodeOptions(languages=("de",), keywords=("Steno",), prompt="p"),
        stable=WORDS,
        carry="c",
        so_far=(Push(3, b"\0\1", True), Finish(3, 1)),
    ),
    Push(3, bytes(range(256)), False),
    Finish(3, 320_000),
    Cancel(3),
]
REPORTS = [
    Loaded(ModelCard(kind="whisper", languages=("de", "en"), max_batch=8, capacity=None)),
    LoadFailed("OSError: model.bin"),
    Started([1, 2]),
    Stepped([(1, Hypothesis(words=WORDS, agreed=1, covers=3200, language="de"))], 1.5, 2.25),
    Failed(1),
    Heard([(1, 1600)]),
]


def test_orders_cross_a_pipe_whole():
    pipe = io.BytesIO(b"".join(map(frame, ORDERS)))
    assert [read_order(pipe) for _ in ORDERS] == ORDERS
    assert read_order(pipe) is None


@pytest.mark.parametrize("report", REPORTS)
def test_reports_come_back_as_they_went(report):
    assert decode_report(frame(report)[HEADER.size :]) == report


def test_a_pipe_that_ends_within_an_order_has_ended():
    framed = frame(Cancel(3))
    assert [read_order(io.BytesIO(framed[:end])) for end in range(len(framed))] == [None] * len(framed)
