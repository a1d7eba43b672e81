"""Writes Whisper directories of any shape, in CTranslate2's format, that nobody trained: `build(path)`.

Random weights alone say nothing for ever: one token over and over, up to the limit, unsure of each. So a few weights
are set by hand, and these models behave as trained ones do, but for the sense of what they say:

- the n-th word comes from what is heard at n / `pace` seconds, as the cross-attention of the last layer looks there,
  and nowhere else. More audio adds words behind and `align` finds plausible times;
- the end of text comes after `pace` words for each second that isn't silent (a prompt shortens it by its length);
- tokens are sure (mean log-probability above -1).

All other weights are small noise: they cost what trained ones cost. Knows nothing of Steno.
"""

from __future__ import annotations

import json
import string
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np
from ctranslate2.specs import WhisperSpec
from numpy.typing import NDArray
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

CODES = tuple(a + b for a, b in product(string.ascii_lowercase, repeat=2))
Weights = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Whisper base: width=512, heads=8, layers=6, words=50_000, languages=CODES[:99].

    words: text tokens besides the 256 bytes, a made-up word each. pace: words a second.
    languages: have tokens in English-only vocabularies too, as in Whisper's.
    decoder: its layers, where they are fewer than the encoder's.
    """

    width: int = 64
    heads: int = 2
    layers: int = 2
    decoder: int | None = None
    words: int = 500
    mels: int = 80
    languages: Sequence[str] = ("en", "zh", "de")
    multilingual: bool = True
    pace: float = 3.0
    seed: int = 0


def build(
    directory: Path, *, quantization: str | None = None, tokenizer: Tokenizer | None = None, **shape: Any
) -> Path:
    """Write model.bin, config.json, vocabulary.json, tokenizer.json and preprocessor_config.json; return `directory`.

    `shape` are the fields of `Shape`; `quantization` is how weights are stored, as CTranslate2 names it. With a
    Whisper's `tokenizer` its tokens are taken, and not `words` made up; `languages` must be those that it has.
    """
    asked = Shape(**shape)
    tokenizer = tokenizer or made_up_tokenizer(asked)
    tokens = [str(tokenizer.id_to_token(i)) for i in range(tokenizer.get_vocab_size())]
    end = tokens.index("<|endoftext|>")
    spec = WhisperSpec(asked.layers, asked.heads, asked.decoder or asked.layers, asked.heads)
    wiring = Wiring(asked)
    wiring.encoder(spec.encoder)
    wiring.decoder(spec.decoder, end, len(tokens))
    spec.register_vocabulary(tokens)
    spec.config.add_attribute("suppress_ids", [])
    spec.config.add_attribute("suppress_ids_begin", [end])
    spec.config.add_attribute("alignment_heads", [[(asked.decoder or asked.layers) - 1, 0]])
    if asked.multilingual:
        spec.config.add_attribute("lang_ids", [tokens.index(f"<|{code}|>") for code in asked.languages])
    spec.validate()
    spec.optimize(quantization=quantization)
    directory.mkdir(parents=True, exist_ok=True)
    spec.save(str(directory))
    tokenizer.save(str(directory / "tokenizer.json"), pretty=False)
    features = {"feature_size": asked.mels, "sampling_rate": 16_000}
    (directory / "preprocessor_config.json").write_text(json.dumps(features))
    return directory


def vocabulary_text(shape: Shape) -> list[str]:
    """Byte-level tokens: all bytes, then made-up words with a space before them."""
    syllables = [a + b for a, b in product("bdfgklmnprstvz", "aeiou")]
    spoken = ("Ġ" + "".join(parts) for count in (2, 3) for parts in product(syllables, repeat=count))
    # Whisper's multilingual vocabulary has an empty token, and CTranslate2 tells it by that.
    empty = [""] if shape.multilingual else []
    return [*sorted(pre_tokenizers.ByteLevel.alphabet()), *islice(spoken, shape.words), *empty]


def made_up_tokenizer(shape: Shape) -> Tokenizer:
    text = vocabulary_text(shape)
    vocabulary = {token: i for i, token in enumerate(text)}
    # The longest token that fits: a made-up word is one, as it was written, and what isn't one is spelled in bytes.
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=text[0], continuing_subword_prefix=""))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|startoftranscript|>", *(f"<|{code}|>" for code in shape.languages), "<|translate|>"]
    special += ["<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    special += [f"<|{i * 0.02:.2f}|>" for i in range(1501)]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    return tokenizer


# -- weights ------------------------------------------------------------------------------------------------------

TIMES = 8
"""Pairs of dimensions that hold a time as cosines and sines; the product of two such vectors peaks where they match."""
LOUD, END, LAST = 2 * TIMES, 2 * TIMES + 1, 2 * TIMES + 2
"""Dimensions of the residual stream: the frame isn't silent; words too many; the end of text. The rest is content."""
REST = 2 * TIMES + 3


