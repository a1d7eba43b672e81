"""The beta of OpenAI's realtime transcription: a flat session, and other names."""

import json
from typing import Any

from stream import events
from stream.audio import AudioFormat
from stream.events import Configure, Limits, SessionOptions
from stream.protocols.base import Request
from stream.protocols.openai import OpenAIProtocol
from vad.endpointer import EndpointOptions

HEADERS = {"openai-beta": "realtime=v1"}
SUBPROTOCOLS = ("realtime", "openai-insecure-api-key.K", "openai-beta.realtime-v1")


def opened(*subprotocols: str, **headers: str) -> OpenAIProtocol:
    return OpenAIProtocol.open(Request("/v1/realtime", (), subprotocols, headers), Limits())


def said(protocol: OpenAIProtocol, event: events.Event) -> list[dict[str, Any]]:
    return [json.loads(message) for message in protocol.send(event, None, 0.0)]


def test_it_is_told_by_a_header_or_by_what_browsers_offer():
    options = SessionOptions(audio=AudioFormat("mulaw", 8000), model="m", languages=("en",), prompt="Ada")
    ready = events.Ready(session="s", token="t", model="m", options=options, resume_window_s=0, limits=Limits())
    for protocol in (opened(**HEADERS), opened(*SUBPROTOCOLS)):
        [created] = said(protocol, ready)
        assert created["type"] == "transcription_session.created"
        assert created["session"] == {
            "id": "sess_s",
            "object": "realtime.transcription_session",
            "expires_at": 14_400,
            "input_audio_format": "g711_ulaw",
            "input_audio_transcription": {"model": "m", "language": "en", "prompt": "Ada"},
            "turn_detection": {
                "type": "server_vad",
                "threshold": 0.5,
                "prefix_padding_ms": 300,
                "silence_duration_ms": 500,
                "idle_timeout_ms": None,
            },
            "input_audio_noise_reduction": None,
            "include": None,
        }
    assert opened(*SUBPROTOCOLS).subprotocol == "realtime"
    assert said(opened("realtime"), ready)[0]["type"] == "session.created"


def test_a_flat_update_asks_for_the_same_as_a_nested_one():
    flat = {
        "type": "transcription_session.update",
        "session": {
            "input_audio_format": "g711_alaw",
            "input_audio_transcription": {"model": "whisper-1", "language": "en"},
            "turn_detection": None,
            "input_audio_noise_reduction": {"type": "near_field"},
        },
    }
    nested = {
        "type": "session.update",
        "session": {
            "type": "transcription",
            "audio": {
                "input": {
                    "format": {"type": "audio/pcma"},
                    "transcription": {"model": "whisper-1", "language": "en"},
                    "turn_detection": None,
                }
            },
        },
    }
    protocol = opened(**HEADERS)
    commands = list(protocol.receive(json.dumps(flat)))
    assert commands == list(opened().receive(json.dumps(nested)))
    assert Configure({"audio": AudioFormat("alaw", 8000)}) in commands
    configured = [each for each in commands if isinstance(each, Configure)]
    told = [said(protocol, events.Configured(options=SessionOptions(endpointing=None))) for _ in configured]
    assert told[:-1] == [[]] * (len(configured) - 1)
    assert told[-1][0]["type"] == "transcription_session.updated"
    assert told[-1][0]["session"]["turn_detection"] is None


def test_an_update_that_says_nothing_changes_nothing():
    empty = '{"type": "transcription_session.update", "session": {}}'
    assert list(opened(**HEADERS).receive(empty)) == [Configure({})]


def test_an_item_is_created_and_never_done():
    protocol = opened(**HEADERS)
    said(protocol, events.SpeechStarted(segment=0, channel=0, at=0))
    ended = said(protocol, events.SpeechEnded(segment=0, channel=0, at=16_000, reason="endpoint"))
    assert [message["type"] for message in ended] == [
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.created",
    ]


def test_the_default_of_turn_detection_is_the_servers():
    assert opened(**HEADERS).start == events.Start(
        SessionOptions(audio=AudioFormat(sample_rate=24_000), endpointing=EndpointOptions())
    )
