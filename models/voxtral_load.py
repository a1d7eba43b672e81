"""Loads Voxtral Realtime from a directory of transformers' layout, with as many slots as memory and time allow.

Knows nothing of streams and utterances.
"""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import VoxtralRealtimeForConditionalGeneration, VoxtralRealtimeProcessor

from models.base import SAMPLE_RATE
from models.registry import ModelSpec
from models.voxtral_realtime import channels_of, slots_for
from models.voxtral_slots import FFT, HOP, POSITIONS, Slots, slot_bytes
from models.voxtral_stream import PIECE, Format, Row
from models.voxtral_words import TOKEN

MOST = {"cpu": 8, "cuda": 512}
"""Slots at most, where nothing else bounds them."""
USED = {"cpu": 0.5, "cuda": 0.8}
"""Share of the memory that is free once the weights are loaded; a step needs some of the rest."""
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
    processor = VoxtralRealtimeProcessor.from_pretrained(directory, local_files_only=True)
    _check(directory, processor)
    format = _format(processor)
    device = torch.device(spec.device)
    torch.set_num_threads(spec.threads)
    try:
        net = VoxtralRealtimeForConditionalGeneration.from_pretrained(
            directory, dtype=torch.float32 if device.type == "cpu" else torch.bfloat16, local_files_only=True
        ).to(device)
        count = slots_that_fit(free_memory(device), slot_bytes(net), spec)
        while True:
            slots = Slots(
                net,
                count,
                prompt=format.prompt,
                given=format.given,
                delay=processor.num_delay_tokens,
                mel=processor.feature_extractor.mel_filters,
                ceiling=processor.feature_extractor.global_log_mel_max,
            )
            took = step_seconds(slots)
            log.info("%s: a step of %d slots takes %.1f ms", spec.name, count, 1000 * took)
            if took <= BUSY_S or spec.slots is not None or count == slots_for(1):
                if took > TOKEN / SAMPLE_RATE:
                    log.warning("%s can't keep up with %d who talk at once", spec.name, channels_of(count))
                return slots, format
            del slots
            count = max(slots_for(1), count // 2)
    except torch.OutOfMemoryError as error:
        raise ValueError(f"{spec.name}: there is no room for it in the memory of {device}: {error}") from error


def slots_that_fit(free: int, each: int, spec: ModelSpec) -> int:
    """Slots to be laid out where so many bytes are free; raises ValueError where these are too few."""
    kind = torch.device(spec.device).type
    room = int(free * USED[kind]) // each
    wanted = slots_for(spec.slots or 1)
    if room < wanted:
        raise ValueError(
            f"{spec.name}: {spec.slots or 1} channels need {wanted} slots of {each / 2**20:.0f} MB, and of the "
            f"{free / 2**20:.0f} MB that are free beside the weights {USED[kind]:.0%} may be used: {room} slots. "
            "Free some memory, or serve fewer with --slots."
        )
    return wanted if spec.slots else max(wanted, min(room, MOST[kind]))


def free_memory(device: torch.device) -> int:
    """Bytes."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def step_seconds(slots: Slots) -> float:
    """What a step takes in which all slots are fed. They are to be reset afterwards, as before each stream."""
    silence = np.zeros(PIECE, np.int16)
    rows = [Row(slot, 0, 0, silence) for slot in range(slots.count)]
    slots.step(rows)
    began = time.monotonic()
    slots.step(rows)
    return time.monotonic() - began


def _format(processor: Any) -> Format:
    instruct = processor.tokenizer.tokenizer.instruct_tokenizer
    vocabulary, encoder = instruct.tokenizer, instruct.audio_encoder
    return Format(
        prompt=tuple(instruct.start() + encoder.encode_streaming_tokens()),
        left=encoder.audio_config.n_left_pad_tokens,
        right=processor.num_right_pad_tokens,
        mark=vocabulary.get_special_token("[STREAMING_WORD]"),
        pieces=tuple(
            None if vocabulary.is_special(token) else vocabulary.id_to_byte_piece(token)
            for token in range(vocabulary.n_words)
        ),
    )


def _check(directory: Path, processor: Any) -> None:
    """Raise ValueError for a layout of audio that is not Voxtral Realtime's, on which more than numbers depends."""
    features = processor.feature_extractor
    found = {
        "samples of a frame": (features.n_fft, FFT),
        "samples between frames": (features.hop_length, HOP),
        "samples of a token": (processor.raw_audio_length_per_tok, TOKEN),
        "frames of a token": (processor.audio_length_per_tok, 2 * POSITIONS),
    }
    if wrong := [f"{name} are {has}, not {due}" for name, (has, due) in found.items() if has != due]:
        raise ValueError(f"{directory}: {'; '.join(wrong)}")
    if processor.mistral_common_audio_config.n_left_pad_tokens < 1:
        raise ValueError(f"{directory / 'tekken.json'}: streaming_n_left_pad_tokens must be above 0")