class Wiring:
    """Fills all weights of a spec; what isn't set by hand is noise."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.width = shape.width
        self.head = shape.width // shape.heads
        self.random = np.random.default_rng(shape.seed)
        assert self.head >= 2 * TIMES, "a head must hold a time"

    def encoder(self, encoder: Any) -> None:
        """What is heard (noise over mel bins), whether it is loud, and when; the layers add next to nothing."""
        width, mels = self.width, self.shape.mels
        encoder.conv1.weight, encoder.conv1.bias = self.noise(width, mels, 3, scale=2 / np.sqrt(mels)), zeros(width)
        encoder.conv2.weight, encoder.conv2.bias = self.noise(width, width, 3, scale=2.4 / width), zeros(width)
        encoder.conv2.weight[:, :2] = encoder.conv2.weight[:REST] = 0
        # gelu(x + 1) - gelu(x) is a step from 0 to 1, here where the mean of a frame's bins passes -0.2.
        encoder.conv1.weight[:2] = 0
        encoder.conv1.weight[:2, :, 1] = 4 / mels
        encoder.conv1.bias[:2] = 1.8, 0.8
        encoder.conv2.weight[LOUD, :2, 1] = 3, -3
        encoder.position_encodings.encodings = zeros(1500, width)
        encoder.position_encodings.encodings[:, : 2 * TIMES] = 4 * times(np.arange(1500) / 50)
        self.norm(encoder.layer_norm)
        for layer in encoder.layer:
            self.attention(layer.self_attention, 3 * width, width)
            self.feed_forward(layer.ffn)

    def decoder(self, decoder: Any, end: int, tokens: int) -> None:
        """`end` is the id of the end of text, the first token that is no text, of `tokens` in all."""
        width = self.width
        said = np.arange(448) - (3 if self.shape.multilingual else 1)  # words, at each position without a prompt
        positions = zeros(448, width)
        positions[:, : 2 * TIMES] = 4 * times(said / self.shape.pace)
        positions[:, END] = 0.2 * said
        # Louder than the last token's own content, or each would call itself again (both ends share one embedding).
        positions[:, REST:] = self.content(448, 8)
        decoder.position_encodings.encodings = positions
        self.norm(decoder.layer_norm)
        for layer in decoder.layer:
            self.attention(layer.self_attention, 3 * width, width)
            self.attention(layer.attention, width, 2 * width, width)
            self.feed_forward(layer.ffn)
        self.listen(*decoder.layer[-1].attention.linear)
        # Another step: END above 0 turns LAST from -20 to 20.
        feed = decoder.layer[-1].ffn
        feed.linear_0.weight[:2] = 0
        feed.linear_0.weight[:2, END] = 60
        feed.linear_0.bias[:2] = 1, 0
        feed.linear_1.weight[END:REST] = 0
        feed.linear_1.weight[LAST, :2] = 40, -40
        feed.linear_1.bias[LAST] = -20
        # Only words can be said, and the end of text; at the start, languages are told apart by chance.
        embeddings, languages = zeros(tokens, width), len(self.shape.languages)
        embeddings[256:end, REST:] = self.content(end - 256, 16 / np.sqrt(width))
        embeddings[end + 2 : end + 2 + languages, REST:] = self.content(languages, 3 / np.sqrt(width))
        embeddings[end, LAST] = 240
        decoder.embeddings.weight = embeddings
        decoder.projection.weight = embeddings.copy()

    def listen(self, queries: Any, keys_values: Any, out: Any) -> None:
        """Wire the cross-attention's first head to the time of each word, its second to count loud frames."""
        width, head = self.width, self.head
        queries.weight[: 2 * head] = keys_values.weight[: 2 * head] = 0  # the second head looks everywhere alike
        queries.weight[: 2 * TIMES, : 2 * TIMES] = 8 * np.eye(2 * TIMES)
        keys_values.weight[: 2 * TIMES, : 2 * TIMES] = 2 * np.eye(2 * TIMES)
        values = keys_values.weight[width:]
        values[:head] = self.noise(head, width, scale=4 / np.sqrt(width))
        values[head : 2 * head] = 0
        values[head, [LOUD, END]] = 1, -1  # in an encoder END is but the mean that the norm took off both
        out.weight[:, : 2 * head] = 0
        out.weight[REST:, :head] = self.content(head, 8 / np.sqrt(head)).T
        # Takes off END what `pace` words for each loud second add to it; the root is what the norm divided LOUD by.
        out.weight[END, head] = -0.2 * 30 * self.shape.pace * np.sqrt(16 * TIMES / width) / 3

    def noise(self, *shape: int, scale: float) -> Weights:
        return (self.random.standard_normal(shape) * scale).astype(np.float32)

    def content(self, count: int, scale: float) -> Weights:
        """Rows without a mean, which norms would take off the dimensions that are set by hand."""
        rows = self.noise(count, self.width - REST, scale=scale)
        return rows - rows.mean(axis=1, keepdims=True)

    def norm(self, layer: Any) -> None:
        layer.gamma, layer.beta = np.ones(self.width, np.float32), zeros(self.width)

    def linear(self, layer: Any, rows: int, columns: int) -> None:
        layer.weight, layer.bias = self.noise(rows, columns, scale=0.1 / np.sqrt(columns)), zeros(rows)

    def attention(self, layer: Any, *rows: int) -> None:
        self.norm(layer.layer_norm)
        for part, count in zip(layer.linear, rows, strict=True):
            self.linear(part, count, self.width)

    def feed_forward(self, layer: Any) -> None:
        self.norm(layer.layer_norm)
        self.linear(layer.linear_0, 4 * self.width, self.width)
        self.linear(layer.linear_1, self.width, 4 * self.width)


def zeros(*shape: int) -> Weights:
    return np.zeros(shape, np.float32)


def times(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Seconds as TIMES cosines and sines, with periods from 1 to 60 s."""
    turns = seconds[:, None] * 2 * np.pi / np.geomspace(1, 60, TIMES)
    return np.hstack([np.cos(turns), np.sin(turns)])
