"""Lifts an offline decoder into a streaming model: each utterance is decoded anew as it grows.

Knows nothing of weights, features or tokens: `Decoder` is all that an offline model has to write.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol, cast

import numpy as np

from models.agreement import MARGIN, SENTENCE_ENDS, agreed, continuation, distant
from models.base import (
    SAMPLE_RATE,
    DecodeOptions,
    Hypothesis,
    Kind,
    ModelCard,
    Need,
    Rejection,
    Samples,
    Utterance,
    Word,
)
from models.times import fit, spoken_in

LANGUAGE_SETTLED = 2 * SAMPLE_RATE
"""Audio after which a detected language is kept for the rest of its utterance."""
PAUSE = SAMPLE_RATE // 5
"""Silence after which speech may have ended: it is decoded on suspicion, so that the final is there when it has. It is
as much as counts for decoding (`vad.endpointer.TAIL`), so that nothing is left to hear then."""
TAIL = 7 * SAMPLE_RATE
"""A window that is longer is trimmed: what went before helps to hear the next word, but costs time in each step."""
KEPT = (3 * SAMPLE_RATE, 5 * SAMPLE_RATE)
"""How much is left of it, at least and at most."""
SELDOM = SAMPLE_RATE * 3 // 2
"""Where hypotheses are further apart, as under load, one alone settles words: else windows grow and cost still more."""
SENTENCE = 4 * SAMPLE_RATE
"""A window that is longer begins at its last sentence: models were trained on windows that begin with one."""
DOUBTED = 4
"""While hypotheses say nothing, or nothing to be trusted: how many leave a pause unworthy of a second look, and how
often the wait for a partial doubles at most."""
BREATH = 4
"""Hypotheses that may say nothing before that wait doubles: a voice may begin with a breath."""
WORD = SAMPLE_RATE // 5
"""Speech that may hold a word: the first one is looked for each time that there is as much more."""
GRID = SAMPLE_RATE // 100
"""Windows begin at multiples of this."""
QUIET = SAMPLE_RATE // 25
"""Of the audio between two words the quietest stretch of this length is where it is trimmed."""
SLACK = SAMPLE_RATE // 16
"""By how much word times may be off, when that stretch is looked for."""

CLEAN = 0.8
"""Mean confidence of a final that the next utterance may be told of."""
REMEMBERED = 200
"""Characters of what was said that it is told."""
FORGOTTEN = 2 * SAMPLE_RATE
"""A longer pause ends what belongs together."""

_DECODED = "decoded"
"""Key of a step that has nothing to decode; no decoder's key is a bare string."""


class Sound(Protocol):
    """The audio of an utterance, in whatever form its decoder wants to keep it."""

    @property
    def samples(self) -> Samples: ...

    def push(self, samples: Samples) -> None: ...

    def trim(self, start: int) -> None:
        """Forget what lies before a sample, a multiple of GRID; from here on positions count from there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Audio to be decoded, with all that its words may depend on: what `sound` holds before `end`.

    kind:     what the step is for. A RETRY follows on a guard that tripped on this very audio: search wider.
    language: decided earlier in its utterance; None: to be detected among `options.languages`.
    leaning:  what was detected in a shorter window of this audio.
    prefix:   texts of the words that the window begins with; they are settled.
    before:   the end of what was said before this utterance.
    speech:   where VAD heard any, on the window's clock.
    """

    sound: Sound
    end: int
    options: DecodeOptions
    kind: Kind = Kind.FINAL
    language: str | None = None
    leaning: str | None = None
    prefix: tuple[str, ...] = ()
    before: str = ""
    speech: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """What a window says; times count from its first sample and lie inside it.

    words:    those of the window's prefix first.
    tripped:  the guard that says these words are not to be trusted, or None.
    complete: False where the decoder ran out of room before the window's end.
    """

    words: tuple[Word, ...] = ()
    language: str | None = None
    tripped: Rejection | None = None
    complete: bool = True


