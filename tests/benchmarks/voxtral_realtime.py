"""What Voxtral Realtime can do: steps, sessions with every 80 ms heard on time, finals, memory. Its weights are random,
on CUDA of their true sizes: they cost what trained ones do. On a CPU they are tiny."""

from __future__ import annotations

import heapq
import random
import sys
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from transformers import VoxtralRealtimeConfig, VoxtralRealtimeForConditionalGeneration

from models.base import SAMPLE_RATE, DecodeOptions
from models.features import mel_filters
from models.voxtral_load import step_seconds
from models.voxtral_realtime import VoxtralRealtime, slots_for
from models.voxtral_slots import Slots, slot_bytes
from models.voxtral_stream import Format
from models.voxtral_words import TOKEN
from steno.bench.quantiles import percentile
from stream.messages import Begin, Finish, Push, Report, Stepped
from stream.worker import Worker
from tests.benchmarks.figures import Figure, parser, report

TICK_S = TOKEN / SAMPLE_RATE
LEFT, DELAY, RIGHT = 32, 6, 17
"""Tokens, as the published model has them."""
TALK_S, PAUSE_S = (2.0, 8.0), (0.5, 2.0)
"""How long someone talks at a time, and is silent then."""
SESSIONS = {"cpu": [1, 4], "cuda": [1, 50, 100, 200, 300]}
LATE = {"cpu": None, "cuda": 0.1}
"""Per cent of the audio, at most."""


def main() -> int:
    flags = parser(__doc__)
    flags.add_argument("--device", choices=["cpu", "cuda"], default="cuda" if torch.cuda.is_available() else "cpu")
    flags.add_argument("--sessions", type=int, nargs="+", help="tried one after the other; by default some that suit")
    flags.add_argument("--seconds", type=float, default=15.0, help="for each")
    chosen = flags.parse_args()
    sessions = chosen.sessions or SESSIONS[chosen.device]
    torch.set_num_threads(1)  # tiny networks are slower on more, and CUDA needs no second
    network = build(chosen.device)
    each = slot_bytes(network.config, network.dtype)
    figures = [
        Figure("weights", sum(weight.nbytes for weight in network.parameters()) / 2**20, "MB"),
        Figure("a slot", each / 2**20, "MB"),
    ]
    began = time.monotonic()
    slots, format = laid_out(network, slots_for(max(sessions)))
    figures += [
        Figure("laying out and recording", time.monotonic() - began, "s"),
        Figure(f"a step of all {slots.count} slots", 1000 * step_seconds(slots), "ms"),
    ]
    model = VoxtralRealtime(slots, format)
    for count in sessions:
        figures += measured(model, count, chosen.seconds, LATE[chosen.device])
    if chosen.device == "cuda":
        figures.append(Figure("memory of the GPU, peak", torch.cuda.max_memory_reserved() / 2**20, "MB"))
    return report(figures, chosen.json)


def build(device: str) -> VoxtralRealtimeForConditionalGeneration:
    """The published shape in bfloat16, or a tiny one in float32."""
    layers = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "head_dim": 8,
    }
    tiny = {"audio_config": layers, "text_config": {**layers, "num_key_value_heads": 2, "vocab_size": 300}}
    config = VoxtralRealtimeConfig(**(tiny if device == "cpu" else {}))
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32 if device == "cpu" else torch.bfloat16)
    try:
        with torch.device(device):
            return VoxtralRealtimeForConditionalGeneration(config)
    finally:
        torch.set_default_dtype(before)


def laid_out(network: VoxtralRealtimeForConditionalGeneration, count: int) -> tuple[Slots, Format]:
    words = network.config.text_config.vocab_size
    format = Format((1, *[32] * (LEFT + DELAY)), LEFT, RIGHT, 33, [None] * words)
    mel = mel_filters(network.config.audio_config.num_mel_bins).T
    slots = Slots(network, count, prompt=format.prompt, given=format.given, delay=DELAY, mel=mel)
    return slots, format


