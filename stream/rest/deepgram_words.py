"""Words in Deepgram's requests and answers, whether of recordings or live.

Knows nothing of HTTP, files, sockets and models.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from models.base import SAMPLE_RATE, Word
from stream.rest.fields import Fields
from stream.rest.request import code
from stream.rest.segments import mean_confidence
from stream.text import plain


def punctuated(fields: Fields) -> bool:
    """Whether text is to be as the model writes it; otherwise words in lower case without punctuation."""
    punctuate, smart_format = fields.flag("punctuate"), fields.flag("smart_format")
    return punctuate or smart_format


def languages(fields: Fields) -> tuple[tuple[str, ...], bool]:
    """Codes of the languages that may occur, none to detect; and whether they may mix."""
    named = fields.many("language")
    mixed = "multi" in named
    if mixed:
        named = fields.many("language_hint")
    return tuple(dict.fromkeys(map(code, named))), mixed


def favoured(fields: Fields) -> tuple[tuple[str, ...], bool]:
    """Words and phrases to favour, how much being up to the model; and whether any was to be held back instead."""
    terms, unwanted = list(fields.many("keyterm")), False
    for entry in fields.many("keywords"):
        word, colon, boost = entry.rpartition(":")
        try:
            strength = float(boost) if colon else 1.0
        except ValueError:  # a colon of its own
            word, strength = entry, 1.0
        if strength > 0:
            terms.append(word if colon else entry)
        else:
            unwanted = True
    return tuple(dict.fromkeys(terms)), unwanted


def spoken(words: Sequence[Word], *, punctuated: bool) -> dict[str, Any]:
    """The transcript of some words, and the words. Confidences that a model has none of are left out."""
    texts = [word.text if punctuated else bare(word.text) for word in words]
    confidence = mean_confidence(words)
    said: dict[str, Any] = {"transcript": "".join(texts).strip()}
    if confidence is not None:
        said["confidence"] = round(confidence, 4)
    return said | {"words": [_word(word, punctuated) for word in words]}


def _word(word: Word, punctuated: bool) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "word": bare(word.text).strip(),
        "start": seconds(word.start),
        "end": seconds(word.end),
    }
    if word.confidence is not None:
        fields["confidence"] = round(word.confidence, 4)
    return fields | ({"punctuated_word": word.text.strip()} if punctuated else {})


def bare(text: str) -> str:
    """A word in lower case without the punctuation around it, with the space before it; one of punctuation stays."""
    return " " * text[:1].isspace() + (plain(text) or text.strip().lower())


def seconds(position: int) -> float:
    """A position at 16 kHz, to the millisecond."""
    return round(position / SAMPLE_RATE, 3)