class Decoder(Protocol):
    """An offline model. It keeps nothing between calls, so a window may be decoded again anywhere.

    hop:    samples of new speech that make decoding anew worth its cost.
    window: the most samples that one window may hold. passage: those that it holds best where no partials are wanted.
    carries: whether it makes use of `Window.before`.
    """

    @property
    def card(self) -> ModelCard: ...

    @property
    def hop(self) -> int: ...

    @property
    def window(self) -> int: ...

    @property
    def passage(self) -> int: ...

    @property
    def carries(self) -> bool: ...

    def sound(self) -> Sound:
        """For an utterance that begins."""

    def key(self, window: Window) -> Hashable:
        """Windows of equal keys may share a call; a tuple. Where nothing but `kind` differs, equal keys also mean that
        the words would be the same."""

    def decode(self, windows: Sequence[Window]) -> list[Decoded]:
        """One for each window, in order; what a window says must not depend on its neighbours."""


class Redecode:
    """A `Model` made of a `Decoder`."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    @property
    def card(self) -> ModelCard:
        return self._decoder.card

    def begin(self, options: DecodeOptions, stable: Sequence[Word] = (), carry: str | None = None) -> Utterance:
        return _Utterance(self._decoder, options, stable, carry)

    def step(self, batch: Sequence[Utterance]) -> list[Hypothesis]:
        utterances = cast("Sequence[_Utterance]", batch)
        if all(utterance.decoded for utterance in utterances):
            return [utterance.conclude() for utterance in utterances]
        windows = [utterance.window() for utterance in utterances]
        said = self._decoder.decode(windows)
        return [u.hear(window, decoded) for u, window, decoded in zip(utterances, windows, said, strict=True)]

    def close(self, utterance: Utterance) -> None:
        cast("_Utterance", utterance).forget()


class _Utterance:
    """One utterance's audio and what is believed of it: its words are `_stable` + `_unstable`.

    The window starts at `_offset`, which stays 0 until the audio outgrows SENTENCE or TAIL. Then it moves up behind
    words that are stable, to where it is quiet between two of them.
    """

    def __init__(
        self, decoder: Decoder, options: DecodeOptions, stable: Sequence[Word], carry: str | None = None
    ) -> None:
        self._decoder = decoder
        self._options = options
        self._stable = tuple(stable)
        self._unstable: tuple[Word, ...] = ()
        self._language = options.languages[0] if len(options.languages) == 1 else None
        self._language_settled = self._language is not None
        self._sound = decoder.sound()  # from `_offset` on
        self._offset = 0
        self._accepted = 0
        self._speech: list[tuple[int, int]] = []  # its stretches: the first sample of each, and the one behind the last
        self._fresh = 0  # samples of speech that no step has heard
        self._doubts = 0  # hypotheses, since the last one to be trusted, that said nothing or tripped a guard
        self._covers = 0  # of the last hypothesis that was trusted
        self._sure = 0  # of the last one that a final would not have made otherwise
        self._before = _recalled(carry, options) if decoder.carries and carry else ""
        self._suspected = 0  # a pause up to here was decoded on suspicion
        self._careful = False
        self._clean = True  # no guard has tripped
        self._reason: Rejection = "no_speech"  # why there are no words, if there are none
        self._end: int | None = None
        self._concluded = False

    # -- the seam ---------------------------------------------------------------------------------------------

    @property
    def need(self) -> Need | None:
        if self._concluded:
            return None
        if self.decoded:
            return Need(Kind.FINAL, _DECODED)
        kind = self._kind
        return None if kind is None else Need(kind, self._decoder.key(self._window(kind)))

    def accept(self, samples: Samples, speech: bool) -> None:
        start = self._accepted
        self._sound.push(samples)
        self._accepted += len(samples)
        if speech and len(samples):
            if self._speech and self._speech[-1][1] == start:
                start = self._speech.pop()[0]
            self._speech.append((start, self._accepted))
            self._fresh += len(samples)

    def finish(self, end: int) -> None:
        self._end = min(end, self._accepted)
        # Behind a cut in the past the next utterance says them; those that were told already its promise keeps.
        self._stable, self._unstable = self._before_end(self._stable), self._before_end(self._unstable)

    # -- steps ------------------------------------------------------------------------------------------------

    @property
    def decoded(self) -> bool:
        """Whether the final can be told as it is: no speech counts, or the last sure hypothesis heard all of it."""
        if self._end is None or self._careful:
            return False
        if not self._speech or self._speech[0][0] >= self._end or self._offset >= self._end:
            return True
        return self._sure >= self._end >= self._speech[-1][1]

    @property
    def _kind(self) -> Kind | None:
        """What the next step would be for."""
        if self._careful:
            return Kind.RETRY
        if self._end is not None:
            return Kind.FINAL
        # An utterance begun again has nothing to say before it is there once more.
        if not self._speech or self._accepted < self._promised:
            return None
        spoken = self._speech[-1][1]
        if self._accepted - spoken >= PAUSE and max(self._sure, self._suspected) < spoken + PAUSE:
            return Kind.SPECULATIVE
        # In a pause the next word, or the step on suspicion, is not far.
        if self._options.partials and self._fresh >= self._hop and spoken == self._accepted:
            return Kind.PARTIAL if self._said else Kind.FIRST
        return None

    @property
    def _hop(self) -> int:
        """Speech that makes another partial worth its cost: less until there is a first word, and the more, the longer
        it has not been understood, as music and noise are for as long as they last."""
        hop = self._decoder.hop if self._said else min(WORD, self._decoder.hop)
        return hop << min(max(0, self._doubts - BREATH), DOUBTED)

    @property
    def _longest(self) -> int:
        return self._decoder.window if self._options.partials else self._decoder.passage

    @property
    def _said(self) -> bool:
        return bool(self._stable or self._unstable)

    def window(self) -> Window:
        kind = self._kind
        assert kind is not None
        return self._window(kind)

    def _window(self, kind: Kind) -> Window:
        # What may become the final is heard with an open mind: settled words that are wrong would spoil the others.
        known = self._known if self._language_settled and kind in (Kind.FIRST, Kind.PARTIAL) else ()
        end = min(self._limit - self._offset, self._longest)
        speech = ((max(0, start - self._offset), min(end, stop - self._offset)) for start, stop in self._speech)
        return Window(
            sound=self._sound,
            end=end,
            options=self._options,
            kind=kind,
            language=self._language if self._language_settled else None,
            leaning=self._language,
            prefix=tuple(word.text for word in known),
            before=self._before,
            speech=tuple((start, stop) for start, stop in speech if start < stop),
        )

    def hear(self, window: Window, decoded: Decoded) -> Hypothesis:
        """Take in what `window` says, and tell what is believed now."""
        covers = self._offset + window.end
        full = covers < self._limit
        self._fresh = 0
        self._clean &= not decoded.tripped
        self._doubts = 0 if decoded.words and not decoded.tripped else self._doubts + 1
        if decoded.tripped and window.kind is not Kind.RETRY:
            # Whatever a prompt brought about, it does only once. A partial's next hop will do as its retry, and in
            # what is not understood at all, only the end is worth one.
            self._options = replace(self._options, prompt=None, keywords=())
            self._before = ""
            suspicion = window.kind is Kind.SPECULATIVE
            if suspicion:
                self._suspected = covers
            self._careful = full or self._end is not None or (suspicion and self._doubts < DOUBTED)
            return Hypothesis(words=self._stable, agreed=len(self._stable), covers=covers, trusted=False)
        self._careful = False
        seldom = covers - self._covers > SELDOM
        self._covers = covers
        final = replace(window, kind=Kind.FINAL)
        same = not window.prefix and self._decoder.key(window) == self._decoder.key(final)
        if same or window.kind is Kind.RETRY:
            self._sure = covers
        self._language = decoded.language
        self._language_settled |= covers >= LANGUAGE_SETTLED
        if decoded.tripped:
            self._reason = decoded.tripped
            decoded = Decoded()
        rest = self._behind_stable(window, decoded.words, covers)
        if covers == self._end and decoded.complete:
            self._unstable = rest
            return self.conclude()
        if decoded.complete and not full:
            count = max(agreed(self._unstable, rest, covers), distant(rest, covers) if seldom else 0)
            self._stable, self._unstable = self._stable + rest[:count], rest[count:]
            self._trim(covers)
        else:
            sure = covers - MARGIN if decoded.complete else max((word.start for word in rest), default=0)
            self._advance(rest, sure, covers)
        words = self._placed(self._stable + self._unstable, covers)
        return Hypothesis(words=words, agreed=len(self._stable), covers=covers, language=self._language)

    def conclude(self) -> Hypothesis:
        """The final."""
        self._concluded = True
        words = self._placed(self._stable + self._unstable, self._limit)
        return Hypothesis(
            words=words,
            agreed=len(words),
            covers=self._limit,
            language=self._language,
            final=True,
            rejected=None if words else self._reason,
            carry=self._remembered(words) if self._decoder.carries else None,
        )

    def _placed(self, words: Sequence[Word], covers: int) -> tuple[Word, ...]:
        return fit(spoken_in(words, self._speech), 0, covers)

    def _remembered(self, words: Sequence[Word]) -> str:
        """The carry: this utterance's end, if it may be relied on, and what came before that."""
        sure = sum(word.confidence or 0.0 for word in words) >= CLEAN * len(words) > 0
        text = self._before + "".join(word.text for word in words) if self._clean and sure else ""
        return f"{self._language or ''}:{text[-REMEMBERED:]}"

    def _before_end(self, words: Sequence[Word]) -> tuple[Word, ...]:
        """Those that lie more before the end than behind it, where they are told to lie."""
        told = spoken_in(words, self._speech)
        return tuple(word for word, at in zip(words, told, strict=True) if at.start + at.end < 2 * self._limit)

    def forget(self) -> None:
        self._sound = self._decoder.sound()
        self._concluded = True

    @property
    def _limit(self) -> int:
        """Where the audio that counts ends, as far as is known."""
        return self._accepted if self._end is None else self._end

    @property
    def _promised(self) -> int:
        """Where the stable words end."""
        return self._stable[-1].end if self._stable else 0

    @property
    def _known(self) -> tuple[Word, ...]:
        """The stable words that the window begins with."""
        return tuple(word for word in self._stable if word.start + word.end >= 2 * self._offset)

    def _behind_stable(self, window: Window, words: Sequence[Word], covers: int) -> tuple[Word, ...]:
        """What a window's words say behind the stable ones, on the utterance's clock."""
        heard = [word.moved(word.start + self._offset, word.end + self._offset) for word in words]
        count = len(window.prefix)
        if 0 < count <= len(heard):
            text = heard[count - 1].text  # punctuation may have come
            self._stable = (*self._stable[:-1], self._stable[-1].spelled(text))
            behind: Sequence[Word] = heard[count:]
        else:
            behind = continuation(self._known, heard)
        return fit(behind, self._promised, covers)

    def _trim(self, covers: int) -> None:
        """Have the window begin later: at the last sentence that has begun, or, if it is too long, where it is quietest
        between two stable words."""
        if self._decoder.card.word_times == "estimated":  # a gap between two words is not where it is told to be
            return
        known = self._known
        gaps = list(pairwise(known))
        sentences = [gap for gap in gaps if gap[0].text.endswith(SENTENCE_ENDS)]
        if covers - self._offset > SENTENCE and sentences:
            before, after = sentences[-1]
            self._move(self._quietest(before.end - SLACK, after.start + SLACK)[1])
        elif covers - self._offset >= TAIL:
            quiet = [
                self._quietest(before.end - SLACK, after.start + SLACK)
                for before, after in gaps
                if KEPT[0] <= covers - after.start <= KEPT[1]
            ]
            if quiet:
                self._move(min(quiet)[1])

    def _quietest(self, start: int, end: int) -> tuple[float, int]:
        """Power and middle of the quietest stretch in the audio between two positions, on the grid."""
        first = -(-max(start, self._offset) // GRID) * GRID
        places = range(first, max(first, end - QUIET) + 1, GRID)
        audio = self._sound.samples
        return min(
            (float(np.mean(np.square(audio[place - self._offset :][:QUIET].astype(np.float32)))), place + QUIET // 2)
            for place in places
        )

    def _advance(self, rest: Sequence[Word], sure: int, covers: int) -> None:
        """Settle the words that end by `sure`, and have the next window begin later."""
        before = self._offset
        self._stable += tuple(word for word in rest if word.end <= sure)
        self._trim(covers)
        if self._offset == before:
            start = min(self._promised, covers) // GRID * GRID
            if start <= before:  # not one sure word, so another hearing of this audio would end here again
                self._stable += tuple(rest)
                start = covers // GRID * GRID
            self._move(start)
        self._covers = self._sure = max(self._offset, min(self._promised, covers))
        self._fresh = self._accepted - self._covers
        self._unstable = ()

    def _move(self, start: int) -> None:
        self._sound.trim(start - self._offset)
        self._offset = start


def _recalled(carry: str, options: DecodeOptions) -> str:
    """The text that a carry (`_Utterance._remembered`) may still tell."""
    language, _, text = carry.partition(":")
    fits = not options.languages or language in options.languages
    return text if fits and options.pause <= FORGOTTEN else ""
