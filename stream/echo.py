"""A word that a cut goes through is heard on both sides of it: tells it from one that is really said twice.

Pure; knows nothing of segments, channels and models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.base import Word
from stream.text import plain
from vad.endpointer import JOINT


@dataclass(frozen=True, slots=True)
class Cut:
    """Speech was cut at `at`, and goes on there.

    said:  the words that were published of what lies just before it.
    whole: those of the last hypothesis before that, which may have heard what comes behind it.
    """

    at: int
    said: tuple[str, ...]
    whole: tuple[str, ...]

    @classmethod
    def through(cls, words: Sequence[Word], whole: Sequence[Word], at: int) -> Cut:
        """words: those of the final, on the clock of `at`."""
        said = tuple(plain(word.text) for word in words if word.end > at - JOINT)
        return cls(at, said, tuple(plain(word.text) for word in whole))

    def echo(self, words: Sequence[Word]) -> int:
        """With how many words the next utterance begins only because it heard the rest of them."""
        heard = tuple(plain(word.text) for word in words[: len(self.said)])
        return next((count for count in range(len(heard), 0, -1) if self._once(heard[:count])), 0)

    def _once(self, words: tuple[str, ...]) -> bool:
        """These were said just before the cut, and when there was more to hear, others followed."""
        if self.said[-len(words) :] != words:
            return False
        places = [i for i in range(len(self.whole)) if self.whole[i : i + len(words)] == words]
        following = self.whole[places[-1] + len(words) :] if places else ()
        before = self.whole[: places[-1]] if places else ()
        return bool(following) and before[-len(words) :] != words
