"""What the API's description says is what is read, and what is answered."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from stream.rest import deepgram
from stream.rest.answer import Answer, body
from stream.rest.descriptions import LISTEN_QUERY, TRANSCRIPTION_REQUEST, Listened, Transcript
from stream.rest.request import FORMATS, TranscriptionRequest, Upload, read
from tests.stream.rest.vendors import ABOUT, DURATION, SAID

UPLOAD = [("file", Upload("a.wav"))]
VALUES = {"string": "en", "number": "0", "boolean": "true", "array": "x"}


def value(schema: dict[str, Any]) -> str:
    chosen = schema.get("enum") or schema.get("items", {}).get("enum")
    return chosen[0] if chosen else VALUES[schema["type"]]


@pytest.mark.parametrize("kind", TRANSCRIPTION_REQUEST["content"])
def test_every_field_of_a_request_is_read(kind: str):
    schemas = dict(TRANSCRIPTION_REQUEST["content"][kind]["schema"]["properties"])
    assert (schemas.pop("file", None) is not None) == (kind == "multipart/form-data")
    sources = {name: schemas.pop(name) for name in ("file_url", "file_id")}
    for name in sources:
        assert read([(name, "x")]).ignored == ()
    asked = read([(name, value(schema)) for name, schema in schemas.items()], UPLOAD)
    assert asked.ignored == ()
    assert asked != read([], UPLOAD)


@pytest.mark.parametrize("parameter", LISTEN_QUERY, ids=lambda parameter: parameter["name"])
def test_every_parameter_of_deepgrams_is_read(parameter: dict[str, Any]):
    asked = deepgram.read([(parameter["name"], value(parameter["schema"]))], None)
    assert asked.transcription.ignored == ()
    assert asked != deepgram.read([], None)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("granularities", [(), ("segment", "word")])
@pytest.mark.parametrize("said", [(), SAID])
def test_a_transcript_has_the_fields_that_are_described(format: Any, granularities: Any, said: Any):
    request = TranscriptionRequest(source=Upload(), format=format, granularities=granularities)
    told = json.loads(msgspec.json.encode(body(Answer(request, "base", said, DURATION))))
    assert Transcript.model_validate(told).model_dump(exclude_unset=True) == told


@pytest.mark.parametrize("said", [(), SAID])
def test_deepgrams_answer_has_the_fields_that_are_described(said: Any):
    names = ("smart_format", "paragraphs", "utterances", "detect_language")
    for asked in (
        deepgram.read([], None),
        deepgram.read([*((name, "true") for name in names), ("tag", "a"), ("language", "multi")], None),
    ):
        answer = Answer(asked.transcription, "base", said, DURATION)
        told = json.loads(msgspec.json.encode(deepgram.answer_body(asked, answer, ABOUT)))
        assert Listened.model_validate(told).model_dump(exclude_unset=True) == told
