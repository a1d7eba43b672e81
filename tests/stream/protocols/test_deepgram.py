"""Every message of Deepgram's live protocol, right and wrong, without a session behind it; its client reads them."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from deepgram.core.unchecked_base_model import construct_type
from deepgram.listen.v1.socket_client import V1SocketClientResponse
from hypothesis import given
from hypothesis import strategies as st

from models.base import Word
from stream import events
from stream.audio import AudioFormat
from stream.errors import (
    BadMedia,
    BadRequest,
    ClientError,
    Draining,
    EngineFailed,
    StreamError,
    TimedOut,
    TooLarge,
    Unsupported,
    UnsupportedMedia,
)
from stream.events import Limits, SessionOptions
from stream.protocols.base import Request
from stream.protocols.deepgram import FRAME_BYTES, DeepgramProtocol
from vad.endpointer import EndpointOptions

RAW = (("encoding", "linear16"), ("sample_rate", "16000"))
WORDS = (Word(" Hello,", 1600, 8000, 0.9), Word(" World!", 8000, 16_000, 0.8))
S = 16_000
ID = "42cf1a46-19fc-5e95-8828-e1a90b7b1e75"


def opened(*query: tuple[str, str], subprotocols: tuple[str, ...] = (), raw: bool = True) -> DeepgramProtocol:
    at = datetime(2026, 1, 2, 3, 4, 5, 600_000, UTC)
    request = Request("/v1/listen", (*(RAW if raw else ()), *query), subprotocols, {}, "a session", at)
    return DeepgramProtocol.open(request, Limits())


def ready(*query: tuple[str, str], **options: Any) -> DeepgramProtocol:
    protocol = opened(*query)
    assert protocol.start
    effective = protocol.start.options.merged({"model": "base", **options})
    event = events.Ready(
        session="s", token="t", model="base", options=effective, resume_window_s=0.0, limits=Limits()
    )  # fmt: skip
    assert protocol.send(event, None, 0.0) == []
    return protocol


def said(protocol: DeepgramProtocol, *told: events.Event) -> list[dict[str, Any]]:
    """What the events say; each message is of a type that the vendor's client knows."""
    messages = [json.loads(message) for event in told for message in protocol.send(event, None, 0.0)]
    for message in messages:
        read = construct_type(type_=V1SocketClientResponse, object_=message)
        assert isinstance(read, get_args(V1SocketClientResponse)), message
    return messages


def began(at: int = 1600, channel: int = 0, segment: int = 0) -> events.Event:
    return events.SpeechStarted(segment=segment, channel=channel, at=at)


def partial(words: tuple[Word, ...] = WORDS, channel: int = 0) -> events.Event:
    return events.Partial(
        segment=0, channel=channel, start=words[0].start, end=words[-1].end, words=words, stable=0, language="en", lag=0
    )  # fmt: skip


def ended(reason: Any = "endpoint", words: tuple[Word, ...] = WORDS, channel: int = 0) -> list[events.Event]:
    latency = events.Latency(endpoint=0, queue=0, decode=0, decoded_at=0)
    end = words[-1].end if words else 2 * S
    if words:
        last: events.Event = events.Final(
            segment=0, channel=channel, start=words[0].start, end=end, words=words, language="en", reason=reason,
            latency=latency,
        )  # fmt: skip
    else:
        last = events.Suppressed(segment=0, channel=channel, start=1600, end=end, reason="noise")
    return [events.SpeechEnded(segment=0, channel=channel, at=end, reason=reason), last]


def done() -> events.Event:
    none = events.Quantiles(p50=None, p95=None)
    return events.Done(
        received=0, audio=24_000, speech=0, segments=0, words=0, partial_latency=none, final_latency=none
    )  # fmt: skip


def replied(protocol: DeepgramProtocol, message: str) -> dict[str, Any]:
    [command] = protocol.receive(message)
    assert isinstance(command, events.Reply)
    [text] = command.messages
    assert isinstance(text, str)
    reply: dict[str, Any] = json.loads(text)
    return reply