@dataclass(slots=True)
class Heard:
    """When audio came, of each utterance and up to where, and how long after that a step had heard it."""

    came: dict[int, deque[tuple[int, float]]] = field(default_factory=lambda: defaultdict(deque))
    pushed: Counter[int] = field(default_factory=Counter)
    finished: dict[int, float] = field(default_factory=dict)
    late_ms: list[float] = field(default_factory=list)
    finals_ms: list[float] = field(default_factory=list)
    steps_ms: list[float] = field(default_factory=list)
    rows: int = 0

    def note(self, order: Any, now: float) -> None:
        if isinstance(order, Push):
            self.pushed[order.id] += len(order.samples) // 2
            self.came[order.id].append((self.pushed[order.id], now))
        elif isinstance(order, Finish):
            self.finished[order.id] = now

    def take(self, told: Report) -> None:
        if not isinstance(told, Stepped):
            return
        self.steps_ms.append(1000 * (told.ended - told.started))
        self.rows += len(told.hypotheses)
        for id, hypothesis in told.hypotheses:
            # A token's frames reach a little into the next one's audio, which they have to wait for.
            while (came := self.came[id]) and came[0][0] <= hypothesis.covers + TOKEN:
                self.late_ms.append(1000 * (told.ended - came.popleft()[1]))
            if hypothesis.final:
                self.finals_ms.append(1000 * (told.ended - self.finished[id]))


def measured(model: VoxtralRealtime, sessions: int, seconds: float, most_late: float | None) -> Iterator[Figure]:
    """So many who talk and pause, each at a time of their own, through a worker of the server's."""
    heard = Heard()
    worker = Worker(model, heard.take, time.monotonic)
    began = time.monotonic()
    orders = heapq.merge(*(talk(number, seconds) for number in range(sessions)), key=lambda order: order[0])
    for at, order in orders:
        while (now := time.monotonic()) < began + at:
            if not worker.turn():
                time.sleep(min(began + at - now, worker.rest_s or TICK_S))
        heard.note(order, began + at)
        worker.take(order)
    while worker.rest_s is not None:
        worker.turn()
    took = time.monotonic() - began
    name = f"{sessions} sessions"
    late = sum(ms > 1000 * TICK_S for ms in heard.late_ms) / max(1, len(heard.late_ms))
    yield Figure(f"{name}: steps", len(heard.steps_ms) / took, "a second")
    yield Figure(f"{name}: rows of a step, mean", heard.rows / max(1, len(heard.steps_ms)))
    yield Figure(f"{name}: a step, p50", percentile(heard.steps_ms, 50), "ms")
    yield Figure(f"{name}: a step, p99", percentile(heard.steps_ms, 99), "ms")
    yield Figure(f"{name}: busy", 100 * sum(heard.steps_ms) / 1000 / took, "%")
    yield Figure(f"{name}: 80 ms are heard after, p50", percentile(heard.late_ms, 50), "ms")
    yield Figure(f"{name}: 80 ms are heard after, p99", percentile(heard.late_ms, 99), "ms")
    yield Figure(f"{name}: later than 80 ms", 100 * late, "%", most=most_late)
    yield Figure(f"{name}: finals, p50", percentile(heard.finals_ms, 50), "ms")
    yield Figure(f"{name}: finals, p95", percentile(heard.finals_ms, 95), "ms")


def talk(number: int, seconds: float) -> Iterator[tuple[float, Any]]:
    """Orders of one channel and when they come, in seconds from the start; audio comes 80 ms at a time."""
    dice = random.Random(number)
    noise = np.random.default_rng(number).integers(-3_000, 3_000, TOKEN, np.int16).tobytes()
    at = dice.uniform(*PAUSE_S)
    for id in range(number * 1_000, (number + 1) * 1_000):
        yield at, Begin(id, True, False, DecodeOptions(), (), None, ())
        length = round(dice.uniform(*TALK_S) / TICK_S)
        for chunk in range(length):
            at += TICK_S
            # But for the first of it no speech: what says nothing where someone speaks would be heard anew.
            yield at, Push(id, noise, chunk == 0)
        yield at, Finish(id, length * TOKEN)
        at += dice.uniform(*PAUSE_S)
        if at > seconds:
            return


if __name__ == "__main__":
    sys.exit(main())
