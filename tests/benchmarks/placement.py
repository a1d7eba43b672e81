"""Where finals lie: on the utterances of the reference, one for each, and never in silence.

Knows nothing of servers and of which words are right.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import soundfile

from steno.bench import wer
from tests.benchmarks.baselines import Span
from tests.benchmarks.figures import Figure
from tests.benchmarks.recording import Recording

APART_S, PAUSE_S = 0.8, 0.4
"""Utterances this far from both neighbours want a final of their own; a pause shorter than that ends none."""
TOUCH_S = 0.1
"""Finals and utterances that overlap by less don't: reference times are no better."""
SILENCE_S = 0.5
"""Finals this far from all utterances are of silence: 0.3 s for reference times, 0.2 s for the detector's."""
OWN_FINALS = 95.0
"""Percent."""


def figures(recordings: list[Recording]) -> list[Figure]:
    apart, own = 0, 0
    for recording in recordings:
        spans = recording.utterances
        finals = [(final.start, final.end) for final in recording.heard.finals]
        for number, span in enumerate(spans):
            others = spans[:number] + spans[number + 1 :]
            if any(other[0] - APART_S < span[1] and span[0] < other[1] + APART_S for other in others):
                continue
            apart += 1
            mine = [final for final in finals if _touch(final, span)]
            if mine and not any(_touch(final, other) for final in mine for other in others):
                own += 1
            else:
                print(f"{recording.name}: no final of its own: {span[0]:.2f} to {span[1]:.2f} s, {len(mine)} shared")
    aligned = [recording for recording in recordings if recording.reference.words]
    splits = sum(map(_print_splits, aligned)) if aligned else None
    placed = [recording for recording in recordings if recording.utterances or not recording.reference.said]
    unsaid = sum(map(_print_words_in_silence, placed)) if placed else None
    lengths = sum(s.ended.reason == "max_length" for r in recordings for s in r.heard.segments if s.ended)
    return [
        Figure(f"utterances {APART_S} s apart", apart),
        Figure("of these with a final of their own", 100 * own / apart if apart else None, "%", least=OWN_FINALS),
        Figure(f"splits inside a pause under {PAUSE_S} s, see above", splits, most=0),
        Figure("words in silence, see above", unsaid, most=0),
        Figure("segments cut for their length", lengths),
    ]


def _touch(one: Span, other: Span) -> bool:
    return min(one[1], other[1]) - max(one[0], other[0]) > TOUCH_S


def _print_words_in_silence(recording: Recording) -> int:
    """List finals that lie where the reference has nobody speak."""
    found = 0
    for final in recording.heard.finals:
        if all(max(start - final.end, final.start - end) > SILENCE_S for start, end in recording.utterances):
            found += len(wer.normalized(final.text))
            print(f"{recording.name}: in silence, {final.start:.2f} to {final.end:.2f} s: {final.text!r}")
    return found


def _print_splits(recording: Recording) -> int:
    """List endpoints that lie where the reference has hardly a pause, with what can tell a wrong reference: how long
    it was quiet there, and how quiet."""
    words = recording.reference.words
    samples, rate = soundfile.read(recording.path, dtype="float64", always_2d=True)

    def level(start: float, end: float) -> float:
        piece = samples[int(start * rate) : int(end * rate)]
        return float(10 * np.log10(np.mean(piece**2) + 1e-10)) if len(piece) else 0.0

    found = 0
    for before, after in pairwise(recording.heard.segments):
        if before.ended is None or before.ended.reason != "endpoint":
            continue
        middle = (before.ended.at + after.started.at) / 2
        for left, right in pairwise(words):
            if left.middle <= middle < right.middle:
                pause = right.start - left.end
                if pause < PAUSE_S:
                    found += 1
                    quiet = after.started.at - before.ended.at
                    print(
                        f"{recording.name}: split at {middle:.2f} s between {left.text!r} and {right.text!r}: "
                        f"pause {1000 * pause:.0f} ms in the reference, {1000 * quiet:.0f} ms by VAD, "
                        f"at {level(before.ended.at, after.started.at):.0f} dB; its words "
                        f"{level(left.start, left.end):.0f} and {level(right.start, right.end):.0f} dB"
                    )
    return found
