"""Every message of Vosk's protocol, and that each frame has its one answer, without a session behind it."""

import json
import logging
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.base import Word
from stream import events
from stream.audio import AudioFormat
from stream.errors import BadRequest, ClientError, Draining, TooLarge, UnknownModel, Unsupported
from stream.events import Audio, Configure, Limits, SessionOptions
from stream.protocols.base import Request
from stream.protocols.vosk import MESSAGE_BYTES, VoskProtocol
from tests.stream.protocols.test_passage import LATENCY, partial

ACCEPTED = events.Accepted()
FINALIZED = events.Finalized(id=None, at=0)
QUANTILES = events.Quantiles(p50=None, p95=None)
DONE = events.Done(
    received=0, audio=0, speech=0, segments=0, words=0, partial_latency=QUANTILES, final_latency=QUANTILES
)  # fmt: skip


def opened(**config: Any) -> VoskProtocol:
    protocol = VoskProtocol.open(Request("/vosk"), Limits())
    if config:
        protocol.receive(json.dumps({"config": config}))
    return protocol


def final(*words: Word) -> events.Final:
    return events.Final(
        segment=0, channel=0, start=0, end=9000, words=words, language="en", reason="endpoint", latency=LATENCY
    )


HELLO = final(Word(" Hello,", 1600, 8000, 0.9), Word(" World!", 8000, 16_000))
BYE = final(Word(" Bye.", 32_000, 36_000, 0.8))


def said(protocol: VoskProtocol, *told: events.Event) -> list[dict[str, Any]]:
    return [json.loads(message) for event in told for message in protocol.send(event, None, 0.0)]


# -- messages ---------------------------------------------------------------------------------------------------------


def test_a_session_begins_at_the_handshake_with_8000_hz():
    assert opened().start == events.Start(SessionOptions(audio=AudioFormat(sample_rate=8000)))


def test_a_config_has_no_answer_and_changes_what_it_names():
    commands = opened().receive(
        '{"config": {"sample_rate": 16000.0, "words": 1, "phrase_list": ["ada", "[unk]"], "model": "base", "x": 1}}'
    )
    assert list(commands) == [
        Configure({"model": "base"}),
        Configure({"audio": AudioFormat()}),
        Configure({"keywords": ("ada",)}),
    ]
    assert said(opened(), events.Configured(options=SessionOptions())) == []
    assert list(opened().receive('{"config": {}}')) == []
    assert list(opened().receive('{"config": {"sample_rate": "16000"}}')) == [Configure({"audio": AudioFormat()})]


def test_a_config_behind_the_first_audio_changes_nothing(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    protocol = opened()
    protocol.receive(b"\0\0")
    assert list(protocol.receive('{"config": {"sample_rate": 16000}}')) == []
    assert "config" in caplog.text


def test_every_frame_is_audio_even_one_without_a_sample():
    protocol = opened()
    frames = (b"\1\2\3", b"", b"\4", b"\5\6")
    assert [list(protocol.receive(frame)) for frame in frames] == [
        [Audio(b"\1\2")], [Audio(b"")], [Audio(b"\3\4")], [Audio(b"\5\6")]
    ]  # fmt: skip


@pytest.mark.parametrize("text", ['{"eof" : 1}', '{"eof":true}', '{ "eof":1, "x": 2 }'])
def test_eof_stops(text: str):
    assert list(opened().receive(text)) == [events.Stop()]


def test_reset_finalizes():
    assert list(opened().receive('{"reset" : 1}')) == [events.Finalize()]


@pytest.mark.parametrize(
    "message",
    [
        "", "hello", "[1]", "{}", '{"eof":0}', '{"config":7}', '{"config":{"sample_rate":"fast"}}',
        '{"config":{"sample_rate":7999}}', '{"config":{"sample_rate":1e300}}', '{"config":{"phrase_list":"ada"}}',
        "[" * 5000,
    ],
)  # fmt: skip
def test_what_is_wrong_ends_the_session(message: str):
    """An error that left it open would be read as the answer to a frame."""
    with pytest.raises(BadRequest) as caught:
        opened().receive(message)
    assert caught.value.fatal


@pytest.mark.parametrize("message", [bytes(MESSAGE_BYTES + 1), "x" * (MESSAGE_BYTES + 1)])
def test_a_message_over_the_limit_ends_the_session(message: str | bytes):
    with pytest.raises(TooLarge) as caught:
        opened().receive(message)
    assert caught.value.fatal


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.text(max_size=60), st.binary(max_size=9)), max_size=4))
def test_no_message_raises_anything_but_a_client_error(messages: list[str | bytes]):
    protocol = opened()
    for message in messages:
        with suppress(ClientError):
            protocol.receive(message)


# -- answers ----------------------------------------------------------------------------------------------------------


def test_a_frame_is_answered_with_what_is_known_of_the_utterance():
    protocol = opened()
    told = said(protocol, ACCEPTED, partial(" Hello,", " World", stable=1), ACCEPTED, ACCEPTED)
    assert told == [{"partial": ""}, {"partial": "hello world"}, {"partial": "hello world"}]


