"""Deepgram's pre-recorded requests and answers, with its own client."""

from __future__ import annotations

from typing import Any

import pytest
from deepgram.types import ListenV1Response

from models.base import Word
from stream.errors import BadRequest, Unsupported
from stream.events import Final
from stream.rest.answer import Answer
from stream.rest.deepgram import answer_body, read
from stream.rest.fields import WrongField
from stream.rest.request import FileUrl, Upload
from tests.stream.rest.vendors import ABOUT, DURATION, SAID, TEXT, S, Server, final


def answered(query: list[tuple[str, str]], said: tuple[Final, ...] = SAID) -> dict[str, Any]:
    request = read(query, None)
    body = answer_body(request, Answer(request.transcription, "base", said, DURATION), ABOUT)
    ListenV1Response.model_validate(body)
    return body


def alternative(query: list[tuple[str, str]], said: tuple[Final, ...] = SAID) -> dict[str, Any]:
    return answered(query, said)["results"]["channels"][0]["alternatives"][0]


def test_the_client_reads_a_files_transcript():
    server = Server()
    read = server.deepgram().listen.v1.media.transcribe_file(
        request=b"RIFF",
        model="nova-3",
        smart_format=True,
        utterances=True,
        detect_language=True,
        keyterm=["Ada", "Bob"],
        tag=["t1", "t2"],
        diarize=True,
        numerals=False,
    )
    channel = read.results.channels[0]
    first = channel.alternatives[0]
    assert (first.transcript, channel.detected_language) == (TEXT, "en")
    assert first.confidence == pytest.approx(0.74)
    assert [(word.word, word.start, word.end, word.confidence) for word in first.words][:2] == [
        ("good", 0.5, 1.0, 0.9), ("morning", 1.0, 2.0, 0.8)
    ]  # fmt: skip
    assert first.words[1].punctuated_word == "morning."
    assert [each.transcript for each in read.results.utterances] == ["Good morning.", "Can you hear?"]
    about = read.metadata
    assert (about.duration, about.channels, about.models, about.tags) == (31.0, 1, ["base"], ["t1", "t2"])
    assert about.model_info == {"base": {"name": "base", "arch": "whisper"}}
    assert (about.request_id, about.created) == (str(ABOUT.request_id), ABOUT.created)
    (asked,) = server.asked
    assert asked.transcription.source == Upload()
    assert asked.transcription.keywords == ("Ada", "Bob")
    assert asked.transcription.ignored == ("diarize",)


def test_the_client_names_a_url():
    server = Server()
    server.deepgram().listen.v1.media.transcribe_url(url="https://x/y.wav", model="nova-3", language="en-US")
    (asked,) = server.asked
    assert asked.transcription.source == FileUrl("https://x/y.wav")
    assert asked.transcription.languages == ("en",)


def test_punctuation_only_when_asked_for():
    plain = alternative([])
    assert plain["transcript"] == "good morning can you hear"
    assert "punctuated_word" not in plain["words"][0]
    for option in ("punctuate", "smart_format", "paragraphs"):
        assert alternative([(option, "true")])["transcript"] == TEXT


def test_a_word_keeps_what_is_inside_it():
    said = final(*(Word(each, 0, 1) for each in (" “Don't", " re-do", " U.S.,”", " —")))
    assert [word["word"] for word in alternative([], (said,))["words"]] == ["don't", "re-do", "u.s", "—"]


def test_paragraphs_and_utterances_only_when_asked_for():
    body = answered([])
    assert "utterances" not in body["results"]
    assert "paragraphs" not in body["results"]["channels"][0]["alternatives"][0]


def test_paragraphs_end_with_a_sentence_that_a_pause_follows():
    told = alternative([("paragraphs", "true")])["paragraphs"]
    assert told["transcript"] == "Good morning.\n\nCan you hear?"
    first, second = told["paragraphs"]
    assert first == {
        "sentences": [{"text": "Good morning.", "start": 0.5, "end": 2.0}], "start": 0.5, "end": 2.0, "num_words": 2
    }  # fmt: skip
    assert (second["num_words"], second["start"]) == (3, 3.0)


