"""When speech begins and when it has ended, told from one probability and one level a frame.

Knows nothing of audio, detectors, clocks or channels. Positions are samples since the channel opened.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

from vad import registry
from vad.detector import OFFSET, ONSET, SAMPLE_RATE

EndReason = Literal["endpoint", "finalize", "max_length", "stop"]

PATIENCE = SAMPLE_RATE // 2
"""Speech that begins with doubtful frames alone is an onset after this long."""
RESUME = 2
"""Frames of speech that end a pause: one alone is a click."""
TAIL = SAMPLE_RATE // 5
"""Audio behind the end of speech that still counts for decoding: last consonants are weak."""
CUT_WINDOW = 3 * SAMPLE_RATE
"""How far back the quiet point of an utterance that grows too long is looked for; at most a quarter of it."""
BREATH = SAMPLE_RATE * 4 // 25
"""In that stretch a pause as long as this ends it at once: the sooner, the less has to be heard again."""
JOINT = SAMPLE_RATE * 3 // 20
"""Around the end of a sentence and the start of the next a cut is looked for this far: in speech without pauses the
first word behind a cut was often lost with 0.06 s, since Whisper's words reach up to the next one."""
PAUSE = SAMPLE_RATE // 10
"""Stretch whose mean level is compared there: longer than the closure of a plosive, which is no gap between words."""

