"""Events as each vendor's client iterates them, told with the finals and not after them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from mistralai.client.errors import ResponseValidationError
from openai import APIError
from openai.types.audio import TranscriptionTextDeltaEvent, TranscriptionTextDoneEvent

from stream.errors import EngineFailed
from stream.rest.request import TranscriptionRequest, Upload
from stream.rest.sse import EventStream
from tests.stream.rest.vendors import DURATION, SAID, TEXT, Server

WAV = ("a.wav", b"RIFF", "audio/x-wav")
MISTRALS_WAV: Any = {"file_name": "a.wav", "content": b"RIFF"}
BROKEN = EngineFailed("what is said from 1.0 to 2.0 s can't be decoded")


def events(dialect: Any, **asked: Any) -> EventStream:
    return EventStream(TranscriptionRequest(source=Upload(), dialect=dialect, streamed=True, **asked), "base")


def read(told: bytes) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in told.decode().split("\n") if line.startswith("data: ")]


def test_openais_client_iterates_deltas_and_the_end():
    with Server().openai().audio.transcriptions.create(file=WAV, model="gpt-4o-transcribe", stream=True) as heard:
        told = list(heard)
    *deltas, done = told
    assert [event.type for event in deltas] == ["transcript.text.delta"] * 2
    assert "".join(event.delta for event in deltas) == done.text == TEXT
    assert done.usage.total_tokens == done.usage.input_tokens + done.usage.output_tokens == 5 + 750
    assert done.usage.input_token_details.audio_tokens == 750
    assert [each.code for each in done.languages] == ["en"]


def test_openais_events_have_their_types():
    stream = events("openai")
    for each in SAID:
        TranscriptionTextDeltaEvent.model_validate(*read(stream.final(each)))
    TranscriptionTextDoneEvent.model_validate(*read(stream.done(DURATION)))
    TranscriptionTextDoneEvent.model_validate(*read(events("openai").done(0)))


def test_openais_segments_have_no_speaker():
    told = list(
        Server()
        .openai()
        .audio.transcriptions.create(file=WAV, model="whisper-1", stream=True, timestamp_granularities=["segment"])
    )
    listed: list[Any] = [event for event in told if event.type == "transcript.text.segment"]
    assert [(each.id, each.start, each.end, each.text, each.speaker) for each in listed] == [
        ("0", 0.5, 2.0, "Good morning.", None), ("1", 3.0, 6.0, " Can you hear?", None)
    ]  # fmt: skip


def test_openais_client_raises_what_breaks_midway():
    transcriptions = Server(breaks=BROKEN).openai().audio.transcriptions
    heard = []
    with pytest.raises(APIError, match="can't be decoded") as caught:
        heard.extend(transcriptions.create(file=WAV, model="whisper-1", stream=True))
    assert caught.value.code == "engine_failed"


def test_mistrals_client_iterates_all_events():
    with (
        Server()
        .mistral()
        .audio.transcriptions.stream(
            model="voxtral-mini-latest", file=MISTRALS_WAV, timestamp_granularities=["segment"]
        ) as heard
    ):
        told: list[Any] = [event.data for event in heard]
    assert [event.type for event in told] == [
        "transcription.language",
        "transcription.text.delta", "transcription.segment",
        "transcription.text.delta", "transcription.segment",
        "transcription.done",
    ]  # fmt: skip
    assert told[0].audio_language == "en"
    done = told[-1]
    assert told[1].text + told[3].text == done.text == TEXT
    assert [(each.start, each.end, each.text) for each in done.segments] == [
        (each.start, each.end, each.text) for each in (told[2], told[4])
    ]
    assert (done.model, done.language, done.usage.total_tokens) == ("base", "en", 755)


def test_mistrals_words_are_segments():
    stream = events("mistral", granularities=("word",))
    told = read(stream.final(SAID[0]) + stream.final(SAID[1]))
    assert "".join(each["text"] for each in told if each["type"] == "transcription.segment") == TEXT


def test_mistrals_client_raises_what_breaks_midway():
    transcriptions = Server(breaks=BROKEN).mistral().audio.transcriptions
    heard: list[Any] = []
    stream = transcriptions.stream(model="voxtral-mini-latest", file=MISTRALS_WAV)
    with stream, pytest.raises(ResponseValidationError) as caught:
        heard.extend(stream)
    assert "can't be decoded" in caught.value.body
    assert len(heard) == 3  # the language and two texts


def test_a_final_is_told_at_once_and_without_what_was_not_asked_for():
    stream = events("mistral")
    assert [each["type"] for each in read(stream.final(SAID[0]))] == [
        "transcription.language",
        "transcription.text.delta",
    ]
    assert read(stream.final(SAID[1])) == [{"type": "transcription.text.delta", "text": " Can you hear?"}]
    assert read(stream.done(DURATION))[0]["segments"] == []


def test_the_language_is_told_when_it_is_known():
    stream = events("mistral")
    unknown = replace(SAID[0], language=None)
    assert [each["type"] for each in read(stream.final(unknown))] == ["transcription.text.delta"]
    assert read(stream.final(SAID[1]))[0] == {"type": "transcription.language", "audio_language": "en"}


@pytest.mark.parametrize("dialect", ["openai", "mistral"])
def test_an_event_is_one_block_of_lines(dialect: str):
    stream = events(dialect, granularities=("segment",))
    told = stream.final(SAID[0]) + stream.done(DURATION)
    blocks = told.decode().removesuffix("\n\n").split("\n\n")
    for block in blocks:
        *named, data = block.split("\n")
        assert named == ([] if dialect == "openai" else [f"event: {json.loads(data[6:])['type']}"])
