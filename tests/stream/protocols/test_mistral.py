"""Every message of Mistral's realtime dialect, as their client sends and parses it, without a session behind it."""

import base64
import json
import logging
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mistralai.client.models import (
    AudioFormat as TheirFormat,
)
from mistralai.client.models import (
    RealtimeTranscriptionInputAudioAppend,
    RealtimeTranscriptionInputAudioEnd,
    RealtimeTranscriptionInputAudioFlush,
    RealtimeTranscriptionSessionUpdateMessage,
    RealtimeTranscriptionSessionUpdatePayload,
)
from mistralai.extra.realtime.connection import UnknownRealtimeEvent, parse_realtime_event

from stream import events
from stream.audio import AudioFormat
from stream.errors import BadAudio, BadRequest, ClientError, Draining, Overloaded, TooLarge, Unsupported
from stream.events import Configure, Limits, SessionOptions
from stream.protocols.base import Request
from stream.protocols.mistral import DONE_DELAY_S, RECEIVED_BYTES, MistralProtocol
from tests.stream.protocols.test_passage import final, partial

FLUSH = RealtimeTranscriptionInputAudioFlush().model_dump_json()
END = RealtimeTranscriptionInputAudioEnd().model_dump_json()
READY = events.Ready(
    session="s1", token="t", model="base", options=SessionOptions(model="base"), resume_window_s=0.0, limits=Limits()
)  # fmt: skip


def opened(*subprotocols: str, **query: str) -> MistralProtocol:
    request = Request("/v1/audio/transcriptions/realtime", tuple(query.items()), subprotocols)
    return MistralProtocol.open(request, Limits())


def append(payload: bytes) -> str:
    return RealtimeTranscriptionInputAudioAppend(audio=base64.b64encode(payload).decode()).model_dump_json()


def update(**session: Any) -> str:
    """As their client's `update_session` writes it."""
    payload = RealtimeTranscriptionSessionUpdatePayload.model_validate(session)
    return RealtimeTranscriptionSessionUpdateMessage(session=payload).model_dump_json()


def said(protocol: MistralProtocol, *told: events.Event, now: float = 0.0) -> list[dict[str, Any]]:
    """What the events become; all of it is what their client knows."""
    messages = [json.loads(message) for event in told for message in protocol.send(event, None, now)]
    for message in messages:
        assert not isinstance(parse_realtime_event(message), UnknownRealtimeEvent), message
    return messages


def kinds(messages: list[dict[str, Any]]) -> list[str]:
    return [message["type"] for message in messages]


def changed(protocol: MistralProtocol, text: str, options: SessionOptions | None = None) -> SessionOptions:
    """The options once a session has done what an update asks; READY is the state before."""
    options = options or READY.options
    for command in protocol.receive(text):
        assert isinstance(command, Configure)
        options = options.merged(command.changes)
    return options


# -- opening ----------------------------------------------------------------------------------------------------------


def test_a_session_begins_at_the_handshake_with_the_model_that_is_named():
    assert opened(model="voxtral-mini-transcribe-realtime-2602").start == events.Start(
        SessionOptions(model="voxtral-mini-transcribe-realtime-2602")
    )
    assert opened(model="").start == opened().start == events.Start(SessionOptions())


def test_of_the_subprotocols_the_one_without_the_token_is_selected():
    assert opened("realtime", "rt_secret").subprotocol == "realtime"
    assert opened("rt_secret").subprotocol is None
    assert opened().subprotocol is None


def test_session_created_has_all_that_their_client_waits_for():
    [created] = said(opened(), READY)
    event = parse_realtime_event(created)
    assert (event.type, event.session.request_id, event.session.model) == ("session.created", "s1", "base")
    assert (event.session.audio_format.encoding, event.session.audio_format.sample_rate) == ("pcm_s16le", 16_000)
    assert event.session.turn_detection is None


# -- audio ------------------------------------------------------------------------------------------------------------


def test_audio_is_whole_samples_however_it_is_cut():
    protocol = opened()
    pieces = [protocol.receive(append(piece)) for piece in (b"\1", b"\2\3", b"\4", b"", b"\5\6")]
    assert pieces == [(), (events.Audio(b"\1\2"),), (events.Audio(b"\3\4"),), (), (events.Audio(b"\5\6"),)]


