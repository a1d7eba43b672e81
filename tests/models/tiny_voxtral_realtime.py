"""A Voxtral Realtime of the true classes in miniature, with random weights: as a directory, and what transformers makes
of audio with it."""

from __future__ import annotations

import base64
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mistral_common.tokens.tokenizers.base import SpecialTokens
from transformers import (
    VoxtralRealtimeConfig,
    VoxtralRealtimeFeatureExtractor,
    VoxtralRealtimeForConditionalGeneration,
    VoxtralRealtimeProcessor,
)
from transformers.tokenization_mistral_common import MistralCommonBackend

from models.base import Samples

SPECIAL = 40
PIECES = [" the", " a", " of", "ing", "er", "es", " wh", "at", " in", "...", " said", "ly", "ß", " l"]
DELAY = 6
LEFT_PAD = 4
PAD, MARK = 32, 33


def build(directory: Path, seed: int = 40, **shape: Any) -> Path:
    """Write a directory in transformers' layout."""
    directory.mkdir(parents=True)
    (directory / "tekken.json").write_text(json.dumps(_tekken()))
    tokenizer = MistralCommonBackend(directory / "tekken.json")
    VoxtralRealtimeProcessor(VoxtralRealtimeFeatureExtractor(), tokenizer).save_pretrained(directory)
    network(seed, **shape).save_pretrained(directory)
    return directory


def network(
    seed: int = 40, encoder_window: int = 64, decoder_window: int = 24, mute: bool = False
) -> VoxtralRealtimeForConditionalGeneration:
    """mute: whatever it hears, it writes no text."""
    layers = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "head_dim": 8,
    }
    words = SPECIAL + 256 + len(PIECES)
    config = VoxtralRealtimeConfig(
        audio_config={**layers, "sliding_window": encoder_window},
        text_config={
            **layers,
            "num_key_value_heads": 2,
            "vocab_size": words,
            "sliding_window": decoder_window,
            "tie_word_embeddings": False,
        },
        default_num_delay_tokens=DELAY,
        tie_word_embeddings=False,
    )
    torch.manual_seed(seed)
    made = VoxtralRealtimeForConditionalGeneration(config).eval()
    made.generation_config.eos_token_id = None
    # As they come, small random weights leave the token that went in the likeliest to come out.
    with torch.no_grad():
        for name, weights in made.named_parameters():
            if weights.ndim > 1 and "embed_tokens" not in name and "lm_head" not in name:
                weights.mul_(5)
        written = [PAD, MARK, *range(SPECIAL + 256, words)]
        made.lm_head.weight[[token for token in range(words) if mute or token not in written]] = 0
    return made


def reference(made: VoxtralRealtimeForConditionalGeneration, directory: Path, samples: Samples) -> list[int]:
    """The tokens that transformers' own `generate` writes behind the prompt."""
    processor = _processor(directory)
    inputs = processor(samples.astype(np.float32) / 32_768, return_tensors="pt")
    prompt = inputs["input_ids"]
    inputs["input_features"] = inputs["input_features"].to(made.dtype)
    tokens = made.generate(**inputs, do_sample=False, max_new_tokens=100_000)[0].tolist()
    return tokens[prompt.shape[1] :]


@cache
def _processor(directory: Path) -> Any:
    return VoxtralRealtimeProcessor.from_pretrained(directory)


def _tekken() -> dict[str, Any]:
    names = {0: "<unk>", 1: "<s>", 2: "</s>", 11: "<pad>", PAD: "[STREAMING_PAD]", MARK: "[STREAMING_WORD]"}
    spare = iter([each.value for each in SpecialTokens if each.value not in names.values()])
    specials = [names.get(rank) or next(spare, f"<spare {rank}>") for rank in range(SPECIAL)]
    pieces = [bytes([byte]) for byte in range(256)] + [piece.encode() for piece in PIECES]
    return {
        "config": {
            "pattern": r"\s?\S+|\s+",
            "num_vocab_tokens": len(pieces),
            "default_vocab_size": SPECIAL + len(pieces),
            "default_num_special_tokens": SPECIAL,
            "version": "v13",
        },
        "vocab": [
            {"rank": rank, "token_bytes": base64.b64encode(piece).decode(), "token_str": piece.decode(errors="replace")}
            for rank, piece in enumerate(pieces)
        ],
        "special_tokens": [{"rank": rank, "token_str": name, "is_control": True} for rank, name in enumerate(specials)],
        "audio": {
            "sampling_rate": 16_000,
            "frame_rate": 12.5,
            "audio_encoding_config": {"num_mel_bins": 128, "hop_length": 160, "window_size": 400},
            "transcription_format": "streaming",
            "transcription_delay_ms": 80.0 * DELAY,
            "streaming_look_ahead_ms": 2.5,
            "streaming_look_back_ms": 52.5,
            "streaming_n_left_pad_tokens": LEFT_PAD,
        },
    }
