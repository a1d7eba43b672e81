"""Writes Voxtral directories of the true classes, tiny and with random weights: `build(path)`.

What such a model says means nothing, but it depends on all that is heard, and ends. Knows nothing of Steno.
"""

from __future__ import annotations

import base64
import json
from itertools import islice, product
from pathlib import Path
from typing import Any

import torch
from mistral_common.tokens.tokenizers.tekken import Tekkenizer
from transformers import VoxtralConfig, VoxtralForConditionalGeneration, WhisperFeatureExtractor

torch.set_num_threads(1)  # of more, such small models spend most of their time waiting

SPECIAL = {t["rank"]: t["token_str"] for t in Tekkenizer.DEPRECATED_SPECIAL_TOKENS}
SPECIAL |= {24: "[AUDIO]", 25: "[BEGIN_AUDIO]", 32: "[ARGS]", 33: "[CALL_ID]", 34: "[TRANSCRIBE]"}
SPECIALS = 40
"""With fillers between those that have a use; they are where the published models have them."""
WORDS = 300
"""Tokens of text besides the 256 bytes, a made-up word each."""
END = 2


def build(directory: Path, *, seed: int = 3, ends: float = 2.0, version: str = "v7") -> Path:
    """Write config, weights, tekken.json (of a version that mistral_common knows) and processor config; return
    `directory`.

    ends: how much louder the end of the answer is than other tokens: at 1 hardly any answer ends.
    """
    directory.mkdir(parents=True, exist_ok=True)
    model(seed, ends).save_pretrained(directory)
    WhisperFeatureExtractor(feature_size=128).save_pretrained(directory)
    (directory / "tekken.json").write_text(json.dumps(tekken(version)))
    return directory


def model(seed: int = 3, ends: float = 2.0) -> VoxtralForConditionalGeneration:
    torch.manual_seed(seed)
    config = VoxtralConfig(
        audio_token_id=24,
        # The projector takes four frames at once, so their width is four times the encoder's.
        audio_config={
            "model_type": "voxtral_encoder",
            "hidden_size": 16,
            "intermediate_size": 64,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "initializer_range": 0.5,
        },
        text_config={
            "model_type": "llama",
            "vocab_size": SPECIALS + 256 + WORDS,
            "hidden_size": 48,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 12,
            "initializer_range": 0.35,
        },
    )
    built = VoxtralForConditionalGeneration(config).eval()
    built.generation_config.eos_token_id, built.generation_config.pad_token_id = END, 11
    with torch.no_grad():
        built.lm_head.weight[: SPECIALS + 256] *= 0.01  # else special tokens are said, too, and bytes that are no text
        built.lm_head.weight[END] *= 100 * ends
    return built


def tekken(version: str) -> dict[str, Any]:
    """A tokenizer file as mistral_common reads it: bytes, then made-up words with a space before them."""
    syllables = [a + b for a, b in product("bdfgklmnprstvz", "aeiou")]
    words = islice((" " + "".join(parts) for parts in product(syllables, repeat=2)), WORDS)
    pieces = [bytes([byte]) for byte in range(256)] + [word.encode() for word in words]
    special = [SPECIAL.get(rank, f"<SPECIAL_{rank}>") for rank in range(SPECIALS)]
    return {
        "config": {
            "pattern": r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s+",
            "num_vocab_tokens": len(pieces),
            "default_vocab_size": SPECIALS + len(pieces),
            "default_num_special_tokens": SPECIALS,
            "version": version,
        },
        "vocab": [
            {"rank": rank, "token_bytes": base64.b64encode(piece).decode(), "token_str": None}
            for rank, piece in enumerate(pieces)
        ],
        "special_tokens": [{"rank": rank, "token_str": name, "is_control": True} for rank, name in enumerate(special)],
        "version": 1,
        "type": "Tekken",
        "audio": {
            "sampling_rate": 16_000,
            "frame_rate": 12.5,
            "audio_encoding_config": {"num_mel_bins": 128, "hop_length": 160, "window_size": 400},
            "chunk_length_s": 30.0,
        },
    }
