"""Every message of a Twilio call, right and wrong, without a session behind it."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream import events
from stream.audio import AudioFormat
from stream.errors import BadAudio, BadRequest, ClientError, NotStarted, TooLarge, Unsupported
from stream.events import Limits, SessionOptions
from stream.protocols.base import Request
from stream.protocols.twilio import TwilioProtocol
from tests.stream import calls
from tests.stream.calls import CONNECTED, FRAME, SILENCE
from vad.endpointer import EndpointOptions


def opened() -> TwilioProtocol:
    return TwilioProtocol.open(Request("/twilio"), Limits())


def start(tracks: tuple[str, ...] = calls.TRACKS, parameters: dict[str, Any] | None = None, **media_format: Any) -> Any:
    message = calls.start(tracks, **(parameters or {}))
    message["start"]["mediaFormat"] |= media_format
    return message


def media(number: int, track: str = "inbound", sound: bytes | None = None) -> Any:
    """The number-th frame of a track, whose sound tells the number."""
    return calls.media(number, track, sound or bytes([number % 200 + 1]) * FRAME)


def told(protocol: TwilioProtocol, *messages: Any) -> list[events.Command]:
    return [command for message in messages for command in protocol.receive(json.dumps(message))]


def began(*tracks: str, **parameters: Any) -> TwilioProtocol:
    protocol = opened()
    told(protocol, CONNECTED, start(tracks or ("inbound",), parameters))
    return protocol


def audio(protocol: TwilioProtocol, *messages: Any) -> bytes:
    """What the commands are to be heard, all of which are audio."""
    commands = told(protocol, *messages)
    assert all(isinstance(command, events.Audio) and command.payload for command in commands)
    return b"".join(command.payload for command in commands if isinstance(command, events.Audio))


# -- the call begins --------------------------------------------------------------------------------------------------


def test_a_call_starts_in_band():
    protocol = opened()
    assert (protocol.start, protocol.subprotocol, protocol.labels) == (None, None, {})
    assert told(protocol, CONNECTED) == []
    assert told(protocol, start()) == [events.Start(SessionOptions(audio=AudioFormat("mulaw", 8000, 2)))]
    assert protocol.labels == {"callSid": "CA1", "streamSid": "MZ1", "accountSid": "AC1"}


@pytest.mark.parametrize("tracks", [("inbound",), ("outbound",), ("inbound", "inbound")])
def test_one_track_is_one_channel(tracks: tuple[str, ...]):
    protocol = opened()
    [command] = told(protocol, start(tracks))
    assert isinstance(command, events.Start)
    assert command.options.audio.channels == 1
    assert audio(protocol, media(0, tracks[0])) == bytes([1]) * FRAME


@pytest.mark.parametrize("tracks", [("inbound", "outbound"), ("outbound", "inbound")])
def test_of_two_the_inbound_one_is_the_first_channel(tracks: tuple[str, ...]):
    protocol = began(*tracks)
    heard = audio(protocol, media(0, "outbound"), media(0, "inbound", SILENCE))
    assert (heard[::2], heard[1::2]) == (SILENCE, bytes([1]) * FRAME)


def test_parameters_of_the_call_are_the_sessions_options():
    parameters = {
        "model": "base",
        "language": "en",
        "task": "translate",
        "prompt": "Steno, Inc.",
        "keywords": "refund, order number,",
        "partials": "false",
        "words": "true",
        "silence_ms": "800",
        "min_speech_ms": "100",
        "preroll_ms": "200",
        "max_segment_s": "12.5",
        "vad": "webrtc",
        "webhook": "https://example.com/hook",
    }
    [command] = told(opened(), start(("inbound",), parameters))
    assert command == events.Start(
        SessionOptions(
            audio=AudioFormat("mulaw", 8000, 1),
            model="base",
            languages=("en",),
            task="translate",
            prompt="Steno, Inc.",
            keywords=("refund", "order number"),
            partials=False,
            words=True,
            endpointing=EndpointOptions(
                silence_ms=800, min_speech_ms=100, preroll_ms=200, max_segment_s=12.5, vad="webrtc"
            ),
            webhook="https://example.com/hook",
        )
    )


def test_several_languages_and_what_a_template_left_empty():
    given = {"language": "en, de", "model": "", "prompt": "", "silence_ms": "", "keywords": ""}
    [command] = told(opened(), start(("inbound",), given))
    assert command == events.Start(SessionOptions(audio=AudioFormat("mulaw", 8000, 1), languages=("en", "de")))


def test_a_word_that_means_something_elsewhere_is_a_text_here():
    [command] = told(opened(), start(("inbound",), {"prompt": "null", "language": "true"}))
    assert isinstance(command, events.Start)
    assert (command.options.prompt, command.options.languages) == ("null", ("true",))


def test_other_parameters_are_ignored_and_named_in_the_log_without_their_values(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    parameters = {"customer\n": "Ada Lovelace", "lang": "tlh", "prompt": "her secret"}
    assert isinstance(told(opened(), start(parameters=parameters))[0], events.Start)
    [record] = caplog.records
    assert record.levelno == logging.INFO
    assert "CA1" in record.getMessage()
    assert "customer" in record.getMessage()
    assert "lang" in record.getMessage()
    assert "\n" not in record.getMessage()
    assert not [value for value in ("Ada", "tlh", "secret") if value in caplog.text]


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"silence_ms": "long"}, "silence_ms"),
        ({"silence_ms": "1"}, "silence_ms"),
        ({"max_segment_s": "0"}, "max_segment_s"),
        ({"task": "sing"}, "task"),
        ({"words": "perhaps"}, "words"),
        ({"vad": "crystal ball"}, "vad"),
        ({"prompt": ["no", "text"]}, "prompt"),
        ([], "customParameters"),
    ],
)
def test_a_wrong_value_ends_the_call_and_is_the_reason(parameters: Any, named: str):
    message = start()
    message["start"]["customParameters"] = parameters
    protocol = opened()
    with pytest.raises(BadRequest, match=named) as caught:
        told(protocol, message)
    assert caught.value.fatal
    code, reason = protocol.closing(caught.value)
    assert code == 4400
    assert named in reason


@pytest.mark.parametrize(
    ("field", "value"), [("encoding", "audio/x-l16"), ("sampleRate", 16_000), ("channels", 2), ("encoding", "PCMU")]
)
def test_any_other_media_is_refused_by_name(field: str, value: Any):
    with pytest.raises(Unsupported, match=str(value)) as caught:
        told(opened(), start(**{field: value}))
    assert caught.value.fatal


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tracks", []),
        ("tracks", ["both"]),
        ("tracks", None),
        ("callSid", 7),
        ("mediaFormat", {}),
        ("customParameters", 1),
    ],
)
def test_a_start_that_is_not_like_twilios_ends_the_call(field: str, value: Any):
    message = start()
    message["start"][field] = value
    with pytest.raises(BadRequest, match=field) as caught:
        told(opened(), message)
    assert caught.value.fatal


def test_a_start_about_nothing_ends_the_call():
    with pytest.raises(BadRequest, match="start") as caught:
        told(opened(), {"event": "start"})
    assert caught.value.fatal


def test_a_second_start_is_ignored():
    protocol = began()
    for again in (start(), {"event": "start"}, {"event": "start", "start": {}}):
        with pytest.raises(BadRequest, match="start") as caught:
            told(protocol, again)
        assert not caught.value.fatal
    assert audio(protocol, media(0))


# -- the call's audio -------------------------------------------------------------------------------------------------


def test_frames_are_told_as_they_come():
    protocol = began()
    for number in range(3):
        assert told(protocol, media(number)) == [events.Audio(bytes([number + 1]) * FRAME)]


def test_numbers_may_be_numbers():
    message = media(1)
    message["media"]["timestamp"] = 20
    assert audio(began(), message) == SILENCE + bytes([2]) * FRAME


def test_what_is_not_about_audio_is_ignored():
    others = (
        calls.DTMF,
        calls.MARK,
        {"event": "weather", "media": "rain", "start": 7},
        CONNECTED,
    )
    for protocol in (opened(), began()):
        assert told(protocol, *others) == []


def test_lost_and_late_frames_shift_nothing():
    protocol = began("inbound", "outbound")
    heard = audio(
        protocol,
        *(media(number, "inbound") for number in (0, 2, 1, 2, 5)),
        *(media(number, "outbound") for number in (1, 4)),
    )
    heard += audio(protocol, media(0, "inbound"), media(5, "outbound"))

    def expected(*numbers: int) -> bytes:
        return b"".join(bytes([number + 1]) * FRAME if number in numbers else SILENCE for number in range(6))

    assert heard[::2] == expected(0, 1, 2, 5)
    assert heard[1::2] == expected(1, 4, 5)


def test_audio_that_is_lost_is_told_in_the_log_once(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    protocol = began()
    assert len(audio(protocol, media(0), media(2), media(1), media(0))) == 3 * FRAME
    [record] = caplog.records
    assert "too late" in record.getMessage()


def test_a_track_that_says_nothing_holds_up_the_other_for_a_second_at_most():
    protocol = began("inbound", "outbound")
    heard = 0
    for number in range(200):
        heard += len(audio(protocol, media(number, "inbound"))) // 2
        assert (number + 1) * FRAME - heard <= 8000
    assert 200 * FRAME - heard <= 800


def test_the_end_brings_what_was_held_back():
    for end in (lambda protocol: told(protocol, {"event": "stop", "stop": {}}), TwilioProtocol.hung_up):
        protocol = began("inbound", "outbound")
        assert audio(protocol, media(0)) == b""
        expected = bytearray(SILENCE * 2)
        expected[::2] = bytes([1]) * FRAME
        assert list(end(protocol)) == [events.Audio(bytes(expected)), events.Stop()]


def test_a_call_may_end_before_it_began():
    assert told(opened(), {"event": "stop"}) == [events.Stop()]


def test_silence_may_last_as_long_as_nothing_may_come_and_no_timestamp_makes_hours_of_it():
    patience_s = TwilioProtocol.idle_s
    assert patience_s
    assert patience_s >= 5 * 60  # a call on hold
    last = round(patience_s * 50)
    assert len(audio(began(), media(last))) == (last + 1) * FRAME
    for number in (last + 1, 1 << 40):
        with pytest.raises(BadAudio, match="timestamp") as caught:
            told(began(), media(number))
        assert caught.value.fatal


# -- messages that are wrong ------------------------------------------------------------------------------------------


def test_media_before_the_start_is_not_accepted():
    protocol = opened()
    with pytest.raises(NotStarted) as caught:
        told(protocol, media(0))
    assert not caught.value.fatal
    assert isinstance(told(protocol, start())[0], events.Start)


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("payload", "not base64!", "payload"),
        ("payload", "AAA", "payload"),
        ("payload", None, "payload"),
        ("timestamp", "-20", "timestamp"),
        ("timestamp", "soon", "timestamp"),
        ("timestamp", "9" * 30, "timestamp"),
        ("timestamp", "20.5", "timestamp"),
        ("track", "sidechain", "track"),
        ("track", "outbound", "outbound"),
    ],
)
def test_wrong_media_is_dropped_whole(field: str, value: Any, named: str):
    protocol = began()
    message = media(1)
    message["media"][field] = value
    with pytest.raises(ClientError, match=named):
        told(protocol, message)
    assert audio(protocol, media(0)) == bytes([1]) * FRAME


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("hello", BadRequest),
        ("[1]", BadRequest),
        ("{}", BadRequest),
        ('{"event": 7}', BadRequest),
        ('{"event": "media"}', BadRequest),
        ("[" * 5000, BadRequest),
        (b"\xff" * FRAME, BadRequest),
        ('{"event": "mark", "name": "' + "x" * 8192 + '"}', TooLarge),
        ('{"event": "mark", "name": "' + "ü" * 4096 + '"}', TooLarge),
    ],
)
def test_wrong_messages_are_not_fatal(message: str | bytes, error: type[ClientError]):
    protocol = began()
    with pytest.raises(error) as caught:
        protocol.receive(message)
    assert not caught.value.fatal
    assert audio(protocol, media(0)) == bytes([1]) * FRAME


ODD = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.lists(st.integers(), max_size=2)


@st.composite
def broken(draw: st.DrawFn) -> str | bytes:
    """A message of Twilio's with something odd in it, or something else altogether."""
    message = draw(st.sampled_from([start(), media(3), media(5, "outbound"), CONNECTED, {"event": "stop"}]))
    message = json.loads(json.dumps(message))
    part = draw(st.sampled_from([message, *(each for each in message.values() if isinstance(each, dict))]))
    part[draw(st.sampled_from([*part, "else"]))] = draw(ODD)
    return draw(st.just(json.dumps(message)) | st.text(max_size=60) | st.binary(max_size=9))


