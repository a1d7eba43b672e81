"""Which files make a model: by their names alone, for each way that repositories and directories are laid out.

Pure; knows nothing of where files are or what is in them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

SHARD = re.compile(r"model-\d{5}-of-(\d{5})\.safetensors")


@dataclass(frozen=True, slots=True)
class Layout:
    """what: how a model of this layout is called, in messages. prefix: what an operator puts before its name.

    wanted: names of the files that it is made of. lacking: which of them are not among some names, but must be.
    """

    what: str
    prefix: str
    wanted: re.Pattern[str]
    lacking: Callable[[Sequence[str]], list[str]]


def _lacking_whisper(names: Sequence[str]) -> list[str]:
    lacking = [needed for needed in ("model.bin", "config.json", "tokenizer.json") if needed not in names]
    return lacking if any(name.startswith("vocabulary.") for name in names) else [*lacking, "vocabulary.json"]


def _lacking_voxtral(names: Sequence[str]) -> list[str]:
    needed = ["config.json", "tekken.json"]
    counts = [int(shard[1]) for name in names if (shard := SHARD.fullmatch(name))]
    if counts:
        needed += ["model.safetensors.index.json"]
        needed += [f"model-{i:05}-of-{max(counts):05}.safetensors" for i in range(1, max(counts) + 1)]
    else:
        needed += ["model.safetensors"]
    return [name for name in needed if name not in names]


WHISPER = Layout(
    "a CTranslate2 Whisper model",
    "",
    re.compile(r"(model\.bin|(config|tokenizer|preprocessor_config)\.json|vocabulary\.\w+)"),
    _lacking_whisper,
)
# Mistral's repositories hold their weights twice: consolidated.safetensors is for other programs.
VOXTRAL = Layout(
    "a Voxtral model as transformers has them",
    "voxtral:",
    re.compile(
        r"(tekken|(generation_|preprocessor_|processor_)?config)\.json"
        rf"|model\.safetensors(\.index\.json)?|{SHARD.pattern}"
    ),
    _lacking_voxtral,
)
LAYOUTS = (WHISPER, VOXTRAL)


def other(names: Sequence[str], layout: Layout) -> Layout | None:
    """The layout besides `layout` that files of these names have, if they have one."""
    return next((each for each in LAYOUTS if each is not layout and not each.lacking(names)), None)
