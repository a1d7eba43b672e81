"""PocketSphinx with the English model that its wheel carries: the embedded default, nothing to fetch, native streaming.

Knows nothing of sessions, processes or clocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray
from pocketsphinx import Decoder

from models.base import SAMPLE_RATE, DecodeOptions, Hypothesis, Kind, Model, ModelCard, Need, Samples, Utterance, Word
from models.registry import ModelSpec

CAPACITY = 4
"""Decoders at most. Each takes 100 MB, and a quarter of a core while its speaker talks; a worker has one core."""
HOP = SAMPLE_RATE // 10
"""New audio that is worth a step."""
STEP = SAMPLE_RATE // 2
"""Audio that one step takes at most, so that a backlog doesn't hold other utterances up."""
SECOND_LOOK = SAMPLE_RATE
"""Audio after which an utterance is begun anew: only then is its cepstral mean known well."""

TUNING = {
    # Active states per frame: a tenth of the default halves the time and costs a word or two in a hundred.
    "maxhmmpf": 3000,
    # Below the defaults (6.5, 8.5, 9.5), which trust the language model too much: two words in a hundred.
    "lw": 5.5,
    "fwdflatlw": 7.0,
    "bestpathlw": 8.0,
    # The second pass, at an utterance's end, is worth two words in a hundred. Fewer candidates (words that ended in 8
    # frames of the first pass, not 4) and a narrower beam halve its time and more.
    "fwdflatefwid": 8,
    "fwdflatwbeam": 1e-22,
    # All that it logs below this is that an utterance was too short to hold a word.
    "loglevel": "FATAL",
}

FILLERS = ("<", "[")
VARIANT = re.compile(r"\(\d+\)$")
"""How words begin that are none (<sil>, [NOISE]), and how one ends that can be said in several ways: "read(2)"."""
FRAME, WINDOW = 160, 410
"""Samples from one of the decoder's frames to the next, and samples that each looks at."""

Mean = NDArray[np.float64]
"""Cepstral mean, 13 coefficients: what microphone, line and voice add to every frame, and the decoder takes away."""
ANYBODY: Mean = np.array([49.9, 4.5, -7.4, 12.2, -6.9, -2.0, -3.6, -6.6, -0.9, -1.8, -3.3, 0.0, -1.4])
"""Over many speakers and rooms, and telephones."""
TRUST_ANYBODY, TRUST_CARRY, TRUST_MOST = 50, 100, 500
"""Frames that a mean weighs against new ones: ANYBODY's, a carried one, and at most one that has heard more."""
SET_WEIGHT = 500
"""Frames that the decoder takes a mean to weigh when it is set; too slow for utterances of a few seconds."""


def load(spec: ModelSpec) -> Model:
    """The wheel's own model; of `spec` nothing matters to it. Takes about a second."""
    return PocketSphinx()


class PocketSphinx:
    """A Model that loads a further decoder when more utterances than ever are open, up to CAPACITY.

    Decoders share no memory. An utterance too many waits for one, in order of begin: until then it needs nothing.
    """

    card = ModelCard(kind="pocketsphinx", languages=("en",), capacity=CAPACITY)

    def __init__(self) -> None:
        self._idle = [Decoder(**TUNING)]
        self._loaded = 1
        self._waiting: list[Listening] = []

    def begin(self, options: DecodeOptions, stable: Sequence[Word] = (), carry: str | None = None) -> Listening:
        utterance = Listening(tuple(stable), carry)
        self._waiting.append(utterance)
        self._serve()
        return utterance

    def step(self, batch: Sequence[Utterance]) -> list[Hypothesis]:
        hypotheses = [cast(Listening, utterance).step() for utterance in batch]
        for utterance, hypothesis in zip(batch, hypotheses, strict=True):
            if hypothesis.final:
                self.close(utterance)
        return hypotheses

    def close(self, utterance: Utterance) -> None:
        utterance = cast(Listening, utterance)
        if utterance in self._waiting:
            self._waiting.remove(utterance)
        elif decoder := utterance.release():
            self._idle.append(decoder)
            self._serve()

    def _serve(self) -> None:
        while self._waiting and (self._idle or self._loaded < CAPACITY):
            if not self._idle:
                self._idle.append(Decoder(**TUNING))
                self._loaded += 1
            self._waiting.pop(0).listen(self._idle.pop())