def test_paragraphs_end_after_five_sentences_and_not_within_one():
    said = final(*(Word(f" {number}.", number * S, number * S + S) for number in range(1, 8)))
    told = alternative([("paragraphs", "true")], (said,))["paragraphs"]
    assert [len(each["sentences"]) for each in told["paragraphs"]] == [5, 2]
    halting = final(Word(" One", 0, 1), Word(" two.", 9 * S, 10 * S))
    assert len(alternative([("paragraphs", "true")], (halting,))["paragraphs"]["paragraphs"]) == 1


@pytest.mark.parametrize(("split", "count"), [([], 2), ([("utt_split", "1.5")], 1), ([("utt_split", "1")], 2)])
def test_utterances_are_parted_by_pauses(split: list[tuple[str, str]], count: int):
    told = answered([("utterances", "true"), *split])["results"]["utterances"]
    assert len(told) == count
    assert len({each["id"] for each in told}) == count
    assert "".join(f" {each['transcript']}" for each in told).strip() == "good morning can you hear"
    assert sum(len(each["words"]) for each in told) == 5
    assert (told[0]["channel"], told[0]["start"], "speaker" in told[0]) == (0, 0.5, False)


def test_silence():
    silent = answered([("utterances", "true"), ("paragraphs", "true"), ("detect_language", "true")], ())
    (channel,) = silent["results"]["channels"]
    assert channel == {
        "alternatives": [
            {"transcript": "", "words": [], "confidence": 0.0, "paragraphs": {"transcript": "", "paragraphs": []}}
        ]
    }
    assert silent["results"]["utterances"] == []


def test_a_confidence_that_is_not_known_is_left_out():
    told = alternative([], (final(Word(" Yes.", 0, S)),))
    assert "confidence" not in told
    assert told["words"] == [{"word": "yes", "start": 0.0, "end": 1.0}]


def test_languages():
    assert read([("language", "multi")], None).transcription.languages == ()
    hinted = [("language", "multi"), ("language_hint", "de"), ("language_hint", "en-GB")]
    assert read(hinted, None).transcription.languages == ("de", "en")
    assert alternative([("language", "multi")])["languages"] == ["en"]
    assert read([("detect_language", "de"), ("detect_language", "en")], None).transcription.languages == ("de", "en")
    assert read([("detect_language", "true"), ("language", "de")], None).transcription.languages == ()
    plain = read([("detect_language", "false"), ("language", "de")], None)
    assert (plain.transcription.languages, plain.detects) == (("de",), False)


def test_keywords_may_have_a_boost():
    request = read([("keywords", "Ada:2"), ("keywords", "Bob"), ("keywords", "12:30:1.5"), ("keywords", "a:b")], None)
    assert request.transcription.keywords == ("Ada", "Bob", "12:30", "a:b")
    assert request.transcription.ignored == ()
    held_back = read([("keywords", "um:-2")], None).transcription
    assert (held_back.keywords, held_back.ignored) == ((), ("keywords",))


def test_what_is_not_offered_is_named():
    query = [("redact", "pci"), ("multichannel", "true"), ("summarize", "v2"), ("filler_words", "false")]
    query += [("mip_opt_out", "true"), ("version", "latest"), ("extra[a]", "b")]
    assert read(query, None).transcription.ignored == ("redact", "multichannel", "summarize", "extra")


def test_a_callback_would_be_waited_for():
    with pytest.raises(Unsupported, match="callback"):
        read([("callback", "https://x")], None)


@pytest.mark.parametrize("body", [b"{}", b'{"url": ""}', b'{"url": null}', b"[]", b"RIFF"])
def test_a_body_that_names_no_url(body: bytes):
    with pytest.raises(BadRequest):
        read([], body)


@pytest.mark.parametrize("query", [("punctuate", "maybe"), ("utt_split", "-1"), ("utterances", "2")])
def test_a_wrong_value_is_named(query: tuple[str, str]):
    with pytest.raises(WrongField) as caught:
        read([query], None)
    assert caught.value.param == query[0]