# -- opening ------------------------------------------------------------------------------------------------------


def test_a_session_begins_with_the_handshake():
    assert opened().start == events.Start(
        SessionOptions(partials=False, words=True, lenient=True, endpointing=EndpointOptions(silence_ms=200))
    )


@pytest.mark.parametrize("offered", ["token", "bearer"])
def test_the_subprotocol_is_selected_and_never_the_key(offered: str):
    assert opened(subprotocols=(offered, "secret")).subprotocol == offered
    assert opened(subprotocols=("other",)).subprotocol is None


# -- audio --------------------------------------------------------------------------------------------------------


def test_samples_may_be_split_anywhere():
    protocol = opened()
    assert list(protocol.receive(b"a")) == []
    assert list(protocol.receive(b"bc")) == [events.Audio(b"ab")]
    assert list(protocol.receive(b"d")) == [events.Audio(b"cd")]


@given(st.lists(st.binary(min_size=1, max_size=40)), st.sampled_from(["linear16", "linear32", "mulaw"]))
def test_no_byte_is_lost_however_they_come(pieces: list[bytes], encoding: str):
    protocol = opened(
        ("encoding", encoding), ("sample_rate", "8000"), ("channels", "3"), ("multichannel", "1"), raw=False
    )
    assert protocol.start
    size = protocol.start.options.audio.sample_bytes
    payloads = [command.payload for each in pieces for command in protocol.receive(each)]  # type: ignore[union-attr]
    whole = b"".join(pieces)
    assert b"".join(payloads) == whole[: len(whole) // size * size]
    assert all(payload and len(payload) % size == 0 for payload in payloads)
    [metadata] = said(protocol, done())
    assert metadata["sha256"] == hashlib.sha256(whole).hexdigest()


def test_channels_are_mixed_unless_each_is_asked_for():
    stereo = b"\x00\x10\x00\x20"
    mixing = opened(("channels", "2"))
    assert mixing.start
    assert mixing.start.options.audio == AudioFormat()
    assert list(mixing.receive(stereo)) == [events.Audio(b"\x00\x18")]
    apart = opened(("channels", "2"), ("multichannel", "true"))
    assert list(apart.receive(stereo)) == [events.Audio(stereo)]


def test_a_container_is_handed_on_as_it_is():
    protocol = opened(raw=False)
    assert protocol.start
    assert protocol.start.options.container
    assert list(protocol.receive(b"Ogg")) == [events.Audio(b"Ogg")]


def test_a_frame_over_the_limit_ends_it():
    protocol = opened()
    assert protocol.receive(bytes(FRAME_BYTES))
    with pytest.raises(TooLarge) as caught:
        protocol.receive(bytes(FRAME_BYTES + 1))
    assert caught.value.fatal
    assert protocol.closing(caught.value)[0] == 1009


# -- other messages -----------------------------------------------------------------------------------------------


def test_commands():
    protocol = opened()
    assert list(protocol.receive('{"type": "KeepAlive"}')) == [events.KeepAlive()]
    assert list(protocol.receive('{"type": "Finalize"}')) == [events.Finalize()]
    assert list(protocol.receive('{"type": "Finalize", "channel": 0, "new": []}')) == [events.Finalize()]


@pytest.mark.parametrize("last", ['{"type": "CloseStream"}', b""])
def test_nothing_counts_after_the_close(last: str | bytes):
    protocol = opened()
    assert list(protocol.receive(last)) == [events.Stop()]
    assert [*protocol.receive(b"ab"), *protocol.receive("{"), *protocol.receive(b"")] == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("hello", "JSON"),
        ("[1]", "object"),
        ('{"type": "Sing"}', "Sing"),
        ('{"kind": "KeepAlive"}', "type"),
        ('{"type": "Configure", "keyterms": "Ada"}', "keyterms"),
        ('{"type": "Configure", "features": {"numerals": 1}}', "features"),
        ("[" * 5000, ""),
        ('"' + "x" * 9000 + '"', "limit"),
    ],
)
def test_a_wrong_text_comes_back_with_what_is_wrong(text: str, why: str):
    protocol = opened()
    reply = replied(protocol, text)
    assert (reply["type"], reply["variant"], reply["message"]) == ("Error", "SchemaError", text[:1000])
    assert why in reply["description"]
    assert list(protocol.receive(b"ab")) == [events.Audio(b"ab")]


