"""Deepgram's requests for the transcript of a recording, and their answers.

Knows nothing of HTTP, files and models.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from models.base import SAMPLE_RATE, ModelCard, Word
from stream.errors import Unsupported
from stream.rest import deepgram_words
from stream.rest.answer import Answer
from stream.rest.deepgram_words import seconds, spoken
from stream.rest.fields import FLAGS, Fields, Pairs, WrongField, json_pairs
from stream.rest.request import FileUrl, Source, TranscriptionRequest, Upload, code
from stream.rest.segments import Segment, heard_languages

SENTENCE_ENDS = ".?!…。？！"
PARAGRAPH_PAUSE_S = 1.0
PARAGRAPH_SENTENCES = 5
"""A paragraph ends with a sentence: with one that such a pause follows, or with so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenRequest:
    """A transcript asked for in Deepgram's words.

    punctuated: as the model writes it; otherwise words in lower case without punctuation. utterance_split: seconds
    without a word that part utterances. detects: the answer is to say which language was heard; mixed: or which ones.
    """

    transcription: TranscriptionRequest
    punctuated: bool = False
    paragraphs: bool = False
    utterances: bool = False
    utterance_split: float = 0.8
    detects: bool = False
    mixed: bool = False
    tags: tuple[str, ...] = ()

    def honoured_by(self, card: ModelCard) -> ListenRequest:
        """As TranscriptionRequest has it."""
        return replace(self, transcription=self.transcription.honoured_by(card))


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What an answer says beside the transcript. sha256: of the recording as it came, in hex. kind: the model's."""

    request_id: uuid.UUID
    sha256: str
    created: datetime
    kind: str


def read(query: Pairs, body: bytes | None) -> ListenRequest:
    """Read a request. body: the JSON that names a URL, None where the body is the recording itself.

    Raises WrongField, BadRequest for a body that is no JSON, and Unsupported for a callback, which would be waited for.
    """
    fields = Fields(query)
    if fields.one("callback"):
        raise Unsupported("`callback` is not offered", hint="leave it out: the answer holds the transcript")
    source: Source = Upload()
    if body is not None:
        if not (url := Fields(json_pairs(body)).one("url")):
            raise WrongField("url", "the body holds no `url`", hint='{"url": "https://…"}, or the recording itself')
        source = FileUrl(url)
    languages, mixed = deepgram_words.languages(fields)
    detecting = fields.many("detect_language", split=True)
    named = tuple(each for each in detecting if each.lower() not in FLAGS)
    detects = bool(named) or any(FLAGS.get(each.lower()) for each in detecting)
    if detects:
        languages = tuple(dict.fromkeys(map(code, named)))
    for name in ("mip_opt_out", "version"):  # nothing is kept, and there is one version
        fields.one(name)
    paragraphs = fields.flag("paragraphs")
    punctuated = deepgram_words.punctuated(fields)
    keywords, unwanted = deepgram_words.favoured(fields)
    split = fields.number("utt_split", 0.0, 3600.0)
    request = ListenRequest(
        transcription=TranscriptionRequest(
            source=source,
            dialect="deepgram",
            model=fields.one("model"),
            languages=languages,
            keywords=keywords,
        ),
        punctuated=punctuated or paragraphs,
        paragraphs=paragraphs,
        utterances=fields.flag("utterances"),
        utterance_split=0.8 if split is None else split,
        detects=detects,
        mixed=mixed,
        tags=fields.many("tag"),
    )
    ignored = (*(["keywords"] if unwanted else []), *fields.unread())
    return replace(request, transcription=replace(request.transcription, ignored=ignored))


def answer_body(request: ListenRequest, answer: Answer, about: About) -> dict[str, Any]:
    """The JSON of an answer. Confidences that a model has none of are left out."""
    words = [word for each in answer.segments for word in each.words]
    metadata: dict[str, Any] = {
        "transaction_key": "deprecated",
        "request_id": str(about.request_id),
        "sha256": about.sha256,
        "created": about.created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "duration": seconds(answer.duration),
        "channels": 1,
        "models": [answer.model],
        "model_info": {answer.model: {"name": answer.model, "arch": about.kind}},
    }
    if request.tags:
        metadata["tags"] = list(request.tags)
    alternative = spoken(words, punctuated=request.punctuated)
    if not words:
        alternative["confidence"] = 0.0  # what clients read of silence
    if request.mixed:
        alternative["languages"] = heard_languages(answer.segments)
    if request.paragraphs:
        alternative["paragraphs"] = _paragraphs(answer.segments)
    channel: dict[str, Any] = {"alternatives": [alternative]}
    if request.detects and (language := answer.language) is not None:
        channel["detected_language"] = language
    results: dict[str, Any] = {"channels": [channel]}
    if request.utterances:
        results["utterances"] = [
            _utterance(request, number, run, about.request_id)
            for number, run in enumerate(_runs(words, _parted_by(request.utterance_split)))
        ]
    return {"metadata": metadata, "results": results}


def _utterance(request: ListenRequest, number: int, words: Sequence[Word], request_id: uuid.UUID) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid5(request_id, f"utterance {number}")),
        "start": seconds(words[0].start),
        "end": seconds(words[-1].end),
        "channel": 0,
        **spoken(words, punctuated=request.punctuated),
    }


def _paragraphs(told: Sequence[Segment]) -> dict[str, Any]:
    words = [word for each in told for word in each.words]
    sentences = _runs(words, lambda word, _: word.text.rstrip("\"'”’)»").endswith(tuple(SENTENCE_ENDS)))
    paused = _parted_by(PARAGRAPH_PAUSE_S)
    gathered: list[list[list[Word]]] = []
    for sentence in sentences:
        if not gathered or len(gathered[-1]) == PARAGRAPH_SENTENCES or paused(gathered[-1][-1][-1], sentence[0]):
            gathered.append([])
        gathered[-1].append(sentence)
    return {
        "transcript": "\n\n".join(_text([word for each in paragraph for word in each]) for paragraph in gathered),
        "paragraphs": [
            {
                "sentences": [
                    {"text": _text(each), "start": seconds(each[0].start), "end": seconds(each[-1].end)}
                    for each in paragraph
                ],
                "start": seconds(paragraph[0][0].start),
                "end": seconds(paragraph[-1][-1].end),
                "num_words": sum(map(len, paragraph)),
            }
            for paragraph in gathered
        ],
    }


def _runs(words: Sequence[Word], parts: Callable[[Word, Word], bool]) -> list[list[Word]]:
    """The words, cut wherever `parts` says so of two that follow each other."""
    runs: list[list[Word]] = []
    for index, word in enumerate(words):
        if index == 0 or parts(words[index - 1], word):
            runs.append([])
        runs[-1].append(word)
    return runs


def _parted_by(pause_s: float) -> Callable[[Word, Word], bool]:
    return lambda before, after: after.start - before.end >= pause_s * SAMPLE_RATE


def _text(words: Sequence[Word]) -> str:
    return "".join(word.text for word in words).strip()
