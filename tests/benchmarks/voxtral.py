"""What a Voxtral costs, at its true size and with random weights, which cost what trained ones do.

Answers never end by themselves here, so that each has as many tokens as are asked for, whatever the weights.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from unittest import mock

import torch
from transformers import VoxtralConfig, VoxtralForConditionalGeneration

from models import voxtral
from models.base import SAMPLE_RATE, DecodeOptions, Samples
from models.chat import ChatOptions, Clip, Conversation, Turn
from models.features import WINDOW
from models.redecode import Window
from models.tekken import Tekken
from models.voxtral import LANGUAGES, Voxtral, audio_tokens, bytes_each
from models.voxtral_chat import CONTEXT, Chats
from tests.benchmarks.figures import Figure, parser, report
from tests.models.test_whisper import noise
from tests.models.tiny_voxtral import model as tiny
from tests.models.tiny_voxtral import tekken as vocabulary

SPOKEN = 5
"""Tokens a second of speech: fast English."""
ANSWER = 64
"""Tokens of an answer whose speed is measured."""
SMALL = {"hidden_size": 5120, "intermediate_size": 32_768, "num_hidden_layers": 40}
"""How Voxtral Small's language model differs from Mini's."""


def main() -> int:
    flags = parser(__doc__)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    flags.add_argument("--shape", choices=("tiny", "mini", "small"), default="tiny" if device == "cpu" else "mini")
    flags.add_argument("--device", choices=("cpu", "cuda"), default=device)
    flags.add_argument("--rows", type=int, nargs="+", default=[1, 4, 16, 32], help="windows in a step")
    flags.add_argument("--minutes", type=int, nargs="+", default=[1, 10], help="of audio in a chat")
    chosen = flags.parse_args()
    dtype = torch.bfloat16 if chosen.device == "cuda" else torch.float32
    network, tekken = built(chosen.shape, torch.device(chosen.device), dtype)
    figures = [
        Figure("shape", f"{chosen.shape} {str(dtype).removeprefix('torch.')}"),
        Figure("device", torch.cuda.get_device_name() if chosen.device == "cuda" else "CPU"),
        Figure("weights", sum(p.numel() * p.itemsize for p in network.parameters()) / 1e6, "MB"),
        *transcription(network, tekken, chosen.rows),
        *chat(network, tekken, chosen.minutes),
    ]
    return report(figures, chosen.json)


def built(shape: str, device: torch.device, dtype: torch.dtype) -> tuple[VoxtralForConditionalGeneration, Tekken]:
    """A network of that size, and a small vocabulary, beside which it says nothing."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tekken.json"
        path.write_text(json.dumps(vocabulary("v7")))
        tekken = Tekken(path)
    if shape == "tiny":
        network = tiny(ends=0).to(device, dtype)
    else:
        text = {"model_type": "llama", **(SMALL if shape == "small" else {})}
        config = VoxtralConfig(audio_token_id=tekken.audio, text_config=text)
        default = torch.get_default_dtype()
        torch.set_default_dtype(dtype)
        with device:
            network = VoxtralForConditionalGeneration(config).eval()
        torch.set_default_dtype(default)
    with torch.no_grad():
        network.lm_head.weight[len(tekken) :] = 0
        network.lm_head.weight[tekken.end] = 0
    return network, tekken


def transcription(network: VoxtralForConditionalGeneration, tekken: Tekken, rows: list[int]) -> Iterator[Figure]:
    """Whole windows, as of recordings, and of each batch the memory beside what was planned for it."""
    decoder = Voxtral(network, tekken, LANGUAGES, max(rows))
    planned = bytes_each(network.config, network.dtype.itemsize)
    on_gpu, before = network.device.type == "cuda", 0
    sound = decoder.sound()
    sound.push(noise(WINDOW / SAMPLE_RATE))
    window = Window(sound=sound, end=WINDOW, options=DecodeOptions(), language="en")
    with mock.patch.object(voxtral, "TOKENS_PER_S", SPOKEN):
        decoder.decode([replace(window, end=SAMPLE_RATE)])  # first calls set kernels up
        for count in rows:
            if on_gpu:
                torch.cuda.reset_peak_memory_stats()
                before = torch.cuda.memory_allocated()
            seconds = timed(network.device, partial(decoder.decode, [window] * count))
            yield Figure(f"{count} windows of 30 s, {SPOKEN} tokens a second", 1000 * seconds, "ms")
            yield Figure(f"{count} windows of 30 s, audio", 30 * count / seconds, "h/h")
            if on_gpu:
                peak = torch.cuda.max_memory_allocated() - before
                yield Figure(f"{count} windows of 30 s, memory", peak / 1e6, "MB", most=planned * count / 1e6)


def chat(network: VoxtralForConditionalGeneration, tekken: Tekken, minutes: list[int]) -> Iterator[Figure]:
    """One at a time: to the first token, each one after that, and the longest step, for which live speech may wait."""
    for length in minutes:
        clip: Samples = noise(60 * length)
        turn = Turn("user", (Clip(len(clip)), "What is said?"))
        conversation = Conversation(turns=(turn,), options=ChatOptions(max_tokens=ANSWER))
        chats = Chats(network, tekken, audio_tokens(network.config), CONTEXT)
        began = time.perf_counter()
        answered = chats.begin(conversation, [clip])
        reading, writing = list[float](), list[float]()
        first_s = 0.0
        while need := answered.need:
            steps = writing if need.key == ("chat", "write") else reading
            steps.append(timed(network.device, partial(chats.step, [answered])))
            if len(writing) == 1:
                first_s = time.perf_counter() - began
        longest = max(reading + writing)
        yield Figure(f"chat about {length} min: first token", 1000 * first_s, "ms")
        yield Figure(f"chat about {length} min: each token", 1000 * median(writing[1:]), "ms")
        yield Figure(f"chat about {length} min: longest step", 1000 * longest, "ms")


def timed(device: torch.device, work: Callable[[], object]) -> float:
    """Seconds, until the device is done."""
    began = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
