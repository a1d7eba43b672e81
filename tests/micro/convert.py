"""Writes what `train` learned as a Whisper directory in CTranslate2's format, int8, with all that it needs to run.

    python -m tests.micro.convert DIRECTORY [--model tests/fixtures/whisper-micro]

Alignment heads are chosen by how well words of DIRECTORY/dev are found in time with them. `vocabulary` comes first.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import torch
from ctranslate2.specs import WhisperSpec
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.features import HOP, log_mel
from tests.micro.corpus import Clip, read
from tests.micro.model import Attention, Block, Whisper
from tests.micro.vocabulary import FIXTURE
from tests.micro.windows import Writer

HEADS_TRIED_ON = 60
"""Clips."""
POSITION_S = 0.02

DECLARATION = {
    "languages": ["en", "de"],
    "tasks": ["transcribe"],
    "context_s": {"partial": 1.0, "final": 1.0},
    "doubt": {"no_speech": 0.1, "unsure": -0.3},
}
"""steno.json: what it was trained to do, that a second of context behind the speech is enough, and what no clip
of `dev` comes to in its first second."""

Weights = NDArray[np.float32]


def write(whisper: Whisper, tokenizer: Tokenizer, directory: Path, quantization: str = "int8") -> None:
    """All files but tokenizer.json; the last layer's first head is taken for alignment."""
    writer = Writer(tokenizer)
    spec = WhisperSpec(whisper.shape.encoder, whisper.shape.heads, whisper.shape.decoder, whisper.shape.heads)
    _encoder(spec.encoder, whisper)
    _decoder(spec.decoder, whisper)
    spec.register_vocabulary([tokenizer.id_to_token(i) for i in range(whisper.shape.tokens)])
    spec.config.add_attribute("suppress_ids", [])
    # Elsewhere the end of text may not come first, so that silence must say something: not here.
    spec.config.add_attribute("suppress_ids_begin", [tokenizer.token_to_id("Ġ")])
    spec.config.add_attribute("alignment_heads", [[whisper.shape.decoder - 1, 0]])
    spec.config.add_attribute("lang_ids", list(range(writer.start + 1, writer.translate)))
    spec.validate()
    spec.optimize(quantization=quantization)
    directory.mkdir(parents=True, exist_ok=True)
    spec.save(str(directory))
    features = {
        "chunk_length": 30,
        "feature_size": whisper.shape.mels,
        "hop_length": HOP,
        "n_fft": 400,
        "n_samples": 480_000,
        "nb_max_frames": 3000,
        "padding_value": 0.0,
        "return_attention_mask": False,
        "sampling_rate": 16_000,
    }
    (directory / "preprocessor_config.json").write_text(json.dumps(features, indent=2) + "\n")
    (directory / "steno.json").write_text(json.dumps(DECLARATION, indent=2) + "\n")


def choose_heads(directory: Path, clips: Sequence[Clip], writer: Writer, shape: tuple[int, int]) -> list[list[int]]:
    """The head, or two of them, whose word times are off least in the worst cases; config.json has them then.

    shape: layers, heads.
    """
    singles = [[[layer, head]] for layer in range(shape[0]) for head in range(shape[1])]
    errors = [(_word_error(directory, clips, writer, heads), heads) for heads in singles]
    best = min(errors)
    pairs = [best[1] + single for single in singles if single != best[1]]
    errors += [(_word_error(directory, clips, writer, heads), heads) for heads in pairs]
    for error, heads in sorted(errors):
        print(f"heads {heads}: words within {1000 * error:.0f} ms (95 %)")
    _set_heads(directory, min(errors)[1])
    return min(errors)[1]


def _word_error(directory: Path, clips: Sequence[Clip], writer: Writer, heads: list[list[int]]) -> float:
    """95th percentile of the distances in seconds from where words start and end, their text being given.

    By the median, heads are alike of which one misplaces twice as many words.
    """
    _set_heads(directory, heads)
    weights = ctranslate2.models.Whisper(str(directory), compute_type="int8")
    return float(np.percentile([error for clip in clips for error in _errors(weights, clip, writer)], 95))


