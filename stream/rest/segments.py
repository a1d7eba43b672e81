"""Finals as parts of one text: segments whose texts, joined, are the transcript.

Knows nothing of dialects.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from models.base import Word
from stream.events import Final
from stream.rest.languages import SPACELESS


@dataclass(frozen=True, slots=True)
class Segment:
    """One final. Its words' texts carry the space before them, the first one's only behind another segment.

    number: from 0, in order of time. Positions are samples at 16 kHz since the recording began.
    """

    number: int
    words: tuple[Word, ...]
    language: str | None

    @property
    def text(self) -> str:
        return "".join(word.text for word in self.words)

    @property
    def start(self) -> int:
        return self.words[0].start

    @property
    def end(self) -> int:
        return self.words[-1].end


def segment(final: Final, number: int) -> Segment:
    """The segment that a final becomes as the `number`th, from 0. It has at least one word, as every final has."""
    words = list(final.words)
    words[0] = words[0].spelled(" " * (number > 0 and spaced(words, final.language)) + words[0].text.lstrip())
    words[-1] = words[-1].spelled(words[-1].text.rstrip())
    return Segment(number, tuple(words), final.language)


def spaced(words: Sequence[Word], language: str | None) -> bool:
    """Whether a space goes between what was said before and these words: a model may leave it out of the first one."""
    return words[0].text[:1].isspace() or language not in SPACELESS


def segments(finals: Sequence[Final]) -> tuple[Segment, ...]:
    """All of a recording's segments."""
    return tuple(segment(final, number) for number, final in enumerate(finals))


def word_by_word(told: Sequence[Segment]) -> list[Segment]:
    """A segment for every word, whose texts joined are the same."""
    words = [(word, each.language) for each in told for word in each.words]
    return [Segment(number, (word,), language) for number, (word, language) in enumerate(words)]


def text(told: Sequence[Segment]) -> str:
    """The transcript."""
    return "".join(each.text for each in told)


def heard_languages(told: Sequence[Segment]) -> list[str]:
    """Codes of the languages that were heard, the one spoken longest first."""
    spoken: Counter[str] = Counter()
    for each in told:
        if each.language is not None:
            spoken[each.language] += each.end - each.start
    return [code for code, _ in spoken.most_common()]


def mean_confidence(words: Sequence[Word]) -> float | None:
    """The mean of the confidences that are known, None where none is."""
    known = _known(words)
    return sum(known) / len(known) if known else None


def mean_log_confidence(words: Sequence[Word]) -> float | None:
    """The mean of the confidences' natural logarithms, None where none is known."""
    known = _known(words)
    return sum(math.log(max(each, 1e-9)) for each in known) / len(known) if known else None


def most_doubt(words: Sequence[Word]) -> float | None:
    """The probability that not even the surest word was said: no more than that speaks for there being no speech."""
    known = _known(words)
    return 1.0 - max(known) if known else None


def _known(words: Sequence[Word]) -> list[float]:
    return [word.confidence for word in words if word.confidence is not None]