@settings(max_examples=200, deadline=None)
@given(st.booleans(), st.lists(broken(), max_size=8))
def test_no_message_raises_anything_but_a_client_error(running: bool, messages: list[str | bytes]):
    protocol = began("inbound", "outbound") if running else opened()
    for message in messages:
        with suppress(ClientError):
            for command in protocol.receive(message):
                assert not isinstance(command, events.Audio) or command.payload


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["inbound", "outbound"]), st.integers(0, 99)), max_size=80))
def test_any_order_and_loss_of_frames_keeps_the_clock(frames: list[tuple[str, int]]):
    protocol = began("inbound", "outbound")
    heard = audio(protocol, *(media(number, track) for track, number in frames))
    *rest, _ = protocol.hung_up()
    heard += b"".join(command.payload for command in rest if isinstance(command, events.Audio))
    assert len(heard) == 2 * FRAME * (1 + max((number for _, number in frames), default=-1))
    for channel, track in enumerate(("inbound", "outbound")):
        came = {number for each, number in frames if each == track}
        for number in range(len(heard) // 2 // FRAME):
            sound = heard[channel::2][number * FRAME : (number + 1) * FRAME]
            assert sound == SILENCE or (number in came and sound == bytes([number + 1]) * FRAME)


# -- events -----------------------------------------------------------------------------------------------------------


def test_nothing_is_said_to_twilio_and_errors_are_in_the_log(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    protocol = began()
    options = SessionOptions()
    ready = events.Ready(session="s", token="t", model="m", options=options, resume_window_s=0.0, limits=Limits())
    failed = events.Failed(error=BadRequest("what was\nwrong"))
    fatal = events.Failed(error=BadRequest("the end", fatal=True))
    for event in (ready, events.GoingAway(deadline_s=1.0), failed, failed, fatal):
        assert protocol.send(event, None, 0.0) == []
    assert protocol.wake is None
    assert protocol.tick(0.0) == []
    assert [record.getMessage() for record in caplog.records] == [
        "call 'CA1': 'what was\\nwrong'",
        "call 'CA1': 'the end'",
    ]


def test_the_socket_is_closed_with_a_reason_that_a_close_frame_has_room_for():
    protocol = began()
    assert protocol.closing(None) == (1000, "done")
    code, reason = protocol.closing(BadAudio("ü" * 100))
    assert (code, reason) == (4400, "ü" * 61)
