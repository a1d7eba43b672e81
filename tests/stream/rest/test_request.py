"""Requests as the vendors' clients and documentation write them, and what is wrong with wrong ones."""

from __future__ import annotations

from typing import Any

import pytest

from models.base import ModelCard
from stream.rest.fields import WrongField, json_pairs
from stream.rest.request import FileId, FileUrl, TranscriptionRequest, Upload, read
from tests.stream.rest.vendors import Server

TALK = [("file", Upload("talk.mp3", "audio/mpeg"))]
WAV = ("a.wav", b"RIFF", "audio/x-wav")


def asked(pairs: list[tuple[str, str]]) -> TranscriptionRequest:
    return read(pairs, TALK)


def test_only_a_file_is_needed():
    request = asked([])
    assert request == TranscriptionRequest(source=Upload("talk.mp3", "audio/mpeg"))
    assert (request.format, request.streamed, request.granularities, request.ignored) == ("json", False, (), ())


def test_all_of_openais_client():
    server = Server()
    server.openai().audio.transcriptions.create(
        file=WAV,
        model="whisper-1",
        language="en",
        prompt="Ada and Bob",
        response_format="verbose_json",
        temperature=0,
        timestamp_granularities=["word", "segment"],
        keywords=["Lovelace", "Byron, Lord"],
        include=["logprobs"],
        chunking_strategy={"type": "server_vad", "threshold": 0.5},
    )
    assert server.asked == [
        TranscriptionRequest(
            source=Upload("a.wav", "audio/x-wav"),
            dialect="openai",
            model="whisper-1",
            languages=("en",),
            prompt="Ada and Bob",
            keywords=("Lovelace", "Byron, Lord"),
            granularities=("segment", "word"),
            format="verbose_json",
            ignored=("chunking_strategy", "include"),
        )
    ]


def test_all_of_mistrals_client():
    server = Server()
    transcriptions = server.mistral().audio.transcriptions
    transcriptions.complete(
        model="voxtral-mini-latest",
        file={"file_name": "a.wav", "content": b"RIFF", "content_type": "audio/x-wav"},
        language="en",
        diarize=True,
        context_bias=["Ada", "Bob"],
        timestamp_granularities=["segment", "word"],
        temperature=0.7,
    )
    transcriptions.complete(model="voxtral-mini-latest", file_url="http://steno/v1/files/x/content?signature=y")
    transcriptions.complete(model="voxtral-mini-latest", file_id="x")
    sent, by_url, by_id = server.asked
    assert sent == TranscriptionRequest(
        source=Upload("a.wav", "audio/x-wav"),
        dialect="mistral",
        model="voxtral-mini-latest",
        languages=("en",),
        keywords=("Ada", "Bob"),
        granularities=("segment", "word"),
        ignored=("temperature", "diarize"),
    )
    plain: dict[str, Any] = {"dialect": "mistral", "model": "voxtral-mini-latest"}
    url = FileUrl("http://steno/v1/files/x/content?signature=y")
    assert by_url == TranscriptionRequest(source=url, **plain)
    assert by_id == TranscriptionRequest(source=FileId("x"), **plain)


def test_values_in_quotes_as_documentation_has_them():
    request = read(
        [
            ("file_url", '"https://docs.example/audio/obama.mp3"'),
            ("model", '"voxtral-mini-2507"'),
            ("timestamp_granularities", '"segment"'),
            ("context_bias", '"Chicago,Joplin"'),
            ("stream", '"true"'),
        ],
        dialect="mistral",
    )
    assert request.source == FileUrl("https://docs.example/audio/obama.mp3")
    assert (request.model, request.granularities) == ("voxtral-mini-2507", ("segment",))
    assert (request.keywords, request.streamed) == (("Chicago", "Joplin"), True)


