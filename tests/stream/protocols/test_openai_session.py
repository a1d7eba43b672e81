"""OpenAI's session object: what is asked, and what holds."""

from typing import Any

import msgspec
import pytest

from stream.audio import AudioFormat
from stream.errors import BadRequest
from stream.events import SessionOptions
from stream.protocols.openai_session import HANGOVER_MS, Format, Transcription, TurnDetection, Turns, Wanted, effective
from vad.detector import ONSET
from vad.endpointer import EndpointOptions


@pytest.mark.parametrize(
    ("asked", "audio", "shown"),
    [
        ({"type": "audio/pcm"}, AudioFormat("pcm_s16le", 24_000), {"type": "audio/pcm", "rate": 24_000}),
        ({"type": "audio/pcm", "rate": 8000}, AudioFormat("pcm_s16le", 8000), {"type": "audio/pcm", "rate": 8000}),
        ({"type": "audio/pcmu"}, AudioFormat("mulaw", 8000), {"type": "audio/pcmu"}),
        ({"type": "audio/pcma"}, AudioFormat("alaw", 8000), {"type": "audio/pcma"}),
        ({"type": "audio/pcma", "rate": 16_000}, AudioFormat("alaw", 16_000), {"type": "audio/pcma", "rate": 16_000}),
    ],
)
def test_formats_both_ways(asked: dict[str, Any], audio: AudioFormat, shown: dict[str, Any]):
    assert msgspec.convert(asked, Format).read() == audio
    assert effective("sess_1", 0, SessionOptions(audio=audio), Turns())["audio"]["input"]["format"] == shown


@pytest.mark.parametrize("rate", [7999, 48_001, -1])
def test_a_rate_that_is_out_of_range_is_named(rate: int):
    with pytest.raises(BadRequest) as caught:
        Format("audio/pcm", rate).read()
    assert caught.value.param == "session.audio.input.format.rate"


def test_languages_may_be_one_or_many_with_regions_or_none():
    assert Transcription().codes is msgspec.UNSET
    assert Transcription(language=None).codes == ()
    assert Transcription(language="").codes == ()
    assert Transcription(language="en-US").codes == ("en",)
    assert Transcription(language="de", languages=["en", "de_CH"]).codes == ("en", "de")


def turned(*wanted: TurnDetection | None) -> Turns:
    turns = Turns()
    for each in wanted:
        turns.take(each)
    return turns


def test_what_is_left_out_stays_and_a_new_type_has_its_defaults():
    short = TurnDetection("server_vad", silence_duration_ms=200, prefix_padding_ms=100)
    assert turned(short, TurnDetection("server_vad")).endpointing == EndpointOptions(silence_ms=200, preroll_ms=100)
    for between in (None, TurnDetection("semantic_vad")):
        assert turned(short, between, TurnDetection("server_vad")).endpointing == EndpointOptions()


def test_values_out_of_range_become_the_nearest_and_are_shown_like_that():
    turns = turned(TurnDetection("server_vad", silence_duration_ms=0, prefix_padding_ms=1e9, threshold=0.9))
    assert turns.endpointing == EndpointOptions(silence_ms=20, preroll_ms=1000)
    assert turns.effective(turns.endpointing) == {
        "type": "server_vad",
        "threshold": ONSET,
        "prefix_padding_ms": 1000,
        "silence_duration_ms": 20,
        "idle_timeout_ms": None,
    }


def test_eagerness_is_a_pause_and_the_keener_the_shorter():
    assert HANGOVER_MS["high"] < HANGOVER_MS["medium"] == HANGOVER_MS["auto"] < HANGOVER_MS["low"]
    for eagerness, silence_ms in HANGOVER_MS.items():
        turns = turned(TurnDetection("semantic_vad", eagerness=eagerness))
        assert turns.endpointing == EndpointOptions(silence_ms=silence_ms)
        assert turns.effective(turns.endpointing) == {"type": "semantic_vad", "eagerness": eagerness}
    assert turned(TurnDetection("semantic_vad", eagerness="low"), TurnDetection("semantic_vad")).eagerness == "low"
    assert turned(TurnDetection("semantic_vad")).eagerness == "auto"


def test_turn_detection_that_is_not_granted_yet_is_not_shown():
    turns = turned(TurnDetection("semantic_vad", eagerness="low"))
    assert turns.effective(EndpointOptions()) == Turns().effective(EndpointOptions())
    assert turned(None).effective(None) is None
    assert turned(None).manual


def test_what_is_not_honoured_is_named_and_what_holds_anyway_is_not():
    wanted: dict[str, Any] = {
        "type": "transcription",
        "include": ["item.input_audio_transcription.logprobs"],
        "audio": {
            "input": {
                "transcription": {"delay": "low"},
                "noise_reduction": {"type": "far_field"},
                "turn_detection": {"type": "server_vad", "threshold": ONSET, "create_response": False},
            }
        },
    }
    named = ["include", "noise_reduction", "transcription.delay"]
    assert msgspec.convert(wanted, Wanted).not_honoured == named
    wanted["audio"]["input"]["turn_detection"]["threshold"] = 0
    assert msgspec.convert(wanted, Wanted).not_honoured == [*named, "turn_detection.threshold"]
    assert Wanted().not_honoured == []
