"""Writes tokenizer.json: one of the three vocabularies that Whisper models have, from openai-whisper's sources.

    python -m tests.micro.vocabulary [--kind multilingual|english|large-v3] [--packed] DIRECTORY

Knows nothing of speech or weights. What is taken from there is under the MIT licence.
"""

from __future__ import annotations

import argparse
import ast
import base64
import lzma
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

FIXTURE = Path(__file__).parents[1] / "fixtures/whisper-micro"
"""Where the model lies."""
SOURCE = "openai-whisper==20250625"
PACKED = "tokens.txt.xz"
"""A tenth of a tokenizer.json's bytes, of which `unpacked` and `tokenizer` make the same."""
TIMES = 1501
"""Timestamps from 0.00 to 30.00 s, 20 ms apart."""

_SPLIT = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
"""GPT-2's, as in the source's `tiktoken.Encoding`."""


@dataclass(frozen=True, slots=True)
class Kind:
    """The source's file of byte pairs, and how many of the languages that it knows have a token."""

    pairs: str
    languages: int


KINDS = {
    "multilingual": Kind("multilingual", 99),
    "english": Kind("gpt2", 99),  # models that know but one have tokens for all the same
    "large-v3": Kind("multilingual", 100),  # and turbo's, and of what was distilled from it
}


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("directory", type=Path)
    flags.add_argument("--kind", choices=KINDS, default="multilingual")
    flags.add_argument("--packed", action="store_true", help=f"write {PACKED} instead, which is far smaller")
    chosen = flags.parse_args()
    ranks, languages = _read_source(KINDS[chosen.kind])
    chosen.directory.mkdir(parents=True, exist_ok=True)
    if chosen.packed:
        (chosen.directory / PACKED).write_bytes(packed(ranks))
    else:
        tokenizer(ranks, languages).save(str(chosen.directory / "tokenizer.json"), pretty=False)


def packed(ranks: Mapping[bytes, int]) -> bytes:
    """All byte pairs by rank, a line each: their merges follow from that."""
    printed = _printed()
    lines = ["".join(printed[byte] for byte in token) for token in sorted(ranks, key=ranks.__getitem__)]
    return lzma.compress("\n".join(lines).encode(), preset=9 | lzma.PRESET_EXTREME)


def unpacked(tokens: bytes) -> dict[bytes, int]:
    """The ranks of what was `packed`."""
    bytes_of = {char: byte for byte, char in enumerate(_printed())}
    lines = lzma.decompress(tokens).decode().split("\n")
    return {bytes(bytes_of[char] for char in line): rank for rank, line in enumerate(lines)}


def tokenizer(ranks: Mapping[bytes, int], languages: Sequence[str]) -> Tokenizer:
    """Byte pairs with the `ranks` of their merges, and Whisper's special tokens behind them."""
    printed = _printed()
    spell = {token: "".join(printed[byte] for byte in token) for token in ranks}
    merges = [
        (spell[left], spell[right])
        for token in sorted(ranks, key=ranks.__getitem__)
        if len(token) > 1
        for left, right in [_last_merge(token, ranks)]
    ]
    built = Tokenizer(models.BPE(vocab={spell[token]: rank for token, rank in ranks.items()}, merges=merges))
    built.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    built.decoder = decoders.ByteLevel()
    built.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special(languages)])
    return built


def special(languages: Sequence[str]) -> list[str]:
    return [
        "<|endoftext|>",
        "<|startoftranscript|>",
        *(f"<|{code}|>" for code in languages),
        *("<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"),
        *(f"<|{i * 0.02:.2f}|>" for i in range(TIMES)),
    ]


def _read_source(kind: Kind) -> tuple[dict[bytes, int], list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        fetch = ["download", "--quiet", "--no-deps", "--no-binary=:all:", f"--dest={folder}", SOURCE]
        subprocess.run([sys.executable, "-m", "pip", *fetch], check=True)
        [archive] = Path(folder).glob("*.tar.gz")
        with tarfile.open(archive) as source:
            files = {Path(member.name).name: member for member in source.getmembers() if "/whisper/" in member.name}
            table = source.extractfile(files[f"{kind.pairs}.tiktoken"])
            code = source.extractfile(files["tokenizer.py"])
            assert table
            assert code
            ranks = {base64.b64decode(token): int(rank) for token, rank in map(bytes.split, table.read().splitlines())}
            return ranks, list(_languages(code.read().decode()))[: kind.languages]


def _languages(code: str) -> Iterator[str]:
    for node in ast.parse(code).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "LANGUAGES":
            yield from ast.literal_eval(node.value)


def _last_merge(token: bytes, ranks: Mapping[bytes, int]) -> tuple[bytes, bytes]:
    """The two parts that `token` was merged of, found by doing all merges of lower rank."""
    parts = [bytes([byte]) for byte in token]
    while len(parts) > 2:
        rank, place = min((ranks.get(parts[i] + parts[i + 1], len(ranks)), i) for i in range(len(parts) - 1))
        assert rank < ranks[token], f"{token!r} is no merge"
        parts[place : place + 2] = [parts[place] + parts[place + 1]]
    return parts[0], parts[1]


def _printed() -> list[str]:
    """For each byte the character that stands for it in byte-level vocabularies."""
    shown = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte) if byte in shown else chr(next(others)) for byte in range(256)]


if __name__ == "__main__":
    main()
