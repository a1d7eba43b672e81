"""Every message of the native protocol, right and wrong, without a session behind it."""

import json
import sys
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.base import Word
from stream import events
from stream.audio import AudioFormat
from stream.errors import BadAudio, BadRequest, ClientError, NotStarted, TooLarge, Unsupported
from stream.events import Limits, SessionOptions
from stream.protocols.base import Request
from stream.protocols.native import NativeProtocol
from vad import registry
from vad.endpointer import EndpointOptions


def opened(*query: tuple[str, str], subprotocols: tuple[str, ...] = ()) -> NativeProtocol:
    return NativeProtocol.open(Request("/v1/stream", query, subprotocols), Limits())


def started(**options: Any) -> NativeProtocol:
    protocol = opened()
    protocol.receive(json.dumps({"type": "start", **options}))
    return protocol


def said(protocol: NativeProtocol, event: events.Event, seq: int | None = None, now: float = 0.0) -> dict[str, Any]:
    [message] = protocol.send(event, seq, now)
    return json.loads(message)


# -- opening ----------------------------------------------------------------------------------------------------------


def test_start_without_options_is_the_defaults():
    assert list(opened().receive('{"type": "start"}')) == [events.Start(SessionOptions())]


def test_start_with_every_option():
    [start] = opened().receive(
        json.dumps(
            {
                "type": "start",
                "encoding": "mulaw",
                "sample_rate": 8000,
                "channels": 2,
                "model": "base",
                "language": ["en", "de"],
                "task": "translate",
                "prompt": "Steno",
                "keywords": ["refund"],
                "partials": False,
                "words": True,
                "endpointing": {"silence_ms": 800, "max_segment_s": 10},
                "mode": "file",
                "offset": 12_500,
            }
        )
    )
    assert start == events.Start(
        SessionOptions(
            audio=AudioFormat("mulaw", 8000, 2),
            model="base",
            languages=("en", "de"),
            task="translate",
            prompt="Steno",
            keywords=("refund",),
            partials=False,
            words=True,
            endpointing=EndpointOptions(silence_ms=800, max_segment_s=10),
            mode="file",
            offset=12_500,
        )
    )


def test_a_query_says_the_same_as_start():
    protocol = opened(
        ("sample_rate", "8000"),
        ("language", "en"),
        ("language", "de"),
        ("words", "true"),
        ("endpointing", '{"silence_ms": 800}'),
        ("offset", "12000"),
    )
    assert protocol.start == events.Start(
        SessionOptions(
            audio=AudioFormat(sample_rate=8000),
            languages=("en", "de"),
            words=True,
            endpointing=EndpointOptions(silence_ms=800),
            offset=12_000,
        )
    )


def test_endpointing_may_be_null():
    [start] = opened().receive('{"type": "start", "endpointing": null}')
    assert isinstance(start, events.Start)
    assert start.options.endpointing is None
    assert opened(("endpointing", "null")).start == start


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ([("sample_rate", "16k")], "sample_rate"),
        ([("sample_rate", "7999")], "sample_rate"),
        ([("colour", "red")], "colour"),
        ([("model", "a"), ("model", "b")], "model"),
        ([("endpointing", "{")], "endpointing"),
        ([("endpointing", '{"silence": 5}')], "silence"),
        ([("words", "perhaps")], "words"),
    ],
)
def test_a_wrong_query_is_refused_by_name(query: list[tuple[str, str]], named: str):
    with pytest.raises(BadRequest, match=named):
        opened(*query)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"encoding": "mp3"}, "encoding"),
        ({"sample_rate": 96_000}, "sample_rate"),
        ({"channels": 9}, "channels"),
        ({"channels": 1.5}, "channels"),
        ({"words": "yes"}, "words"),
        ({"volume": 11}, "volume"),
        ({"endpointing": {"silence_ms": -1}}, "silence_ms"),
        ({"endpointing": {"hush": 1}}, "hush"),
        ({"endpointing": {"vad": "crystal ball"}}, "vad"),
        ({"offset": -1}, "offset"),
        ({"offset": 1.5}, "offset"),
        ({"mode": "fast"}, "mode"),
    ],
)
def test_every_error_in_start_is_fatal_and_names_the_option(options: dict[str, Any], named: str):
    with pytest.raises(BadRequest, match=named) as caught:
        opened().receive(json.dumps({"type": "start", **options}))
    assert caught.value.fatal


