"""A model whose words are known beforehand, for tests and benchmarks of all that is built around a model.

Knows nothing of speech. Audio from `ledger_audio` is transcribed to the numbers coded in it, so that lost, doubled or
reordered samples show in the text; other audio gives a word for each 250 ms that VAD calls speech. Keywords, if any,
are the words it gives then, and translations are in capitals. A prompt may hold directives, apart by spaces:

say=one_two            the words to give, as with keywords
reject                 the final is rejected as noise
mute                   there are no words before the final
slow=X                 a step takes X seconds for each second of new audio
raise@N hang@N exit@N  the utterance's N-th step raises, never returns, or ends the process; with `:once` behind it
                       only the first time, which outlives the process where the spec has a path to note it in
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import cast

import numpy as np

from models.base import SAMPLE_RATE, DecodeOptions, Hypothesis, Kind, ModelCard, Need, Samples, Utterance, Word
from models.registry import ModelSpec

BLOCK = SAMPLE_RATE // 10
"""Samples of audio under one number."""
CELL = 64
"""Samples whose lowest bits hold MARK, the block's number and the cell's place in its block."""
CELLS = BLOCK // CELL
MARK = "101100111000111100001111100000111111010"
SYLLABLE, DIP = 3, SAMPLE_RATE // 25
"""Every so many blocks the voice drops, for so many samples: what never does is noise to a detector."""
TREMOR = 0.02
"""How far the voice's pitch moves up and down, of itself."""
WORD = SAMPLE_RATE // 4
HOP = SAMPLE_RATE * 3 // 10
UNSETTLED = SAMPLE_RATE // 2
"""A word that ends later than this before the end of what was heard is not agreed: `finish` may yet take it away."""

_CODE = re.compile(rf"{MARK}([01]{{20}})([01]{{5}})".encode())
FAULT = re.compile(r"(raise|hang|exit)@(\d+)(:once)?")
_FORMANTS = ((700, 150, 1.0), (1200, 200, 0.6), (2600, 300, 0.3))
"""Centre and width in Hz, and gain."""


def ledger_audio(first: int, blocks: int) -> Samples:
    """Loud voiced audio of `blocks` times 100 ms, transcribed to " w7 w8 w9" … from number `first` on."""
    code = "".join(
        f"{MARK}{number:020b}{place:05b}" for number in range(first, first + blocks) for place in range(CELLS)
    )
    bits = np.frombuffer(code.encode(), np.uint8) & 1
    wave = np.tile(_vowel(), (blocks, 1))
    wave[-first % SYLLABLE :: SYLLABLE, :DIP] //= 32
    audio: Samples = (wave.reshape(-1) & ~1) | bits
    return audio


@cache
def _vowel() -> Samples:
    """One block of harmonics of 110 Hz that tremble, as no music does, under the formants of an open vowel."""
    numbers = np.arange(1, 60)
    pitches = 110 * numbers
    gains = 0.01 + sum(gain * np.exp(-(((pitches - hz) / width) ** 2)) for hz, width, gain in _FORMANTS)
    at = np.arange(BLOCK) / SAMPLE_RATE
    # Quadratic phases spread the harmonics' peaks.
    beat = 2 * np.pi * SAMPLE_RATE / BLOCK
    trembling = at + TREMOR * np.sin(beat * at) / beat
    wave = gains @ np.sin(2 * np.pi * np.outer(pitches, trembling) + numbers[:, None] ** 2)
    vowel: Samples = (wave * (12_000 / np.abs(wave).max())).astype(np.int16)
    return vowel


