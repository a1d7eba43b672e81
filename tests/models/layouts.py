"""Whisper's layouts, written as directories of random weights: `written("large-v3", path)`.

Layers, mel bins and vocabularies are the true ones; heads are few and narrow. Knows nothing of Steno.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tokenizers import Tokenizer

from tests.micro.vocabulary import FIXTURE, PACKED, tokenizer, unpacked
from tests.models.random_whisper import build

ENGLISH = Path(__file__).parents[1] / "fixtures/whisper-english" / PACKED
HEADS, HEAD = 3, 16
"""In each layer, and how wide they are. True ones are 6 to 20, of 64: what they cost, tests of layouts needn't pay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """encoder, decoder: their layers."""

    encoder: int
    decoder: int
    mels: int
    vocabulary: Callable[[], Tokenizer]
    multilingual: bool = True


def written(name: str, directory: Path) -> Path:
    """Write the model `name`, int8, and return `directory`."""
    layout = LAYOUTS[name]
    vocabulary = layout.vocabulary()
    return build(
        directory,
        quantization="int8",
        tokenizer=vocabulary,
        width=HEAD * HEADS,
        heads=HEADS,
        layers=layout.encoder,
        decoder=layout.decoder,
        mels=layout.mels,
        languages=languages(vocabulary),
        multilingual=layout.multilingual,
    )


# -- vocabularies -------------------------------------------------------------------------------------------------


@cache
def multilingual() -> Tokenizer:
    return Tokenizer.from_file(str(FIXTURE / "tokenizer.json"))


@cache
def english() -> Tokenizer:
    return tokenizer(unpacked(ENGLISH.read_bytes()), languages(multilingual()))


@cache
def with_cantonese() -> Tokenizer:
    """large-v3's: its hundredth language comes behind the others, and moves all tokens behind that."""
    described = json.loads((FIXTURE / "tokenizer.json").read_text())
    tokens = described["added_tokens"]
    place = next(i for i, token in enumerate(tokens) if token["content"] == "<|translate|>")
    tokens.insert(place, tokens[place] | {"content": "<|yue|>"})
    for i, token in enumerate(tokens):
        token["id"] = tokens[0]["id"] + i
    return Tokenizer.from_str(json.dumps(described))


def languages(vocabulary: Tokenizer) -> list[str]:
    first, last = vocabulary.token_to_id("<|startoftranscript|>") + 1, vocabulary.token_to_id("<|translate|>") - 1
    return [vocabulary.id_to_token(i)[2:-2] for i in range(first, last + 1)]


LAYOUTS = {
    "tiny.en": Layout(encoder=4, decoder=4, mels=80, vocabulary=english, multilingual=False),
    "large-v2": Layout(encoder=32, decoder=32, mels=80, vocabulary=multilingual),
    "large-v3": Layout(encoder=32, decoder=32, mels=128, vocabulary=with_cantonese),
    "large-v3-turbo": Layout(encoder=32, decoder=4, mels=128, vocabulary=with_cantonese),
    "distil-large-v3": Layout(encoder=32, decoder=2, mels=128, vocabulary=with_cantonese),
}
