"""Whether the files of a Whisper directory belong together.

CTranslate2 compares none of them, and garbles all text or crashes. Knows nothing of audio or of decoding.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from models import ct2_file
from models.ct2_file import Variables
from models.tokens import Vocabulary


def check_files(directory: Path, vocabulary: Vocabulary, multilingual: bool) -> None:
    """Raises ValueError for a config.json, vocabulary or tokenizer.json that isn't this model.bin's.

    `vocabulary` is of tokenizer.json; CTranslate2 has loaded the others already.
    """
    variables = ct2_file.read(directory / "model.bin")
    _check_tokens(directory, vocabulary, known=len(variables["decoder/embeddings/weight"]))
    config = json.loads((directory / "config.json").read_text())
    for name in ("alignment_heads", *(["lang_ids"] if multilingual else [])):
        if not config.get(name):  # CTranslate2 misses these only when it needs them
            raise ValueError(
                f"{directory / 'config.json'} has no {name}: convert the model again, with a newer CTranslate2"
            )
    _check_heads(directory / "config.json", config["alignment_heads"], *_decoder(variables))


def check_languages(directory: Path, vocabulary: Vocabulary, languages: Sequence[str]) -> None:
    """Raises ValueError for `languages` that CTranslate2 couldn't detect: it looks at those in lang_ids alone."""
    path = directory / "config.json"
    told = json.loads(path.read_text())["lang_ids"]
    ids = {language: vocabulary.language(language) for language in languages}
    if lacking := [f"{id} ({language})" for language, id in ids.items() if id not in told]:
        raise ValueError(
            f"{path}: lang_ids lacks {', '.join(lacking)}, so these can't be detected: add them, "
            "or put the other languages into steno.json"
        )


def _check_heads(path: Path, asked: list[object], layers: int, heads: int) -> None:
    """CTranslate2 takes heads that aren't there from foreign memory.

    Models that were distilled often come with those of their teacher, which has more layers.
    """
    there = [[layer, head] for layer, head in product(range(layers), range(heads))]
    if strange := [pair for pair in asked if pair not in there]:
        usual = there[layers // 2 * heads :]
        raise ValueError(
            f"{path}: the decoder has {layers} layers of {heads} heads, and {strange[0]} in alignment_heads is none of "
            f"them. Unless better ones are known, put all from {usual[0]} to {usual[-1]} there, as the converter does"
        )


def _check_tokens(directory: Path, vocabulary: Vocabulary, known: int) -> None:
    path = directory / "vocabulary.json"
    if path.is_file():
        tokens = json.loads(path.read_text())
    else:
        path = path.with_suffix(".txt")
        tokens = path.read_text().removesuffix("\n").split("\n")
    if len(tokens) != known:
        raise ValueError(
            f"{path} belongs to another model than model.bin, which knows {known} tokens, not {len(tokens)}: "
            "fetch both again"
        )
    if tokens[vocabulary.untimed : vocabulary.untimed + 1] != ["<|notimestamps|>"]:
        raise ValueError(f"{directory / 'tokenizer.json'} belongs to another model than {path.name}: fetch both again")


def _decoder(variables: Variables) -> tuple[int, int]:
    """How many layers it has, and how many heads in each."""
    layers = sum(name.startswith("decoder/layer_") and name.endswith("/ffn/layer_norm/gamma") for name in variables)
    return layers, int(variables["decoder/num_heads"])
