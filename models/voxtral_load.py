"""Loads Voxtral Realtime from a directory of transformers' layout, with as many slots as memory and time allow.

Knows nothing of utterances. What is said of transformers holds for 5.24, of mistral-common for 1.13.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mistral_common.tokens.tokenizers.base import SpecialTokens
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer
from transformers import VoxtralRealtimeConfig, VoxtralRealtimeForConditionalGeneration

from models.base import SAMPLE_RATE
from models.features import mel_filters
from models.placement import load_weights, parameters, place, spare
from models.registry import ModelSpec
from models.voxtral_realtime import channels_of, slots_for
from models.voxtral_slots import FFT, HOP, POSITIONS, Slots, slot_bytes
from models.voxtral_stream import PIECE, Format, Row
from models.voxtral_words import TOKEN

MOST = {"cpu": 8, "cuda": 512}
"""Slots at most, where nobody says how many."""
SHARE = 0.8
"""Of the memory beside the weights that slots may take; steps need the rest."""
BUSY_S = 0.06
"""What a step of all slots may take: three quarters of the time that there is for it."""

log = logging.getLogger("steno.voxtral_realtime")


def open_network(spec: ModelSpec) -> tuple[Slots, Format]:
    """Raises OSError for a missing file, ValueError for a directory that can't be used and where there is no room.

    With `spec.slots` it has slots for so many channels; else for as many as memory allows, and can be fed in time.
    """
    if spec.path is None:
        raise ValueError(f"{spec.name}: Voxtral Realtime needs a directory of weights")
    directory = Path(spec.path)
    for name in ("config.json", "tekken.json"):
        if not (directory / name).is_file():
            raise FileNotFoundError(f"{directory / name} is missing: take it from where the weights came from")
    config = VoxtralRealtimeConfig.from_pretrained(directory, local_files_only=True)
    format, delay = _read_tekken(directory / "tekken.json", config)
    placement = place(spec)
    each = slot_bytes(config, placement.dtype)
    least = int(slots_for(spec.slots or 1) * each / SHARE)
    try:
        left = spare(spec.name, placement, parameters(directory) * placement.itemsize, least)
    except ValueError as error:
        raise ValueError(f"{error}; --slots sets how many channels to have room for") from error
    torch.set_num_threads(spec.threads)
    net = load_weights(VoxtralRealtimeForConditionalGeneration, directory, placement)
    count = slots_that_fit(int(left * SHARE) // each, spec)
    while True:
        slots = Slots(net, count, prompt=format.prompt, given=format.given, delay=delay, mel=_mel_filters(config))
        took = step_seconds(slots)
        log.info("%s: %d slots of %.0f MB, a step takes %.1f ms", spec.name, count, each / 2**20, 1000 * took)
        if took <= BUSY_S or spec.slots is not None or count == slots_for(1):
            break
        del slots  # before others are laid out
        count = max(slots_for(1), min(int(count * BUSY_S / took), count - 1))
    if took > TOKEN / SAMPLE_RATE:
        log.warning("%s can't keep up with %d who talk at once", spec.name, channels_of(count))
    return slots, format


def slots_that_fit(room: int, spec: ModelSpec) -> int:
    """Of the slots that there is memory for, so many are laid out."""
    return slots_for(spec.slots) if spec.slots else max(slots_for(1), min(room, MOST[spec.device]))


def step_seconds(slots: Slots) -> float:
    """What a step takes in which all slots are fed. They are to be reset afterwards, as before each stream."""
    silence = np.zeros(PIECE, np.int16)
    rows = [Row(slot, 0, 0, silence) for slot in range(slots.count)]
    slots.step(rows)
    began = time.monotonic()
    slots.step(rows)
    return time.monotonic() - began


def _mel_filters(config: Any) -> np.ndarray[Any, Any]:
    return mel_filters(config.audio_config.num_mel_bins).T


def _read_tekken(path: Path, config: Any) -> tuple[Format, int]:
    """How streams are laid out, and the delay in tokens. Raises ValueError for another layout."""
    try:
        instruct = MistralTokenizer.from_file(str(path)).instruct_tokenizer
        vocabulary, encoder = instruct.tokenizer, instruct.audio_encoder
        audio = encoder.audio_config
        format = Format(
            prompt=tuple(instruct.start() + encoder.encode_streaming_tokens()),
            left=audio.n_left_pad_tokens,
            right=audio.n_right_pad_tokens(),
            mark=vocabulary.get_special_token(SpecialTokens.streaming_word.value),
            pieces=tuple(
                None if vocabulary.is_special(token) else vocabulary.id_to_byte_piece(token)
                for token in range(vocabulary.n_words)
            ),
        )
    except Exception as error:  # the library asserts, too
        raise ValueError(f"{path} is no vocabulary of a Voxtral Realtime ({error!r}): fetch it again") from error
    wanted = {
        "samples of a token": (audio.raw_audio_length_per_tok, TOKEN),
        "samples of a mel frame": (audio.encoding_config.window_size, FFT),
        "samples from one to the next": (audio.encoding_config.hop_length, HOP),
        "mel bins": (audio.encoding_config.num_mel_bins, config.audio_config.num_mel_bins),
        "encoder's positions of a token": (config.downsample_factor, POSITIONS),
        "tokens": (len(format.pieces), config.text_config.vocab_size),
    }
    if wrong := [f"{has} {what}, not {due}" for what, (has, due) in wanted.items() if has != due]:
        raise ValueError(f"{path.parent} holds no Voxtral Realtime that is known: {'; '.join(wrong)}")
    if format.left < 1:
        raise ValueError(f"{path}: streaming_n_left_pad_tokens must be above 0")
    return format, audio.get_num_delay_tokens()