def test_a_json_body():
    body = b'{"model": "base", "file_url": "https://x/y", "stream": true, "timestamp_granularities": ["word"], '
    body += b'"temperature": 0.0, "diarize": false, "language": null, "context_bias": ["Ada"]}'
    assert read(json_pairs(body), dialect="mistral") == TranscriptionRequest(
        source=FileUrl("https://x/y"),
        dialect="mistral",
        model="base",
        keywords=("Ada",),
        granularities=("word",),
        streamed=True,
    )


def test_a_verbose_answer_has_segments_unless_only_words_are_asked_for():
    assert asked([("response_format", "verbose_json")]).granularities == ("segment",)
    verbose = [("response_format", "verbose_json"), ("timestamp_granularities[]", "word")]
    assert asked(verbose).granularities == ("word",)


def test_languages_are_codes():
    pairs = [("language", "en-US"), ("languages[]", "DE"), ("languages[]", "en_GB")]
    assert asked(pairs).languages == ("en", "de")
    assert asked([("languages", "en, fr")]).languages == ("en", "fr")


def test_cutting_where_voices_pause_is_what_is_done():
    assert asked([("chunking_strategy", "auto")]).ignored == ()


def test_an_option_that_is_not_known_is_named():
    assert asked([("magic", "on"), ("diarize", "false"), ("speaker_references", "{}")]).ignored == ("magic",)


@pytest.mark.parametrize(
    ("pairs", "field", "message"),
    [
        ([("response_format", "diarized_json")], "response_format", "`json`, `text`, `srt`, `verbose_json`, `vtt`"),
        ([("timestamp_granularities[]", "char")], "timestamp_granularities", "`segment`, `word`"),
        ([("temperature", "2")], "temperature", "a number from 0 to 1"),
        ([("temperature", "hot")], "temperature", "a number from 0 to 1"),
        ([("stream", "maybe")], "stream", "`true` or `false`"),
        ([("stream", "true"), ("response_format", "srt")], "stream", "`srt` can't be streamed"),
        ([("model", "a"), ("model", "b")], "model", "2 times"),
        ([("file", "@talk.mp3")], "file", "`@talk.mp3`, not a file"),
        ([("file_url", "http://x")], "file", "more than one of"),
        ([("file_id", "x")], "file", "more than one of"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(pairs: list[tuple[str, str]], field: str, message: str):
    with pytest.raises(WrongField) as caught:
        asked(pairs)
    assert (caught.value.param, caught.value.status) == (field, 400)
    assert message in caught.value.message


@pytest.mark.parametrize("files", [[], [("audio", Upload())], TALK * 2])
def test_there_is_exactly_one_recording(files: list[tuple[str, Upload]]):
    with pytest.raises(WrongField, match=r"`file`|2 files"):
        read([], files)


CARD = ModelCard(kind="fake", languages=("en",))


@pytest.mark.parametrize(
    ("dialect", "name"), [("openai", "keywords"), ("mistral", "context_bias"), ("deepgram", "keyterm")]
)
def test_hints_that_a_model_cannot_use_are_named(dialect: Any, name: str):
    request = TranscriptionRequest(
        source=Upload(), dialect=dialect, prompt="x", keywords=("y",), languages=("de",), ignored=("diarize",)
    )
    fitted = request.honoured_by(CARD)
    assert (fitted.prompt, fitted.keywords, fitted.languages) == (None, (), ("de",))
    assert fitted.ignored == ("diarize", "prompt", name)
    able = ModelCard(kind="fake", languages=("en",), prompt=True, keywords=True)
    assert request.honoured_by(able) == request


def test_what_a_session_is_asked():
    request = TranscriptionRequest(
        source=Upload(), model="whisper-1", languages=("en",), task="translate", prompt="x", keywords=("y",)
    )
    options = request.options("base")
    assert (options.model, options.mode, options.words, options.partials) == ("base", "file", True, False)
    assert (options.languages, options.task, options.prompt, options.keywords) == (("en",), "translate", "x", ("y",))
