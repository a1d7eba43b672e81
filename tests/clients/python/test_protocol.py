import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steno.errors import ProtocolError, SessionError
from steno.events import Ack, Done, Warned
from steno.protocol import Conversation, endpoint, refusal

LIMITS = {
    "frame_bytes": 65_536,
    "text_bytes": 8_192,
    "ahead_s": 10,
    "start_s": 10,
    "idle_s": 60,
    "session_s": 14_400,
    "finalize_ms": 5_000,
}


def ready(limits=None, **options):
    options = {"encoding": "pcm_s16le", "sample_rate": 16_000, "channels": 1, "offset": 0, **options}
    told = {"protocol": 1, "session": "s", "token": "t", "model": "m", "resume_window_s": 0}
    return {"type": "ready", "options": options, "limits": {**LIMITS, **(limits or {})}, **told}


def opened(limits=None, **options):
    talk = Conversation()
    talk.receive(json.dumps(ready(limits, **options)))
    return talk


def ack(received, durable=0):
    return json.dumps({"type": "ack", "received": received, "durable": durable})


# -- addresses ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "stream", "models"),
    [
        ("ws://127.0.0.1:8765", "ws://127.0.0.1:8765/v1/stream", "http://127.0.0.1:8765/v1/models"),
        ("http://[::1]:8765/", "ws://[::1]:8765/v1/stream", "http://[::1]:8765/v1/models"),
        ("https://a.example/v1/stream", "wss://a.example/v1/stream", "https://a.example/v1/models"),
        ("wss://a.example/steno/", "wss://a.example/steno/v1/stream", "https://a.example/steno/v1/models"),
    ],
)
def test_an_address_may_be_written_in_many_ways(url, stream, models):
    assert endpoint(url, "ws", "stream") == stream
    assert endpoint(url, "http", "models") == models


@pytest.mark.parametrize(
    "url",
    ["127.0.0.1:8765", "localhost", "", "ftp://a", "ws://", "ws://a:port", "ws://key@a", "ws://a?key=k", "ws://a#k"],
)
def test_an_address_that_is_none_or_tells_a_secret_is_refused(url):
    with pytest.raises(ValueError):
        endpoint(url, "ws", "stream")


# -- flow ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "sample_bytes"),
    [({}, 2), ({"encoding": "pcm_f32le"}, 4), ({"encoding": "mulaw", "channels": 3}, 3), ({"channels": 8}, 16)],
)
def test_frames_hold_whole_samples_of_all_channels(options, sample_bytes):
    talk = opened({"frame_bytes": 100}, **options)
    frame = talk.frame(memoryview(bytes(sample_bytes * 1000)))
    assert len(frame) == 100 // sample_bytes * sample_bytes
    assert talk.sent == 100 // sample_bytes


def test_part_of_a_sample_is_refused():
    talk = opened(channels=2)
    with pytest.raises(ValueError, match="4 bytes"):
        talk.frame(memoryview(bytes(6)))


def test_audio_stops_at_the_window_and_goes_on_with_each_ack():
    talk = opened({"ahead_s": 0.01})
    audio = memoryview(bytes(1000))
    assert len(talk.frame(audio)) == 320
    assert len(talk.frame(audio)) == 0
    talk.receive(ack(60))
    assert len(talk.frame(audio)) == 120
    assert len(talk.frame(audio)) == 0


@pytest.mark.parametrize("offset", [5000, 5000.0])
def test_marks_begin_at_the_offset(offset):
    talk = opened({"ahead_s": 0.01}, offset=offset)
    assert (talk.sent, talk.received, talk.durable) == (5000, 5000, 5000)
    assert len(talk.frame(memoryview(bytes(1000)))) == 320


@settings(max_examples=100, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(1, 4),
    st.lists(st.one_of(st.integers(0, 90), st.none()), max_size=60),
)
def test_whatever_the_acks_the_window_holds_and_nothing_is_skipped(ahead, channels, steps):
    """Steps: audio of so many samples, or (None) an ack of all that was sent."""
    talk = opened({"ahead_s": ahead / 8000, "frame_bytes": 64}, channels=channels, sample_rate=8000)
    size = 2 * channels
    sent = 0
    for step in steps:
        if step is None:
            talk.receive(ack(sent))
            continue
        rest = memoryview(bytes(step * size))
        while frame := talk.frame(rest):
            assert len(frame) <= 64
            sent += len(frame) // size
            rest = rest[len(frame) :]
        assert talk.sent == sent
        assert sent - talk.received <= ahead
        assert not rest or sent - talk.received == ahead