@given(st.lists(st.one_of(st.text(max_size=60), st.binary(max_size=9)), max_size=4), st.booleans())
def test_no_message_raises_anything_but_a_client_error(messages: list[str | bytes], raw: bool):
    protocol = opened(raw=raw)
    for message in messages:
        try:
            commands = protocol.receive(message)
        except ClientError:
            continue
        assert all(isinstance(command, events.Command) for command in commands)


keys = st.sampled_from(["type", "keyterms", "features", "channel"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["Configure", "Finalize", "KeepAlive", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(keys, values), st.sampled_from(["Configure", "Finalize", "CloseStream", "Other"]))
def test_no_json_raises(message: dict[str, Any], kind: str):
    assert all(isinstance(each, events.Command) for each in opened().receive(json.dumps(message | {"type": kind})))


# -- Configure ----------------------------------------------------------------------------------------------------


def test_keyterms_replace_each_other_and_are_confirmed_once_they_are_in_effect():
    protocol = ready(("keyterm", "Ada"))
    [command] = protocol.receive('{"type": "Configure", "keyterms": ["Bob", "Eve", "Bob"]}')
    assert command == events.Configure({"keywords": ("Bob", "Eve")})
    [success] = said(protocol, events.Configured(options=SessionOptions(keywords=("Bob", "Eve"))))
    assert success == {"type": "ConfigureSuccess", "request_id": ID, "keyterms": ["Bob", "Eve", "Bob"]}


def test_features_alone_are_confirmed_at_once():
    protocol = ready()
    reply = replied(protocol, '{"type": "Configure", "features": {"numerals": true, "punctuate": true}}')
    assert reply == {"type": "ConfigureSuccess", "request_id": ID}
    [result] = said(protocol, began(), partial())
    assert result["channel"]["alternatives"][0]["transcript"] == "Hello, World!"
    replied(protocol, '{"type": "Configure", "keyterms": null, "features": {"punctuate": false}}')
    [result, metadata] = said(protocol, partial(), done())
    assert result["channel"]["alternatives"][0]["transcript"] == "hello world"
    assert metadata["ignored"] == ["numerals"]


def test_each_configure_has_its_answer():
    protocol = ready()
    for terms in (["a"], ["b"], ["c"]):
        protocol.receive(json.dumps({"type": "Configure", "keyterms": terms}))
    first, second, third, error = said(
        protocol,
        events.Failed(error=Unsupported("it takes no `keywords`")),
        events.Configured(options=SessionOptions()),
        events.Failed(error=BadRequest("no")),
        events.Failed(error=BadRequest("something else")),
    )
    assert (first["type"], first["code"]) == ("ConfigureFailure", "CONFIGURE_KEYTERMS_NOT_SUPPORTED")
    assert second["keyterms"] == ["b"]
    assert third["code"] == "CONFIGURE_INTERNAL_ERROR"
    assert error["type"] == "Error"


# -- Results ------------------------------------------------------------------------------------------------------


def test_an_interim_result_has_all_that_clients_look_up():
    [result] = said(ready(("punctuate", "true")), began(), partial())
    assert result == {
        "type": "Results",
        "channel_index": [0, 1],
        "start": 0.0,
        "duration": 1.0,
        "is_final": False,
        "speech_final": False,
        "from_finalize": False,
        "channel": {
            "alternatives": [
                {
                    "transcript": "Hello, World!",
                    "confidence": 0.85,
                    "words": [
                        {"word": "hello", "start": 0.1, "end": 0.5, "confidence": 0.9, "punctuated_word": "Hello,"},
                        {"word": "world", "start": 0.5, "end": 1.0, "confidence": 0.8, "punctuated_word": "World!"},
                    ],
                }
            ]
        },
        "metadata": {
            "request_id": ID,
            "model_uuid": result["metadata"]["model_uuid"],
            "model_info": {"name": "base", "version": "", "arch": ""},
        },
    }


def test_text_is_bare_unless_formatting_is_asked_for():
    [plain] = said(ready(), began(), partial())
    alternative = plain["channel"]["alternatives"][0]
    assert alternative["transcript"] == "hello world"
    assert "punctuated_word" not in alternative["words"][0]


def test_a_confidence_that_is_not_known_is_null_and_silence_has_none():
    protocol = ready()
    interim, final = said(protocol, began(), partial((Word(" Hm", 1600, 8000),)), *ended(words=()))
    alternative = interim["channel"]["alternatives"][0]
    assert (alternative["confidence"], alternative["words"][0]["confidence"]) == (None, None)
    assert final["channel"]["alternatives"] == [{"transcript": "", "confidence": 0.0, "words": []}]


@pytest.mark.parametrize(
    ("reason", "speech_final", "from_finalize"),
    [("endpoint", True, False), ("max_length", False, False), ("finalize", True, True), ("stop", True, False)],
)
@pytest.mark.parametrize("words", [WORDS, ()], ids=["words", "nothing"])
def test_why_a_final_is_one(reason: str, speech_final: bool, from_finalize: bool, words: tuple[Word, ...]):
    [result] = said(ready(), began(), *ended(reason, words))
    assert result["is_final"]
    assert (result["speech_final"], result["from_finalize"]) == (speech_final, from_finalize)


def test_slices_share_their_start_and_never_overlap():
    protocol = ready()
    later = tuple(word.moved(word.start + 3 * S, word.end + 3 * S) for word in WORDS)
    told = said(protocol, began(), partial(WORDS[:1]), partial(), *ended())
    told += said(protocol, began(3 * S + 1600), partial(later), *ended("endpoint", later))
    assert [each["start"] for each in told] == [0.0, 0.0, 0.0, 2.8, 2.8]
    assert [each["duration"] for each in told] == [0.5, 1.0, 1.0, 1.2, 1.2]
    close = said(protocol, began(4 * S + 100), partial(later))
    assert close[0]["start"] == 4.0, "what was said is said"


def test_languages_are_told_where_they_may_mix():
    assert "languages" not in said(ready(), began(), partial())[0]["channel"]["alternatives"][0]
    [result] = said(ready(("language", "multi")), began(), partial())
    assert result["channel"]["alternatives"][0]["languages"] == ["en"]


def test_each_channel_has_its_results():
    protocol = ready(("channels", "2"), ("multichannel", "true"), ("vad_events", "true"))
    told = said(protocol, began(channel=1), partial(channel=1), *ended(channel=1))
    assert told[0] == {"type": "SpeechStarted", "channel": [1, 2], "timestamp": 0.1}
    assert [each["channel_index"] for each in told[1:]] == [[1, 2]] * 2


def test_speech_is_announced_only_if_asked_for():
    assert said(ready(), began()) == []
    assert said(ready(("vad_events", "true")), began()) == [
        {"type": "SpeechStarted", "channel": [0, 1], "timestamp": 0.1}
    ]


# -- Finalize -----------------------------------------------------------------------------------------------------


def finalized(at: int = 2 * S) -> events.Event:
    return events.Finalized(id=None, at=at)


def test_finalize_is_answered_once_by_what_it_ended():
    [result] = said(ready(), began(), *ended("finalize"), finalized())
    assert (result["from_finalize"], result["channel"]["alternatives"][0]["transcript"]) == (True, "hello world")


def test_finalize_is_answered_even_if_nothing_was_open():
    protocol = ready()
    result, again = said(protocol, finalized(), finalized(3 * S))
    assert (result["from_finalize"], result["is_final"], result["start"], result["duration"]) == (True, True, 0.0, 2.0)
    assert (again["start"], again["duration"]) == (2.0, 1.0)
    assert said(protocol, began(), *ended("finalize"), finalized())[-1]["from_finalize"]


def test_finalize_is_answered_on_every_channel():
    protocol = ready(("channels", "3"), ("multichannel", "true"))
    told = said(protocol, began(channel=1), *ended("finalize", channel=1), finalized())
    assert [each["channel_index"][0] for each in told] == [1, 0, 2]
    assert all(each["from_finalize"] for each in told)


def test_finalize_leaves_speech_that_began_since_alone():
    told = said(ready(), began(2 * S), finalized(), *ended("endpoint", (Word(" So", 2 * S, 3 * S, 0.5),)))
    assert [(each["start"], each["duration"]) for each in told] == [(0.0, 1.7), (1.7, 1.3)]


# -- UtteranceEnd -------------------------------------------------------------------------------------------------

GAP = ("utterance_end_ms", "1000")


def ack(at: int) -> events.Event:
    return events.Ack(received=at, durable=at)


def test_the_utterance_ends_when_no_word_has_come_for_long_enough():
    protocol = ready(GAP)
    assert len(said(protocol, ack(S), began(), partial(), ack(3 * S), *ended(), ack(2 * S - 1))) == 2
    assert said(protocol, ack(2 * S)) == [{"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": 1.0}]
    assert said(protocol, ack(4 * S), ack(6 * S)) == [], "once"


def test_it_ends_before_the_speech_that_follows():
    protocol = ready(GAP, ("vad_events", "true"))
    assert [each["type"] for each in said(protocol, began(), *ended(), began(2 * S))] == [
        "SpeechStarted", "Results", "UtteranceEnd", "SpeechStarted"
    ]  # fmt: skip


def test_it_goes_on_with_speech_that_follows_soon():
    protocol = ready(GAP)
    more = (Word(" More.", 2 * S, 3 * S, 0.5),)
    told = said(protocol, began(), *ended(), began(2 * S - 1), ack(3 * S), *ended("endpoint", more), ack(3 * S + 500))
    assert [each["type"] for each in told] == ["Results", "Results"]
    [end] = said(protocol, ack(4 * S))
    assert end["last_word_end"] == 3.0


def test_noise_is_no_word():
    protocol = ready(GAP)
    [*_, end] = said(protocol, began(), *ended(), began(2 * S - 1), *ended(words=()), ack(2 * S))
    assert (end["type"], end["last_word_end"]) == ("UtteranceEnd", 1.0)


def test_acks_count_in_the_clients_rate():
    protocol = opened(("encoding", "mulaw"), ("sample_rate", "8000"), GAP, raw=False)
    [_, end] = said(protocol, began(), *ended(), ack(16_000 - 1), ack(16_000))
    assert end["type"] == "UtteranceEnd"


def test_without_the_option_there_is_none():
    assert [each["type"] for each in said(ready(), began(), *ended(), ack(99 * S))] == ["Results"]


# -- all of it together -------------------------------------------------------------------------------------------

happenings = st.tuples(
    st.sampled_from(["speech", "noise", "quiet", "finalize"]),
    st.integers(1, 3 * S),
    st.integers(1, 3 * S),
    st.sampled_from(["endpoint", "max_length"]),
)


@given(st.lists(happenings, max_size=12))
def test_whatever_happens_slices_follow_each_other_and_every_finalize_and_word_is_told(happened: list[Any]):
    protocol = ready(GAP, ("vad_events", "true"), ("interim_results", "true"))
    position, told, finalizes, spoken = 0, [], 0, []
    for kind, pause, length, reason in happened:
        position += pause
        if kind in ("speech", "noise"):
            words = (Word(f" x{position}", position, position + length, 0.5),)
            told += said(protocol, began(position))
            if kind == "speech":
                told += said(protocol, partial(words))
                spoken.append(f"x{position}")
            told += said(protocol, *ended(reason, words)) if kind == "speech" else []
            position += length
            if kind == "noise":
                suppressed = events.Suppressed(
                    segment=0, channel=0, start=position - length, end=position, reason="noise"
                )
                told += said(protocol, suppressed)
        elif kind == "finalize":
            finalizes += 1
            told += said(protocol, finalized(position))
        told += said(protocol, ack(position))
    finals = [each for each in told if each["type"] == "Results" and each["is_final"]]
    ends = [0.0, *(each["start"] + each["duration"] for each in finals)]
    assert all(each["start"] >= end - 0.0015 for each, end in zip(finals, ends, strict=False)), "but for rounding"
    transcripts = [each["channel"]["alternatives"][0]["transcript"] for each in finals]
    assert [text for text in transcripts if text] == spoken
    assert sum(each["from_finalize"] for each in finals) == finalizes
    last_words = [each["last_word_end"] for each in told if each["type"] == "UtteranceEnd"]
    assert len(set(last_words)) == len(last_words) <= len(spoken)


# -- the end ------------------------------------------------------------------------------------------------------


def test_metadata_tells_what_was_done():
    protocol = ready(
        ("tag", "t1"), ("tag", "t2"), ("diarize", "true"), ("endpointing", "300"), ("keyterm", "Ada"), keywords=()
    )
    protocol.receive(b"abc")
    [metadata] = said(protocol, done())
    uuid = metadata["models"][0]
    assert metadata == {
        "type": "Metadata",
        "transaction_key": "deprecated",
        "request_id": ID,
        "sha256": hashlib.sha256(b"abc").hexdigest(),
        "created": "2026-01-02T03:04:05.600000Z",
        "duration": 1.5,
        "channels": 1,
        "models": [uuid],
        "model_info": {uuid: {"name": "base", "version": "", "arch": ""}},
        "tags": ["t1", "t2"],
        "endpointing": 300,
        "ignored": ["diarize", "keyterm"],
    }


@pytest.mark.parametrize(
    ("error", "closing"),
    [
        (None, (1000, "")),
        (TimedOut("no message"), (1011, "NET-0001")),
        (BadMedia("damaged"), (1008, "DATA-0000")),
        (UnsupportedMedia("no audio"), (1008, "DATA-0000")),
        (BadRequest("wrong"), (1008, "bad_request")),
        (EngineFailed("ours"), (1011, "engine_failed")),
        (Draining("bye"), (1012, "draining")),
    ],
)
def test_how_it_closes(error: StreamError | None, closing: tuple[int, str]):
    assert opened().closing(error) == closing


def test_a_fatal_error_is_explained_first():
    [message] = said(opened(), events.Failed(error=BadMedia("it is damaged", hint="mend it", fatal=True)))
    assert message == {"type": "Error", "variant": "BAD_MEDIA", "description": "it is damaged: mend it"}


def test_nothing_else_is_ever_said():
    protocol = ready()
    for event in (
        events.Warned(code="behind", message="slow"),
        events.GoingAway(deadline_s=1.0),
        events.Accepted(),
        events.Cleared(),
        ack(9),
    ):
        assert protocol.send(event, None, 0.0) == []
    assert protocol.tick(1.0) == []


def test_what_is_ignored_is_logged_once_and_no_value_of_it(caplog: pytest.LogCaptureFixture):
    with caplog.at_level("INFO"):
        protocol = opened(("diarize", "true"), ("redact", "my name"), ("redact", "pci"))
        protocol.receive('{"type": "Configure", "features": {"diarize": true}}')
    [record] = caplog.records
    assert record.getMessage().endswith("not offered: diarize, redact")
