"""Answers are what both vendors' typed clients read, and hold nothing that isn't known."""

from __future__ import annotations

import json
import math
import zlib
from dataclasses import replace
from typing import Any

import pytest
from mistralai.client.models import TranscriptionResponse
from openai.types.audio import Transcription, TranscriptionVerbose, TranslationVerbose

from models.base import Word
from stream.events import Final
from stream.rest.answer import Answer, body, respond, usage
from stream.rest.request import TranscriptionRequest, Upload
from stream.subtitles import srt, vtt
from tests.stream.rest.vendors import DURATION, SAID, TEXT, S, Server, final

WAV = ("a.wav", b"RIFF", "audio/x-wav")
MISTRALS_WAV: Any = {"file_name": "a.wav", "content": b"RIFF"}


def answer(said: tuple[Final, ...] = SAID, duration: int = DURATION, **asked: Any) -> Answer:
    return Answer(TranscriptionRequest(source=Upload(), **asked), "base", said, duration)


SRT, VTT = srt(SAID), vtt(SAID)
ALL: dict[str, Any] = {"granularities": ("segment", "word")}


@pytest.mark.parametrize("asked", [{}, ALL])
@pytest.mark.parametrize("said", [SAID, ()])
@pytest.mark.parametrize("dialect", ["openai", "mistral"])
def test_one_body_has_the_types_of_both_vendors(asked: dict[str, Any], said: tuple[Final, ...], dialect: str):
    plain = body(answer(said, dialect=dialect, **asked))
    read = TranscriptionResponse.model_validate(plain)
    Transcription.model_validate(plain)
    assert read.text == plain["text"]
    assert isinstance(read.usage.prompt_audio_seconds, int)
    verbose = body(answer(said, dialect="openai", format="verbose_json", **asked))
    TranscriptionVerbose.model_validate(json.loads(json.dumps(verbose)))
    TranslationVerbose.model_validate(verbose)


def test_openais_client_reads_it_all():
    transcriptions = Server().openai().audio.transcriptions
    assert transcriptions.create(file=WAV, model="whisper-1").text == TEXT
    assert transcriptions.create(file=WAV, model="whisper-1", response_format="text") == f"{TEXT}\n"
    verbose = transcriptions.create(
        file=WAV,
        model="whisper-1",
        response_format="verbose_json",
        timestamp_granularities=["segment", "word"],
    )
    assert (verbose.language, verbose.duration, verbose.text) == ("english", 31.0, TEXT)
    first, second = verbose.segments or []
    assert (first.start, first.end, first.text, first.tokens, first.seek) == (0.5, 2.0, "Good morning.", [], 50)
    assert (second.id, second.text) == (1, " Can you hear?")
    assert [(word.word, word.start, word.end) for word in verbose.words or []][:2] == [
        ("Good", 0.5, 1.0), ("morning.", 1.0, 2.0)
    ]  # fmt: skip
    assert verbose.usage is not None
    assert verbose.usage.seconds == 31.0


def test_openais_client_reads_subtitles():
    transcriptions = Server().openai().audio.transcriptions
    assert transcriptions.create(file=WAV, model="whisper-1", response_format="srt") == SRT
    assert transcriptions.create(file=WAV, model="whisper-1", response_format="vtt") == VTT


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # as OpenAI calls its translations by now
def test_openais_client_reads_translations():
    server = Server(finals=tuple(replace(each, language="de") for each in SAID))
    translations = server.openai().audio.translations
    assert translations.create(file=WAV, model="whisper-1").text == TEXT
    verbose: Any = translations.create(file=WAV, model="whisper-1", response_format="verbose_json")
    assert (verbose.language, len(verbose.segments)) == ("english", 2)
    assert server.asked[0].task == "translate"