class Ledger:
    """Reads the numbers in an utterance's audio, as unbroken runs: block's number, where it starts, cells seen."""

    def __init__(self) -> None:
        self._heard = 0
        self._unread = b""
        self._runs: list[list[int]] = []

    @property
    def found(self) -> bool:
        return bool(self._runs)

    def accept(self, samples: Samples) -> None:
        bits = self._unread + ((samples & 1) + ord("0")).astype(np.uint8).tobytes()
        self._heard += len(samples)
        begin = self._heard - len(bits)
        read = max(0, len(bits) - CELL + 1)
        for match in _CODE.finditer(bits):
            number, place = int(match[1], 2), int(match[2], 2)
            start = begin + match.start() - place * CELL
            if self._runs and self._runs[-1][:2] == [number, start]:
                self._runs[-1][2] += 1
            else:
                self._runs.append([number, start, 1])
            read = max(read, match.end())
        self._unread = bits[read:]

    def words(self, end: int) -> Iterator[Word]:
        """A word for each block whose middle was heard before `end`, with "?" behind it where audio is lost or added.

        The middle decides, so that of two utterances that a block is cut into exactly one has its word.
        """
        due = self._heard
        for number, start, seen in self._runs:
            # A stretch of less than two cells can slip in between blocks without breaking or adding a cell.
            slipped, due = 0 < start - due < 2 * CELL, start + BLOCK
            if 0 <= start + BLOCK // 2 < end:
                first, last = max(0, -(start // CELL)), min(CELLS, (self._heard - start) // CELL)
                text = f" w{number}" if seen == last - first and not slipped else f" w{number}?"
                yield Word(text, max(0, start), min(start + BLOCK, end), 0.9)


class _Utterance:
    def __init__(self, options: DecodeOptions, stable: Sequence[Word], carry: str | None) -> None:
        prompt = (options.prompt or "").split()
        settings = {name: value for name, _, value in (part.partition("=") for part in prompt)}
        self.faults = [match for part in prompt if (match := FAULT.fullmatch(part))]
        self.slow = float(settings.get("slow", 0))
        self.steps = 0
        self.heard = 0
        self.stepped = 0
        self._rejected = "reject" in settings
        self._mute = "mute" in settings
        self._texts = settings["say"].split("_") if "say" in settings else options.keywords
        self._options = options
        self._stable = tuple(stable)
        self._carry = carry
        self._language = options.languages[0] if options.languages else "en"
        self._agreed = len(stable)
        self._end: int | None = None
        self._final = False
        self._ledger = Ledger()
        self._speech = 0
        self._speech_stepped = 0
        self._beats: list[int] = []

    @property
    def need(self) -> Need | None:
        if self._end is not None:
            return None if self._final else Need(Kind.FINAL, "scripted")
        fresh = self._speech - self._speech_stepped >= HOP
        if not fresh or not self._options.partials or (self._stable and self.heard < self._stable[-1].end):
            return None
        return Need(Kind.PARTIAL if self.steps else Kind.FIRST, "scripted")

    def accept(self, samples: Samples, speech: bool) -> None:
        self._ledger.accept(samples)
        if speech:
            beat = self.heard + WORD - self._speech % WORD
            self._beats += range(beat, self.heard + len(samples) + 1, WORD)
            self._speech += len(samples)
        self.heard += len(samples)

    def finish(self, end: int) -> None:
        self._end = end

    def hypothesis(self) -> Hypothesis:
        """What a step makes of all that was heard."""
        self.steps += 1
        self.stepped, self._speech_stepped = self.heard, self._speech
        self._final = self._end is not None
        covers = self.heard if self._end is None else min(self._end, self.heard)
        words = self._stable if self._mute and not self._final else self._words(covers)
        if not self._final:
            self._agreed = max(self._agreed, sum(word.end <= covers - UNSETTLED for word in words))
            return Hypothesis(words=words, agreed=self._agreed, covers=covers, language=self._language)
        if self._rejected:
            words = ()
        return Hypothesis(
            words=words,
            agreed=len(words),
            covers=covers,
            language=self._language,
            final=True,
            rejected="noise" if self._rejected else None if words else "no_speech",
            carry=str(int(self._carry or 0) + 1),
        )

    def _words(self, end: int) -> tuple[Word, ...]:
        words = self._ledger.words(end) if self._ledger.found else self._beat_words(end)
        if self._options.task == "translate":
            words = (Word(word.text.upper(), word.start, word.end, word.confidence) for word in words)
        known = self._stable[-1].end if self._stable else 0
        return self._stable + tuple(word for word in words if word.start >= known)

    def _beat_words(self, end: int) -> Iterator[Word]:
        for i, beat in enumerate(self._beats):
            if beat - WORD // 2 < end:
                text = self._texts[i % len(self._texts)] if self._texts else f"s{i}"
                yield Word(f" {text}", beat - WORD, min(beat, end), 0.8)


class Scripted:
    """`notes`: a directory that remembers which faults with `:once` have happened, None to remember while it lives."""

    card = ModelCard(
        kind="scripted",
        languages=("en", "de"),
        detects=True,
        tasks=("transcribe", "translate"),
        prompt=True,
        keywords=True,
        max_batch=32,
    )

    def __init__(self, notes: Path | None = None) -> None:
        self._notes = notes
        self._happened = {note.name for note in notes.iterdir()} if notes else set()

    def begin(self, options: DecodeOptions, stable: Sequence[Word] = (), carry: str | None = None) -> Utterance:
        return _Utterance(options, stable, carry)

    def step(self, batch: Sequence[Utterance]) -> list[Hypothesis]:
        utterances = cast("Sequence[_Utterance]", batch)
        for utterance in utterances:
            self.suffer(utterance.faults, utterance.steps + 1)
        # Audio is decoded at the same pace however it is batched, as on a device that is busy with each.
        time.sleep(sum(u.slow * (u.heard - u.stepped) for u in utterances) / SAMPLE_RATE)
        return [utterance.hypothesis() for utterance in utterances]

    def close(self, utterance: Utterance) -> None:
        """There is nothing to free."""

    def suffer(self, faults: Sequence[re.Match[str]], step: int) -> None:
        """Whichever of `faults` (`FAULT`) are due in this step."""
        for fault in faults:
            if int(fault[2]) == step and (not fault[3] or self._is_news(fault[0])):
                _suffer(fault[1])

    def _is_news(self, fault: str) -> bool:
        if fault in self._happened:
            return False
        self._happened.add(fault)
        if self._notes:
            (self._notes / fault).touch()
        return True


def _suffer(fault: str) -> None:
    if fault == "raise":
        raise RuntimeError("a fault was asked for")
    if fault == "exit":
        os._exit(1)
    while True:
        time.sleep(60)


def load(spec: ModelSpec) -> Scripted:
    return Scripted(Path(spec.path) if spec.path else None)