RANGES = {
    "silence_ms": (20, 10_000),
    "min_speech_ms": (0, 500),
    "preroll_ms": (0, 1_000),
    "max_segment_s": (2, 30),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointOptions:
    """What a client may choose. ValueError names the field that is out of its range, or says why a detector is not to
    be had.

    silence_ms:     pause that ends an utterance.
    min_speech_ms:  speech that begins one; less is taken for noise.
    preroll_ms:     audio from before the onset that is decoded with it.
    max_segment_s:  length, pre-roll included, at which an utterance is cut; past half of it the next sentence ends it.
    vad:            a detector's name.
    """

    silence_ms: int = 500
    min_speech_ms: int = 64
    preroll_ms: int = 300
    max_segment_s: float = 20.0
    vad: str = "webrtc"

    def __post_init__(self) -> None:
        for name, (least, most) in RANGES.items():
            if not least <= (value := getattr(self, name)) <= most:
                raise ValueError(f"{name} must be in {least}..{most}, not {value}")
        registry.load(self.vad)


@dataclass(frozen=True, slots=True, kw_only=True)
class Onset:
    """Speech began `at`; the utterance's audio begins at `start`, pre-roll included."""

    at: int
    start: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Speech ended at `end`; audio before `last` counts for decoding. It was `decided` when so much had been heard."""

    end: int
    last: int
    decided: int
    reason: EndReason


class Endpointer:
    """Push the frame that begins at `position`. That is the next one, but for one case: an utterance that grew too
    long is cut at a quiet point in the past, and the frames behind that point are to be pushed again.

    Utterances are ordered and disjoint: start <= at < end <= last, and the next start >= last. With options of None
    pauses end nothing.
    """

    def __init__(self, options: EndpointOptions | None, frame: int) -> None:
        self.position = 0
        self.speech = False
        """Whether the frame pushed last is part of speech."""
        self._floor = 0
        """No utterance to come reaches behind this."""
        self._onset: Onset | None = None
        self._end = 0
        """Where speech has ended so far."""
        self._promised = 0
        """Text up to here can't be taken back, so the open utterance can't end before."""
        self._joint: tuple[int, int] | None = None
        """Where a sentence ends behind that, and the next begins."""
        self._adopt(options, frame)

    @property
    def open(self) -> bool:
        return self._onset is not None

    @property
    def settled(self) -> int:
        """No utterance to come has a sample below this, nor has the open one; it never falls."""
        if self._onset:
            return self._onset.start
        return max(self._floor, self.position - self._run * self._frame - self._preroll)

    def configure(self, options: EndpointOptions | None, frame: int) -> None:
        """Change the rules between two utterances; `frame` is in samples."""
        assert not self.open
        self._floor = self.settled
        self._adopt(options, frame)

    def push(self, probability: float, level: float) -> Onset | Endpoint | None:
        """Hear a frame: how likely it is speech, 0..1, and how loud, in dB."""
        self.position += self._frame
        return self._follow(self._onset, probability, level) if self._onset else self._listen(probability)

    def promise(self, position: int, joint: tuple[int, int] | None = None) -> None:
        """The open utterance must not be cut before this: its text up to here has been promised.

        joint: the end of a sentence and the start of the next, neither before it, as far as is known by now. When half
            of its length is used up the utterance ends there, at most JOINT before what is promised.
        """
        self._promised = max(self._promised, position)
        self._joint = joint

    def cut(self, position: int, reason: EndReason) -> Endpoint | None:
        """End what is open at `position`, which may lie up to a frame ahead, and go on from there."""
        endpoint = None
        if self.open:
            endpoint = self._close(position if self.speech else self._end, position, position, reason)
        self.position = self._floor = position
        self._run = 0
        return endpoint

    def _adopt(self, options: EndpointOptions | None, frame: int) -> None:
        chosen = options or EndpointOptions()
        self._frame = frame
        self._silence = None if options is None else _samples(chosen.silence_ms)
        self._least = max(1, -(-_samples(chosen.min_speech_ms) // frame))
        self._preroll = _samples(chosen.preroll_ms)
        self._most = int(chosen.max_segment_s * SAMPLE_RATE)
        self._window = min(CUT_WINDOW, self._most // 4)
        self._recent = deque[tuple[float, int]](maxlen=self._window // frame)
        """Of each frame a cut may follow: its level, and where speech had ended by then."""
        self._run = 0
        """Speech frames in a row that don't count yet: too few for an onset, or to resume after a pause."""

    def _listen(self, probability: float) -> Onset | None:
        self._run = self._run + 1 if probability >= (OFFSET if self._run else ONSET) else 0
        doubtful = probability == OFFSET and self._run * self._frame < PATIENCE
        if self._run < self._least or doubtful:
            return None
        at = self.position - self._run * self._frame
        self._onset = Onset(at=at, start=max(self._floor, at - self._preroll))
        self._promised = at
        self._joint = None
        self._end = self.position
        self._run = 0
        self._recent.clear()
        self.speech = True
        return self._onset

    def _follow(self, onset: Onset, probability: float, level: float) -> Endpoint | None:
        if self.speech:
            self.speech = probability >= OFFSET
        else:
            self._run = self._run + 1 if probability >= (OFFSET if self._run else ONSET) else 0
            self.speech = self._run >= RESUME
        if self.speech:
            self._end = self.position
            self._run = 0
        self._recent.append((level, self._end))
        pause = self.position - self._run * self._frame - self._end
        if self._silence is not None and pause >= self._silence:
            return self._close(self._end, self.position, self.position, "endpoint")
        left = self._most - (self.position + self._frame - onset.start)
        if left < 0:
            return self._cut_back(self._promised)
        if self._silence is not None and pause >= BREATH and left < self._window:
            return self._cut_back(max(self._end, self._promised))
        if self._silence is not None and self._joint and left < self._most // 2:
            after, before = self._joint[0] - JOINT, self._joint[1] + JOINT
            if before <= self.position <= after + len(self._recent) * self._frame:
                return self._cut_back(after, before)
        return None

    def _cut_back(self, after: int, before: int | None = None) -> Endpoint:
        """Cut at the quietest point between two positions, or now if there is nothing behind the first."""
        later = 0 if before is None else (self.position - before) // self._frame
        frames = max(later + 1, (self.position - after) // self._frame)
        recent = list(self._recent)[-frames : len(self._recent) - later]
        levels = [level for level, _ in recent]
        width = min(max(1, PAUSE // self._frame), len(levels))
        quietest = min(range(len(levels) - width + 1), key=lambda first: sum(levels[first : first + width]))
        frame = quietest + width // 2
        decided = self.position
        self.position -= (later + len(levels) - 1 - frame) * self._frame
        return self._close(recent[frame][1], self.position, decided, "max_length")

    def _close(self, end: int, limit: int, decided: int, reason: EndReason) -> Endpoint:
        endpoint = Endpoint(end=end, last=min(end + TAIL, limit), decided=decided, reason=reason)
        self._floor = endpoint.last
        self._onset = None
        self._run = 0
        self.speech = False
        return endpoint


def _samples(ms: int) -> int:
    return ms * SAMPLE_RATE // 1000