def test_mistrals_client_reads_it_all():
    transcriptions = Server().mistral().audio.transcriptions
    plain = transcriptions.complete(model="voxtral-mini-latest", file=MISTRALS_WAV)
    assert (plain.model, plain.text, plain.language, plain.segments) == ("base", TEXT, "en", [])
    timed = transcriptions.complete(model="voxtral-mini-latest", file=MISTRALS_WAV, timestamp_granularities=["segment"])
    assert [(each.start, each.end, each.text) for each in timed.segments or []] == [
        (0.5, 2.0, "Good morning."), (3.0, 6.0, " Can you hear?")
    ]  # fmt: skip
    assert timed.usage.model_dump(exclude={"service_tier"}) == {
        "type": "duration", "seconds": 31.0, "prompt_audio_seconds": 32,
        "prompt_tokens": 0, "completion_tokens": 5, "total_tokens": 5 + 2 * 375
    }  # fmt: skip


def test_words_are_segments_for_mistral():
    told = body(answer(dialect="mistral", granularities=("word",)))
    assert [each["text"] for each in told["segments"]] == ["Good", " morning.", " Can", " you", " hear?"]
    assert "".join(each["text"] for each in told["segments"]) == told["text"]
    assert body(answer(dialect="openai", granularities=("word",)))["segments"] == []
    both = body(answer(dialect="mistral", **ALL))
    assert (len(both["segments"]), len(both["words"])) == (2, 5)


def test_segments_and_words_only_when_asked_for():
    plain = body(answer())
    assert plain["segments"] == []
    assert "words" not in plain
    assert [each["text"] for each in body(answer(granularities=("segment",)))["segments"]] == [
        "Good morning.", " Can you hear?"
    ]  # fmt: skip


def test_what_a_segment_says_of_itself_is_derived_from_what_is_known():
    first, second = body(answer(granularities=("segment",)))["segments"]
    assert first["avg_logprob"] == pytest.approx((math.log(0.9) + math.log(0.8)) / 2, abs=1e-4)
    assert (first["no_speech_prob"], second["no_speech_prob"]) == (pytest.approx(0.1), 0.0)
    assert (first["tokens"], first["temperature"], first["speaker_id"]) == ([], 0.0, None)
    assert first["compression_ratio"] == round(13 / len(zlib.compress(b"Good morning.")), 3)


def test_without_confidences_it_says_null():
    (only,) = body(answer((final(Word(" Yes.", 0, S)),), granularities=("segment",)))["segments"]
    assert (only["avg_logprob"], only["no_speech_prob"]) == (None, None)


def test_usage_counts_what_was_asked_and_what_was_said():
    counts = usage(answer(duration=30 * S + 1, prompt="Ada and Bob", keywords=("Lord Byron",)))
    assert counts == {
        "prompt_audio_seconds": 31, "prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 760
    }  # fmt: skip


def test_the_language_is_the_one_asked_for_or_heard_longest():
    german = (SAID[0], *(replace(each, language="de") for each in SAID[1:]))
    assert body(answer(german))["language"] == "de"
    assert body(answer(german))["languages"] == [{"code": "de"}, {"code": "en"}]
    assert body(answer(german, languages=("en",)))["language"] == "en"
    assert body(answer(german, languages=("en", "de")))["language"] == "de"
    assert body(answer(german, task="translate"))["language"] == "en"


def test_nothing_is_said_of_the_language_of_silence():
    assert body(answer(()))["language"] is None
    assert body(answer((), format="verbose_json"))["language"] == ""
    assert body(answer((), format="verbose_json", dialect="mistral"))["language"] is None


def test_media_types():
    kinds = {format: respond(answer(format=format)) for format in ("json", "text", "srt", "vtt")}
    assert kinds["json"][0] == "application/json"
    assert kinds["text"] == ("text/plain; charset=utf-8", f"{TEXT}\n".encode())
    assert kinds["srt"] == ("text/plain; charset=utf-8", SRT.encode())
    assert kinds["vtt"] == ("text/vtt; charset=utf-8", VTT.encode())