def test_a_message_holds_262144_bytes_at_most():
    protocol = opened()
    [audio] = protocol.receive(append(bytes(262_144)))
    assert isinstance(audio, events.Audio)
    assert len(audio.payload) == 262_144
    with pytest.raises(TooLarge) as caught:
        protocol.receive(append(bytes(262_146)))
    assert not caught.value.fatal
    with pytest.raises(TooLarge):
        protocol.receive(append(bytes(2_000_000)))
    assert protocol.receive(append(b"\0\0")) == (events.Audio(b"\0\0"),)


def test_a_message_of_megabytes_is_not_even_read():
    with pytest.raises(TooLarge):
        opened().receive(update(speaker_references={"Ada": "A" * 2_000_000}))


@pytest.mark.parametrize("audio", ['"A"', '"AAA"', '"AA A"', '"AA-_"', '"AA=A"', "7", "null", '["AAAA"]'])
def test_what_is_no_base64_is_an_error_and_the_session_goes_on(audio: str):
    protocol = opened()
    with pytest.raises(BadRequest) as caught:
        protocol.receive(f'{{"audio":{audio},"type":"input_audio.append"}}')
    assert not caught.value.fatal
    assert protocol.receive(append(b"\0\0")) == (events.Audio(b"\0\0"),)


def test_a_binary_frame_is_an_error():
    with pytest.raises(BadAudio):
        opened().receive(b"\0\0")


@pytest.mark.parametrize(
    "text", ["", "hello", "[1]", "{}", '{"type":"sing"}', '{"type":7}', '{"type":"session.update"}', "[" * 5000]
)
def test_other_messages_are_errors_that_are_not_fatal(text: str):
    with pytest.raises(BadRequest) as caught:
        opened().receive(text)
    assert not caught.value.fatal


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.text(max_size=60), st.binary(max_size=9), st.binary(max_size=9).map(append)), max_size=4))
def test_no_message_raises_anything_but_a_client_error(messages: list[str | bytes]):
    protocol = opened()
    for message in messages:
        with suppress(ClientError):
            protocol.receive(message)


# -- session.update ---------------------------------------------------------------------------------------------------


def test_an_update_changes_what_it_names():
    protocol = opened()
    options = changed(
        protocol,
        update(
            audio_format=TheirFormat(encoding="pcm_mulaw", sample_rate=8000),
            language="de",
            context_bias=["Ada", "Lovelace"],
            turn_detection={"min_silence_ms": 800},
        ),
    )
    assert options.audio == AudioFormat("mulaw", 8000)
    assert (options.languages, options.keywords) == (("de",), ("Ada", "Lovelace"))
    assert options.endpointing is not None
    assert options.endpointing.silence_ms == 800
    assert protocol.receive(append(b"\1")) == (events.Audio(b"\1"),)