def test_a_detector_that_is_not_installed_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch):
    registry.load.cache_clear()
    monkeypatch.setitem(sys.modules, "vad.silero", None)
    with pytest.raises(BadRequest, match="in `start`: vad 'silero' needs the extra `silero` on the server") as caught:
        opened().receive('{"type": "start", "endpointing": {"vad": "silero"}}')
    assert caught.value.fatal


def test_subprotocol_is_selected_when_offered():
    assert opened(subprotocols=("other", "steno.v1")).subprotocol == "steno.v1"
    assert opened(subprotocols=("other",)).subprotocol is None


# -- messages that are wrong ------------------------------------------------------------------------------------------


def test_a_second_start_is_not_fatal():
    for protocol in (started(), opened(("words", "true"))):
        with pytest.raises(BadRequest, match="second") as caught:
            protocol.receive('{"type": "start", "channels": 2}')
        assert not caught.value.fatal
        assert list(protocol.receive(b"\0\0")) == [events.Audio(b"\0\0")]


def test_audio_before_start_is_not_accepted():
    protocol = opened()
    with pytest.raises(NotStarted):
        protocol.receive(b"\0\0")
    [command] = protocol.receive('{"type": "start"}')
    assert isinstance(command, events.Start)


@pytest.mark.parametrize(
    ("payload", "error"),
    [(b"", BadAudio), (b"\0" * 3, BadAudio), (b"\0" * 6, BadAudio), (b"\0" * 65_540, TooLarge)],
)
def test_wrong_frames_are_dropped_whole(payload: bytes, error: type[ClientError]):
    protocol = started(channels=2)
    with pytest.raises(error) as caught:
        protocol.receive(payload)
    assert not caught.value.fatal
    assert list(protocol.receive(b"\0" * 8)) == [events.Audio(b"\0" * 8)]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("hello", "not JSON"),
        ("[1]", "object"),
        ('{"type": "sing"}', "sing"),
        ('{"kind": "stop"}', "type"),
        ('{"type": "stop", "now": true}', "now"),
        ('{"type": "finalize", "id": 7}', "id"),
        ('{"type": "configure", "sample_rate": 8000}', "sample_rate"),
        ('{"type": "configure", "words": 1}', "words"),
        ("[" * 5000, "object"),
    ],
)
def test_wrong_texts_name_what_is_wrong_and_are_not_fatal(text: str, named: str):
    with pytest.raises(BadRequest, match=named) as caught:
        started().receive(text)
    assert not caught.value.fatal


def test_text_over_its_limit_counts_bytes():
    with pytest.raises(TooLarge):
        started().receive(json.dumps({"type": "finalize", "id": "ü" * 4096}, ensure_ascii=False))


def test_resume_is_refused_for_good():
    with pytest.raises(Unsupported) as caught:
        opened().receive('{"type": "resume", "session": "s", "token": "t", "last_seq": 3}')
    assert caught.value.fatal


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=60), st.binary(max_size=9)), st.booleans())
def test_no_message_raises_anything_but_a_client_error(message: str | bytes, running: bool):
    protocol = started() if running else opened()
    with suppress(ClientError):
        assert protocol.receive(message)


# -- other commands ---------------------------------------------------------------------------------------------------


def test_commands():
    protocol = started()
    assert list(protocol.receive('{"type": "finalize", "id": "a"}')) == [events.Finalize("a")]
    assert list(protocol.receive('{"type": "finalize"}')) == [events.Finalize(None)]
    assert list(protocol.receive('{"type": "keepalive"}')) == [events.KeepAlive()]
    assert list(protocol.receive('{"type": "stop"}')) == [events.Stop()]


def test_configure_changes_just_what_it_names():
    [command] = started().receive('{"type": "configure", "language": "de", "endpointing": {"silence_ms": 900}}')
    assert isinstance(command, events.Configure)
    before = SessionOptions(prompt="kept", endpointing=EndpointOptions(preroll_ms=200))
    after = before.merged(command.changes)
    assert after.languages == ("de",)
    assert after.prompt == "kept"
    assert after.endpointing == EndpointOptions(preroll_ms=200, silence_ms=900)


