"""Writes tokenizer.json: the multilingual vocabulary that openai-whisper's source distribution carries.

    python -m tests.micro.vocabulary DIRECTORY

Knows nothing of speech or weights. What is taken from there is under the MIT licence.
"""

from __future__ import annotations

import ast
import base64
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

FIXTURE = Path(__file__).parents[1] / "fixtures/whisper-micro"
"""Where the model lies."""
SOURCE = "openai-whisper==20250625"
LANGUAGES = 99
"""Of those the source knows, those that all sizes but large-v3 were made with."""
TIMES = 1501
"""Timestamps from 0.00 to 30.00 s, 20 ms apart."""

_SPLIT = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
"""GPT-2's, as in the source's `tiktoken.Encoding`."""


def main() -> None:
    directory = Path(sys.argv[1])
    ranks, languages = _read_source()
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer(ranks, languages).save(str(directory / "tokenizer.json"), pretty=False)


def tokenizer(ranks: Mapping[bytes, int], languages: list[str]) -> Tokenizer:
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


def special(languages: list[str]) -> list[str]:
    return [
        "<|endoftext|>",
        "<|startoftranscript|>",
        *(f"<|{code}|>" for code in languages),
        *("<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"),
        *(f"<|{i * 0.02:.2f}|>" for i in range(TIMES)),
    ]


def _read_source() -> tuple[dict[bytes, int], list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        fetch = ["download", "--quiet", "--no-deps", "--no-binary=:all:", f"--dest={folder}", SOURCE]
        subprocess.run([sys.executable, "-m", "pip", *fetch], check=True)
        [archive] = Path(folder).glob("*.tar.gz")
        with tarfile.open(archive) as source:
            files = {Path(member.name).name: member for member in source.getmembers() if "/whisper/" in member.name}
            table = source.extractfile(files["multilingual.tiktoken"])
            code = source.extractfile(files["tokenizer.py"])
            assert table
            assert code
            ranks = {base64.b64decode(token): int(rank) for token, rank in map(bytes.split, table.read().splitlines())}
            return ranks, list(_languages(code.read().decode()))[:LANGUAGES]


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