def _errors(weights: Any, clip: Clip, writer: Writer) -> Iterator[float]:
    text = [writer.encode(word.text) for word in clip.words]
    features = ctranslate2.StorageView.from_array(log_mel(clip.samples, 80)[None])
    start = [writer.start, writer.language(clip.language), writer.transcribe]
    [aligned] = weights.align(features, start, [list(chain.from_iterable(text))], [len(clip.samples) // HOP])
    begins: dict[int, float] = {}
    for token, position in aligned.alignments:
        begins.setdefault(token, position * POSITION_S)
    edges = np.cumsum([0, *map(len, text)])
    # Not where the clip's first word starts: the silence before it is always taken for a part of it.
    for before, after, edge in zip(clip.words, clip.words[1:], edges[1:], strict=False):
        yield abs(before.end - begins[edge])
        yield abs(after.start - begins[edge])


def _set_heads(directory: Path, heads: list[list[int]]) -> None:
    path = directory / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"alignment_heads": heads}, indent=2) + "\n")


def note_sums(directory: Path) -> None:
    """SHA256SUMS of all files but the README, as sha256sum writes and checks them."""
    files = [path for path in sorted(directory.iterdir()) if path.suffix in (".bin", ".json")]
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (directory / "SHA256SUMS").write_text("".join(sums))


# -- weights ------------------------------------------------------------------------------------------------------


def _array(tensor: torch.Tensor) -> Weights:
    return tensor.detach().numpy().astype(np.float32)


def _encoder(spec: Any, whisper: Whisper) -> None:
    encoder = whisper.encoder
    _linear(spec.conv1, encoder.first)
    _linear(spec.conv2, encoder.second)
    spec.position_encodings.encodings = _array(encoder.positions)
    _norm(spec.layer_norm, encoder.norm)
    for layer, block in zip(spec.layer, encoder.blocks, strict=True):
        _block(layer, block)


def _decoder(spec: Any, whisper: Whisper) -> None:
    decoder = whisper.decoder
    spec.scale_embeddings = False
    spec.embeddings.weight = _array(decoder.embedding[whisper.row_of])
    spec.projection.weight = spec.embeddings.weight
    spec.position_encodings.encodings = _array(decoder.positions)
    _norm(spec.layer_norm, decoder.norm)
    for layer, block in zip(spec.layer, decoder.blocks, strict=True):
        _block(layer, block)


def _block(spec: Any, block: Block) -> None:
    query, key, value, out = _parts(block.attention)
    _norm(spec.self_attention.layer_norm, block.attention_norm)
    _fused(spec.self_attention.linear[0], query, key, value)
    _fused(spec.self_attention.linear[1], out)
    if block.cross is not None:
        query, key, value, out = _parts(block.cross)
        _norm(spec.attention.layer_norm, block.cross_norm)
        _fused(spec.attention.linear[0], query)
        _fused(spec.attention.linear[1], key, value)
        _fused(spec.attention.linear[2], out)
    _norm(spec.ffn.layer_norm, block.feed_norm)
    _linear(spec.ffn.linear_0, block.feed[0])
    _linear(spec.ffn.linear_1, block.feed[2])


def _parts(attention: Attention) -> tuple[torch.nn.Linear, ...]:
    return attention.query, attention.key, attention.value, attention.out


def _fused(spec: Any, *layers: torch.nn.Linear) -> None:
    spec.weight = np.concatenate([_array(layer.weight) for layer in layers])
    spec.bias = np.concatenate(
        [np.zeros(len(layer.weight), np.float32) if layer.bias is None else _array(layer.bias) for layer in layers]
    )


def _linear(spec: Any, layer: Any) -> None:
    spec.weight, spec.bias = _array(layer.weight), _array(layer.bias)


def _norm(spec: Any, layer: Any) -> None:
    spec.gamma, spec.beta = _array(layer.weight), _array(layer.bias)


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("directory", type=Path, help="where `train` worked")
    flags.add_argument("--model", type=Path, default=FIXTURE, help="where the model goes")
    chosen = flags.parse_args()
    tokenizer = Tokenizer.from_file(str(chosen.model / "tokenizer.json"))
    whisper = Whisper.of(torch.load(chosen.directory / "checkpoint.pt", weights_only=True)["average"])
    write(whisper, tokenizer, chosen.model)
    clips = [clip for clip in read(chosen.directory / "dev") if clip.quality == "clean"][:HEADS_TRIED_ON]
    choose_heads(chosen.model, clips, Writer(tokenizer), (whisper.shape.decoder, whisper.shape.heads))
    note_sums(chosen.model)


if __name__ == "__main__":
    main()