# -- messages -----------------------------------------------------------------------------------------------------


def test_requests_are_what_the_protocol_says():
    talk = opened()
    assert json.loads(talk.start({"language": "en", "words": True})) == {
        "type": "start",
        "language": "en",
        "words": True,
    }
    assert json.loads(talk.finalize(None)) == {"type": "finalize"}
    assert json.loads(talk.finalize("a")) == {"type": "finalize", "id": "a"}
    assert json.loads(talk.configure({"prompt": None})) == {"type": "configure", "prompt": None}
    assert json.loads(talk.keepalive()) == {"type": "keepalive"}
    assert json.loads(talk.stop()) == {"type": "stop"}


def test_nothing_follows_stop():
    talk = opened()
    talk.stop()
    for request in (
        talk.stop,
        lambda: talk.finalize(None),
        lambda: talk.configure({}),
        lambda: talk.frame(memoryview(b"")),
    ):
        with pytest.raises(RuntimeError):
            request()


def test_acks_and_done_move_the_marks():
    talk = opened()
    assert talk.receive(ack(300, 200)) == Ack(received=300, durable=200)
    assert (talk.received, talk.durable) == (300, 200)
    nothing = {"p50": None, "p95": None}
    told = {"seq": 1, "received": 400, "audio_s": 0.025, "speech_s": 0, "segments": 0, "words": 0}
    done = talk.receive(json.dumps({"type": "done", "latency": {"partials": nothing, "finals": nothing}, **told}))
    assert isinstance(done, Done)
    assert talk.done == done
    assert (talk.received, talk.durable) == (400, 400)


def test_a_fatal_error_says_what_is_safe():
    talk = opened()
    talk.receive(ack(300, 200))
    fatal = {"type": "error", "code": "timed_out", "message": "nothing came", "hint": "send keepalive", "fatal": True}
    with pytest.raises(SessionError, match=r"nothing came \(timed_out\); send keepalive") as caught:
        talk.receive(json.dumps(fatal))
    assert (caught.value.code, caught.value.received, caught.value.durable) == ("timed_out", 300, 200)


def test_numbers_without_a_gap_pass_whatever_carries_them():
    talk = opened()
    assert talk.receive('{"type":"applause","seq":1}') is None
    assert talk.receive('{"type":"warning","code":"behind","message":"m"}') == Warned(code="behind", message="m")
    assert talk.receive('{"type":"finalized","seq":2,"at":0}')


@pytest.mark.parametrize("number", [0, 1, 3, "2"])
def test_numbers_with_a_gap_do_not(number):
    talk = opened()
    talk.receive(json.dumps({"type": "finalized", "seq": 1, "at": 0}))
    with pytest.raises(ProtocolError):
        talk.receive(json.dumps({"type": "finalized", "seq": number, "at": 0}))


@pytest.mark.parametrize("frame", [b"\0\0", "hello", "[]", "5", ""])
def test_frames_that_are_no_messages_are_errors(frame):
    with pytest.raises(ProtocolError):
        Conversation().receive(frame)


def test_another_version_or_format_is_an_error():
    with pytest.raises(ProtocolError, match="version 2"):
        Conversation().receive(json.dumps({**ready(), "protocol": 2}))
    with pytest.raises(ProtocolError, match="opus"):
        opened(encoding="opus")


# -- refusals -----------------------------------------------------------------------------------------------------


def test_a_refusal_tells_all_it_knows():
    error = refusal(429, "7", b'{"error":{"code":"quota","message":"two sessions are open"}}')
    assert (error.status, error.code, error.message, error.retry_after) == (429, "quota", "two sessions are open", 7)
    assert str(error) == "two sessions are open (quota, HTTP 429); try again in 7 s"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error":"no"}', b'{"error":{"code":"x"}}', b"\xff"])
def test_a_refusal_by_something_else_tells_its_status(body):
    error = refusal(502, "Wed, 21 Oct 2026 07:28:00 GMT", body)
    assert (error.status, error.code, error.retry_after) == (502, "http", None)