class Listening:
    """An utterance; it hears by a decoder of its own from `listen` to `release`."""

    def __init__(self, stable: tuple[Word, ...], carry: str | None) -> None:
        self._decoder: Decoder = None  # while it waits, and when it is over
        self._stable = stable
        self._carry = carry
        self._mean = ANYBODY if carry is None else _parse(carry)
        self._trust = TRUST_ANYBODY if carry is None else TRUST_CARRY
        self._pcm = bytearray()
        self._heard = 0
        self._looked_twice = False
        self._end: int | None = None
        self._over = False

    @property
    def need(self) -> Need | None:
        if self._decoder is None:
            return None
        if self._end is not None:
            return Need(Kind.FINAL, None)
        return Need(Kind.PARTIAL, None) if self._accepted - self._heard >= HOP else None

    def accept(self, samples: Samples, speech: bool) -> None:
        self._pcm += samples.tobytes()

    def finish(self, end: int) -> None:
        self._end = end
        del self._pcm[2 * max(end, self._heard) :]

    def listen(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._start()

    def release(self) -> Decoder | None:
        """Gives the decoder back, ready for another; None if there is none (any more)."""
        decoder, self._decoder = self._decoder, None
        if decoder and not self._over:
            decoder.end_utt()
        return decoder

    def step(self) -> Hypothesis:
        self._hear(min(self._accepted, self._heard + STEP))
        if self._heard >= SECOND_LOOK and not self._looked_twice:
            self._look_again()
        if self._end is None or self._heard < self._accepted:
            return self._hypothesis(covers=self._heard)
        self._over = True
        self._decoder.end_utt()
        return self._hypothesis(covers=self._end)

    @property
    def _accepted(self) -> int:
        return len(self._pcm) // 2

    def _start(self) -> None:
        # Only a new front end forgets the noise of the utterance before.
        self._decoder.reinit_feat()
        self._decoder.set_cmn(_format(self._mean))
        self._decoder.start_utt()

    def _hear(self, upto: int) -> None:
        before, self._heard = self._heard, upto
        if upto > before:
            self._decoder.process_raw(self._pcm[2 * before : 2 * upto])
            self._adapt(_frames(upto) - _frames(before))

    def _adapt(self, frames: int) -> None:
        """Move the mean towards that of `frames` new ones, at our own pace.

        The decoder tells mean + (new - mean) * frames / (SET_WEIGHT + frames).
        """
        told = _parse(self._decoder.get_cmn(True))
        self._mean = self._mean + (told - self._mean) * (SET_WEIGHT + frames) / (self._trust + frames)
        self._trust = min(self._trust + frames, TRUST_MOST)
        self._decoder.set_cmn(_format(self._mean))

    def _look_again(self) -> None:
        self._looked_twice = True
        self._decoder.end_utt()
        self._start()
        self._decoder.process_raw(self._pcm[: 2 * self._heard])
        # What was just heard again is in the mean already.
        self._decoder.set_cmn(_format(self._mean))

    def _hypothesis(self, covers: int) -> Hypothesis:
        promised = self._stable[-1].end if self._stable else 0
        if covers < promised and not self._over:
            return Hypothesis(covers=covers, trusted=False)
        words = self._stable + tuple(self._words(promised, covers))
        if not self._over:
            return Hypothesis(words=words, agreed=len(self._stable), covers=covers, language="en")
        return Hypothesis(
            words=words,
            agreed=len(words),
            covers=covers,
            language="en",
            final=True,
            rejected=None if words else "no_speech",
            carry=_format(self._mean) if words else self._carry,
        )

    def _words(self, start: int, end: int) -> Iterator[Word]:
        """Words whose middle lies from `start` to before `end`, cut to fit there."""
        for segment in self._decoder.seg() or ():
            first, last = segment.start_frame * FRAME, (segment.end_frame + 1) * FRAME
            if segment.word.startswith(FILLERS) or not start <= (first + last) // 2 < end:
                continue
            yield Word(
                text=" " + VARIANT.sub("", segment.word),
                start=max(first, start),
                end=min(last, end),
                # Posteriors come from the lattice, which is built at the end.
                confidence=min(segment.prob, 1.0) if self._over else None,
            )


def _frames(samples: int) -> int:
    """Frames that the decoder has made of so many samples since the utterance's first."""
    return max(0, (samples - WINDOW) // FRAME + 1)


def _parse(mean: str) -> Mean:
    return np.array(mean.split(","), np.float64)


def _format(mean: Mean) -> str:
    return ",".join(f"{coefficient:.4f}" for coefficient in mean)