@pytest.mark.parametrize(
    ("theirs", "ours", "size"),
    [
        ("pcm_s16le", "pcm_s16le", 2),
        ("pcm_s32le", "pcm_s32le", 4),
        ("pcm_f16le", "pcm_f16le", 2),
        ("pcm_f32le", "pcm_f32le", 4),
        ("pcm_mulaw", "mulaw", 1),
        ("pcm_alaw", "alaw", 1),
    ],
)
def test_encodings(theirs: str, ours: Any, size: int):
    protocol = opened()
    audio_format = TheirFormat(encoding=theirs, sample_rate=16_000)
    assert changed(protocol, update(audio_format=audio_format)).audio == AudioFormat(ours)
    assert protocol.receive(append(bytes(5))) == (events.Audio(bytes(5 // size * size)),)


def test_the_format_that_holds_anyway_is_no_change():
    [last] = opened().receive(update(audio_format=TheirFormat(encoding="pcm_s16le", sample_rate=16_000)))
    assert last == Configure({})


@pytest.mark.parametrize(("encoding", "rate"), [("opus", 16_000), ("pcm_s16le", 7_999), ("pcm_s16le", 48_001)])
def test_a_format_that_is_not_taken_ends_the_session(encoding: str, rate: int):
    wanted = {"encoding": encoding, "sample_rate": rate}
    with pytest.raises(BadRequest) as caught:
        opened().receive(json.dumps({"type": "session.update", "session": {"audio_format": wanted}}))
    assert caught.value.fatal


@pytest.mark.parametrize(("asked", "silence_ms"), [(0, 20), (-1, 20), (500, 500), (60_000, 10_000), (10**15, 10_000)])
def test_silence_is_brought_into_range(asked: int, silence_ms: int):
    options = changed(opened(), update(turn_detection={"min_silence_ms": asked}))
    assert options.endpointing is not None
    assert options.endpointing.silence_ms == silence_ms


def test_session_updated_comes_once_for_each_update_and_tells_what_holds():
    protocol = opened(model="base")
    said(protocol, READY)
    texts = (update(language="de", turn_detection={"min_silence_ms": 1}), '{"type":"session.update","session":{}}')
    commands = [protocol.receive(text) for text in texts]
    options, told = READY.options, []
    for command in (each for part in commands for each in part):
        assert isinstance(command, Configure)
        options = options.merged(command.changes)
        told += said(protocol, events.Configured(options=options))
    first, second = told
    assert first == second
    assert first["session"]["language"] == "de"
    assert first["session"]["turn_detection"] == {
        "min_silence_ms": 20, "start_threshold": None, "eager_end_threshold": None, "end_threshold": None,
        "end_timeout_ms": None,
    }  # fmt: skip


def test_null_turns_an_option_off_and_what_is_absent_stays():
    protocol = opened()
    before = SessionOptions(languages=("de",), keywords=("Ada",))
    text = '{"type":"session.update","session":{"language":null,"audio_format":null}}'
    after = changed(protocol, text, before)
    assert (after.languages, after.keywords, after.audio) == ((), ("Ada",), before.audio)


def test_an_update_behind_the_first_audio_is_an_error_with_an_int_for_a_code():
    protocol = opened()
    protocol.receive(append(b""))
    protocol.receive(update(language="en"))
    protocol.receive(append(b"\0"))
    with pytest.raises(BadRequest, match="before the first audio") as caught:
        protocol.receive(update(language="de"))
    assert not caught.value.fatal
    [error] = said(protocol, events.Failed(error=caught.value))
    assert parse_realtime_event(error).error.code == 400


def test_options_that_can_not_be_honoured_are_logged_once_and_no_errors(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    protocol = opened()
    asked = update(
        target_streaming_delay_ms=480,
        diarize=True,
        speaker_references={"Ada": "AAAA"},
        turn_detection={"end_timeout_ms": 900},
    )
    for _ in range(2):
        changed(protocol, asked)
    [line] = [record.getMessage() for record in caplog.records]
    for name in ("target_streaming_delay_ms", "diarize", "speaker_references", "turn_detection.end_timeout_ms"):
        assert name in line
    assert "AAAA" not in line
    assert said(protocol, READY)[0]["session"]["diarize"] is None


def test_values_of_what_is_ignored_are_not_looked_at():
    changed(opened(), '{"type":"session.update","session":{"diarize":"maybe","target_streaming_delay_ms":[],"x":1}}')


def test_context_bias_of_a_model_that_takes_no_keywords_is_ignored(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    protocol = opened()
    said(protocol, READY)
    keywords, last = protocol.receive(update(context_bias=["Ada"]))
    assert keywords == Configure({"keywords": ("Ada",)})
    assert said(protocol, events.Failed(error=Unsupported("takes no `keywords`"))) == []
    [updated] = said(protocol, events.Configured(options=READY.options))
    assert updated["session"]["context_bias"] == []
    assert "context_bias" in caplog.text
    assert "Ada" not in caplog.text
    assert last == Configure({})


def test_a_language_that_the_model_lacks_is_an_error_and_the_rest_of_the_update_holds():
    protocol = opened()
    said(protocol, READY)
    protocol.receive(update(language="xx"))
    assert kinds(said(protocol, events.Failed(error=Unsupported("no language `xx`")))) == ["error"]
    assert kinds(said(protocol, events.Configured(options=READY.options))) == ["session.updated"]


def test_audio_in_a_format_that_the_session_could_not_take_up_is_not_read_in_another():
    protocol = opened()
    protocol.receive(update(audio_format=TheirFormat(encoding="pcm_s32le", sample_rate=16_000)))
    assert kinds(said(protocol, events.Failed(error=Overloaded("no room")))) == ["error"]
    with pytest.raises(BadRequest, match="no room") as caught:
        protocol.receive(append(bytes(8)))
    assert caught.value.fatal


# -- text -------------------------------------------------------------------------------------------------------------


def test_an_utterance():
    protocol = opened()
    said(protocol, READY)
    messages = said(
        protocol,
        events.SpeechStarted(segment=0, channel=0, at=0),
        partial(" Well", " then", stable=1),
        events.SpeechEnded(segment=0, channel=0, at=2000, reason="endpoint"),
        final(" Well", " done."),
        partial(" Next", stable=1),
    )
    assert messages == [
        {"type": "transcription.language", "audio_language": "en"},
        {"type": "transcription.text.delta", "text": "Well"},
        {"type": "transcription.text.delta", "text": " done."},
        {"type": "transcription.segment", "text": "Well done.", "start": 0.0, "end": 0.125, "speaker_id": None},
        {"type": "transcription.text.delta", "text": " Next"},
    ]


def test_turns_are_told_where_they_are_asked_for():
    protocol = opened()
    protocol.receive(update(turn_detection={}))
    messages = said(
        protocol,
        events.SpeechStarted(segment=0, channel=0, at=8000),
        events.SpeechEnded(segment=0, channel=0, at=16_000, reason="endpoint"),
        events.SpeechEnded(segment=1, channel=0, at=24_000, reason="finalize"),
    )
    assert messages == [
        {"type": "turn.start", "time_s": 0.5},
        {"type": "turn.end", "time_s": 1.0, "end_reason": "threshold"},
        {"type": "turn.end", "time_s": 1.5, "end_reason": "timeout"},
    ]


# -- done -------------------------------------------------------------------------------------------------------------

QUANTILES = events.Quantiles(p50=None, p95=None)


def done(received: int) -> events.Done:
    return events.Done(
        received=received, audio=0, speech=0, segments=0, words=0, partial_latency=QUANTILES, final_latency=QUANTILES
    )


def test_the_end_tells_the_whole_text_with_whole_numbers():
    protocol = opened()
    said(protocol, READY, final(" Well", " done."), final(" Good."))
    assert protocol.receive(END) == (events.Stop(),)
    [message] = said(protocol, done(31 * 16_000 + 1))
    assert message == {
        "type": "transcription.done",
        "model": "base",
        "text": "Well done. Good.",
        "language": "en",
        "usage": {"prompt_audio_seconds": 32, "prompt_tokens": 0, "completion_tokens": 3, "total_tokens": 753},
        "segments": [
            {"type": "transcription_segment", "text": "Well done.", "start": 0.0, "end": 0.125, "speaker_id": None},
            {"type": "transcription_segment", "text": " Good.", "start": 0.0, "end": 0.062, "speaker_id": None},
        ],
    }


def test_nothing_said_is_done_too():
    protocol = opened()
    said(protocol, READY)
    [message] = said(protocol, done(0))
    assert (message["text"], message["language"], message["usage"]["total_tokens"]) == ("", None, 0)


def test_a_flush_is_answered_when_no_end_comes_behind_it():
    protocol = opened()
    said(protocol, READY)
    assert protocol.receive(FLUSH) == (events.Finalize(),)
    told = said(protocol, final(" One."), events.Finalized(id=None, at=16_000), now=5.0)
    assert kinds(told)[-1] == "transcription.segment"
    assert protocol.wake == 5.0 + DONE_DELAY_S
    assert protocol.tick(5.0) == []
    [answer] = [json.loads(message) for message in protocol.tick(protocol.wake)]
    assert (answer["type"], answer["text"]) == ("transcription.done", "One.")
    assert protocol.wake is None
    assert protocol.tick(9.0) == []


def test_another_flush_does_not_put_off_the_done():
    protocol = opened()
    said(protocol, READY)
    said(protocol, events.Finalized(id=None, at=16_000), now=5.0)
    said(protocol, events.Finalized(id=None, at=16_100), now=5.05)
    assert protocol.wake == 5.0 + DONE_DELAY_S


def test_flush_and_end_at_once_are_done_once():
    protocol = opened()
    said(protocol, READY)
    protocol.receive(FLUSH)
    protocol.receive(END)
    told = said(protocol, final(" One."), events.Finalized(id=None, at=16_000), done(16_000), now=5.0)
    assert kinds(told)[-3:] == ["transcription.text.delta", "transcription.segment", "transcription.done"]
    assert kinds(told).count("transcription.done") == 1
    assert protocol.wake is None


def test_an_end_just_behind_the_flush_is_done_once():
    protocol = opened()
    said(protocol, READY)
    protocol.receive(FLUSH)
    said(protocol, final(" One."), events.Finalized(id=None, at=16_000), now=5.0)
    protocol.receive(END)
    assert protocol.wake is None
    assert protocol.tick(6.0) == []
    assert [message["text"] for message in said(protocol, done(16_000), now=6.0)] == ["One."]


def test_each_done_has_what_was_said_since_the_one_before():
    protocol = opened()
    said(protocol, READY)
    told = []
    for number, at in ((1, 16_000), (2, 40_000)):
        protocol.receive(FLUSH)
        told += said(protocol, final(f" {number}."), events.Finalized(id=None, at=at), now=float(number))
        told += [json.loads(message) for message in protocol.tick(number + 0.1)]
    told += said(protocol, done(40_000))
    answers = [message for message in told if message["type"] == "transcription.done"]
    assert [answer["text"] for answer in answers] == ["1.", "2.", ""]
    assert [answer["usage"]["prompt_audio_seconds"] for answer in answers] == [1, 2, 0]
    assert [message["text"] for message in told if message["type"] == "transcription.text.delta"] == ["1.", "2."]


def test_what_is_said_behind_a_flush_is_no_part_of_its_done():
    protocol = opened()
    said(protocol, READY)
    protocol.receive(FLUSH)
    said(protocol, final(" One."), events.Finalized(id=None, at=16_000), now=5.0)
    told = said(protocol, events.Ack(received=1, durable=1), partial(" Two", stable=1), now=5.01)
    assert [(message["type"], message["text"]) for message in told] == [
        ("transcription.done", "One."),
        ("transcription.text.delta", "Two"),
    ]
    assert protocol.wake is None


def test_a_done_that_is_overdue_does_not_wait_for_a_quiet_moment():
    protocol = opened()
    said(protocol, READY)
    said(protocol, events.Finalized(id=None, at=0), now=5.0)
    assert kinds(said(protocol, events.Ack(received=1, durable=1), now=5.2)) == ["transcription.done"]


def test_after_hours_done_still_fits_into_what_their_client_takes():
    protocol = opened()
    said(protocol, READY)
    for _ in range(8000):
        protocol.send(final(" Здравствуйте,", " товарищи."), None, 0.0)
    [message] = protocol.send(done(0), None, 0.0)
    assert len(message.encode() if isinstance(message, str) else message) < RECEIVED_BYTES
    assert json.loads(message)["text"].count("товарищи") == 8000
    assert "segments" not in json.loads(message)


# -- errors -----------------------------------------------------------------------------------------------------------


def test_a_fatal_error_is_told_and_closes_with_its_code():
    protocol = opened()
    said(protocol, READY)
    protocol.receive(FLUSH)
    said(protocol, final(" One."), events.Finalized(id=None, at=16_000), now=5.0)
    error = Draining("the server is shutting down", hint="come again", fatal=True)
    assert said(protocol, events.Failed(error=error), now=5.0)[1:] == [
        {"type": "error", "error": {"message": "the server is shutting down: come again", "code": 503}}
    ]
    assert protocol.closing(error) == (1012, "draining")
    assert protocol.closing(None) == (1000, "done")


def test_what_their_client_has_no_word_for_is_not_said():
    protocol = opened()
    assert said(protocol, events.GoingAway(deadline_s=1.0), events.Warned(code="behind", message="behind")) == []
    assert said(protocol, events.Cleared(), events.Ack(received=1, durable=1)) == []