def test_the_frame_behind_its_end_is_answered_with_the_utterance():
    protocol = opened()
    told = said(protocol, partial(" Hello,", stable=0), ACCEPTED, HELLO, ACCEPTED, ACCEPTED)
    assert told == [
        {"partial": "hello"},
        {
            "result": [
                {"conf": 0.9, "start": 0.1, "end": 0.5, "word": "hello"},
                {"conf": None, "start": 0.5, "end": 1.0, "word": "world"},
            ],
            "text": "hello world",
        },
        {"partial": ""},
    ]


def test_of_several_utterances_each_answers_a_frame_in_order():
    told = said(opened(), HELLO, BYE, partial(" And", stable=1), ACCEPTED, ACCEPTED, ACCEPTED)
    assert [message.get("text", message.get("partial")) for message in told] == ["hello world", "bye", "and"]


def test_what_came_to_nothing_is_no_longer_shown():
    rejected = events.Suppressed(segment=0, channel=0, start=0, end=9, reason="noise")
    assert said(opened(), partial(" Hm", stable=0), rejected, ACCEPTED) == [{"partial": ""}]


def test_nothing_is_said_on_its_own():
    protocol = opened()
    assert (
        said(
            protocol,
            partial(" Hello,", stable=0),
            HELLO,
            events.Ack(received=1, durable=1),
            events.Warned(code="behind", message="behind"),
            events.GoingAway(deadline_s=1.0),
        )
        == []
    )
    assert protocol.tick(9.0) == []


@pytest.mark.parametrize("last", [DONE, FINALIZED])
def test_the_last_result_has_all_that_no_frame_was_answered_with(last: events.Event):
    [told] = said(opened(), HELLO, BYE, last)
    assert told["text"] == "hello world bye"
    assert [word["word"] for word in told["result"]] == ["hello", "world", "bye"]


def test_the_last_result_may_be_empty():
    assert said(opened(), DONE) == [{"text": ""}]


def test_a_reset_leaves_nothing_behind():
    told = said(opened(), HELLO, FINALIZED, ACCEPTED, BYE, DONE)
    assert [message.get("text", message.get("partial")) for message in told] == ["hello world", "", "bye"]


def test_words_may_be_left_out():
    assert said(opened(words=0), BYE, ACCEPTED) == [{"text": "bye"}]


def test_alternatives():
    [told] = said(opened(max_alternatives=3), HELLO, ACCEPTED)
    assert told == {
        "alternatives": [
            {
                "confidence": 0.9,
                "text": "hello world",
                "result": [{"word": "hello", "start": 0.1, "end": 0.5}, {"word": "world", "start": 0.5, "end": 1.0}],
            }
        ]
    }
    assert said(opened(max_alternatives=1), DONE) == [{"alternatives": [{"confidence": None, "text": ""}]}]


@pytest.mark.parametrize(
    ("word", "text"),
    [(" Hello,", "hello"), (' "Don\'t!"', "don't"), (" ¿Qué?", "qué"), (" 3.5", "3.5"), ("…", ""), ("你好。", "你好")],
)
def test_words_are_in_lower_case_without_punctuation(word: str, text: str):
    [told] = said(opened(), final(Word(word, 0, 10)), ACCEPTED)
    assert told["text"] == text
    assert [each["word"] for each in told.get("result", [])] == [text] * bool(text)


# -- errors -----------------------------------------------------------------------------------------------------------


def test_phrases_that_the_model_takes_none_of_are_ignored(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    protocol = opened(phrase_list=["ada"])
    assert said(protocol, events.Failed(error=Unsupported("model `x` takes no `keywords`"))) == []
    assert "phrase_list" in caplog.text
    assert list(protocol.receive(b"\0\0")) == [Audio(b"\0\0")]


def test_a_model_that_is_not_there_ends_the_session():
    protocol = opened(model="nobody")
    assert said(protocol, events.Failed(error=UnknownModel("no model `nobody`"))) == []
    with pytest.raises(BadRequest, match="nobody") as caught:
        protocol.receive(b"\0\0")
    assert caught.value.fatal


def test_a_fatal_error_comes_behind_what_was_heard():
    protocol = opened()
    error = Draining("the server is shutting down", fatal=True)
    told = said(protocol, HELLO, events.Failed(error=error))
    assert [told[0]["text"], told[1]] == ["hello world", {"error": "the server is shutting down"}]
    assert protocol.closing(error) == (1012, "draining")
    assert protocol.closing(None) == (1000, "done")


def test_what_comes_behind_eof_is_not_answered():
    protocol = opened()
    protocol.receive('{"eof" : 1}')
    assert said(protocol, events.Failed(error=BadRequest("nothing is taken after `stop`"))) == []
    assert list(protocol.receive(b"\0\0")) == [Audio(b"\0\0")]
    assert said(protocol, DONE) == [{"text": ""}]