# -- events -----------------------------------------------------------------------------------------------------------

WORDS = (Word(" Hello", 1600, 8000, 0.9), Word(" world.", 8000, 16_000, 0.8))


def final(words: tuple[Word, ...]) -> events.Final:
    return events.Final(
        segment=3,
        channel=1,
        start=1600,
        end=16_000,
        words=words,
        language="en",
        reason="endpoint",
        latency=events.Latency(endpoint=500.0, queue=20.04, decode=100.0, decoded_at=7.0),
    )


def test_a_final():
    assert said(started(offset=32_000), final(WORDS), seq=9, now=7.005) == {
        "type": "final",
        "seq": 9,
        "segment": 3,
        "channel": 1,
        "start": 2.1,
        "end": 3.0,
        "text": "Hello world.",
        "language": "en",
        "confidence": 0.85,
        "reason": "endpoint",
        "latency": {"endpoint": 500.0, "queue": 20.0, "decode": 100.0, "send": 5.0, "total": 625.0},
    }


def test_words_are_put_in_where_they_are_asked_for():
    message = said(started(words=True), final(WORDS))
    assert message["words"][1] == {"text": "world.", "start": 0.5, "end": 1.0, "confidence": 0.8}
    without = said(started(words=True), final((Word(" Hm", 1600, 8000),)))
    assert without["confidence"] is None
    assert without["words"][0]["confidence"] is None


def test_a_segment_keeps_the_words_it_began_with():
    protocol = started(words=False)
    said(protocol, events.SpeechStarted(segment=3, channel=1, at=0), seq=1)
    said(protocol, events.Configured(options=SessionOptions(words=True)), seq=2)
    assert "words" not in said(protocol, final(WORDS), seq=3)
    said(protocol, events.SpeechStarted(segment=4, channel=1, at=0), seq=4)
    assert "words" in said(protocol, replace(final(WORDS), segment=4), seq=5)


def test_stable_counts_code_points_without_the_punctuation_behind():
    partial = events.Partial(segment=0, channel=0, start=0, end=99, words=WORDS, stable=2, language=None, lag=8000)
    message = said(started(words=True), partial)
    assert message["text"][: message["stable"]] == "Hello world"
    assert message["lag_ms"] == 500
    assert [word["stable"] for word in message["words"]] == [True, True]


def test_watermarks_count_from_the_offset_at_the_clients_rate():
    protocol = started(sample_rate=8000, offset=12_000)
    assert said(protocol, events.Ack(received=800, durable=80)) == {
        "type": "ack",
        "received": 12_800,
        "durable": 12_080,
    }
    assert said(protocol, events.Finalized(id=None, at=800), seq=1)["at"] == 12_800


def test_errors_say_what_to_do():
    message = said(started(), events.Failed(error=BadAudio("an odd frame", hint="send whole samples")))
    assert message == {
        "type": "error",
        "code": "bad_audio",
        "message": "an odd frame",
        "hint": "send whole samples",
        "fatal": False,
    }


def test_ready_and_configured_tell_the_effective_options():
    protocol = opened()
    options = SessionOptions(model="base", languages=("en",), endpointing=EndpointOptions(silence_ms=700))
    ready = events.Ready(session="s", token="t", model="base", options=options, resume_window_s=0.0, limits=Limits())
    message = said(protocol, ready)
    assert (message["protocol"], message["resume_window_s"], message["limits"]["ahead_s"]) == (1, 0.0, 10.0)
    assert message["options"] == {
        "encoding": "pcm_s16le",
        "sample_rate": 16_000,
        "channels": 1,
        "model": "base",
        "language": "en",
        "task": "transcribe",
        "prompt": None,
        "keywords": [],
        "partials": True,
        "words": False,
        "endpointing": {
            "silence_ms": 700,
            "min_speech_ms": 64,
            "preroll_ms": 300,
            "max_segment_s": 20.0,
            "vad": "webrtc",
        },
        "mode": "live",
        "offset": 0,
    }
    configured = said(protocol, events.Configured(options=options), seq=4)
    assert configured == {"type": "configured", "seq": 4, **message["options"]}
