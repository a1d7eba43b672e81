"""CPU that each dialect takes to read 100 ms of audio, base64 included."""

from __future__ import annotations

import random
import sys
import time

from tests.benchmarks.figures import Figure, parser, report
from tests.conformance.dialects import CHUNK_S, SPOKEN, opened
from tests.wire.conversation import DIALECTS

MESSAGES, ROUNDS = 2_000, 7
MOST_US = 50


def main() -> int:
    chosen = parser(__doc__).parse_args()
    return report(
        [Figure(f"{name}: 100 ms of audio", cost_us(name), "us", most=MOST_US) for name in DIALECTS], chosen.json
    )


def cost_us(name: str) -> float:
    """Of a message, in the best round: what else runs on the machine only adds to it."""
    spoken = SPOKEN[name]
    size = round(CHUNK_S * spoken.format.sample_rate) * spoken.format.sample_bytes
    rounds = []
    for seed in range(ROUNDS):
        protocol = opened(DIALECTS[name], spoken, *spoken.start)
        chunk = random.Random(seed).randbytes(size)
        messages = [spoken.audio(place, chunk) for place in range(MESSAGES)]
        began = time.process_time()
        for message in messages:
            protocol.receive(message)
        rounds.append(time.process_time() - began)
    return min(rounds) / MESSAGES * 1e6


if __name__ == "__main__":
    sys.exit(main())
