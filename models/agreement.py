"""What successive hypotheses of one utterance agree on.

Pure: knows words and their times, nothing of audio or decoders.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import pairwise

from models.base import SAMPLE_RATE, Word

MARGIN = SAMPLE_RATE * 12 // 10
"""A word that ends later than this before the audio's end may have been cut off, or heard only because of the cut. With
0.4 s the words that were promised wrongly cost 0.7 points of word error rate more, and 2 s gained nothing."""

LONE_MARGIN = 2 * SAMPLE_RATE
"""The same for a word that only one hypothesis has heard."""

DRIFT = SAMPLE_RATE // 2
"""How far the end of one and the same word may move between two hypotheses; repeated words are further apart."""

SENTENCE_ENDS = (".", "?", "!", "…", "。", "？", "！", "।", "؟")


def agreed(before: Sequence[Word], now: Sequence[Word], covers: int) -> int:
    """How many leading words of `now` may be promised: `before` has them too, and they end well before `covers`.

    This is LocalAgreement-2 (Macháček et al. 2023) with times. Case and punctuation may differ inside, but not behind
    the last word: a comma that is not settled there would change what was promised.
    """
    count = 0
    for old, new in zip(before, now, strict=False):
        if spoken(old) != spoken(new) or abs(old.end - new.end) > DRIFT or new.end > covers - MARGIN:
            break
        count += 1
    while count and before[count - 1].text != now[count - 1].text:
        count -= 1
    return count


def distant(now: Sequence[Word], covers: int) -> int:
    """How many leading words of `now` may be promised though no hypothesis before could have heard them."""
    return sum(word.end <= covers - LONE_MARGIN for word in now)


def continuation(stable: Sequence[Word], words: Sequence[Word]) -> tuple[Word, ...]:
    """The part of `words` that comes after `stable`, when `words` is a new hearing of all of it.

    Where the new hearing says the stable words otherwise, the cut lies where fewest words differ and times fit best;
    a quarter of a second, a short word, weighs as much as a word that differs.
    """
    promised = "".join(map(spoken, stable))
    said = ""
    for count, word in enumerate(words):
        if said == promised:
            return tuple(words[count:])
        said += spoken(word)
    if said == promised:
        return ()
    distances = edit_distances([spoken(word) for word in stable], [spoken(word) for word in words])
    ends = [0, *(word.end for word in words)]
    costs = [
        distance + 4 * abs(end - stable[-1].end) / SAMPLE_RATE for distance, end in zip(distances, ends, strict=True)
    ]
    return tuple(words[costs.index(min(costs)) :])


def joint(words: Sequence[Word], agreed: int) -> tuple[int, int] | None:
    """Where the first sentence ends that doesn't end within the `agreed` words, and where the next begins."""
    behind = words[max(0, agreed - 1) :]
    return next(((end.end, start.start) for end, start in pairwise(behind) if end.text.endswith(SENTENCE_ENDS)), None)


def spoken(word: Word) -> str:
    """What is heard of a word: no case, no punctuation; a word that is nothing else stays as it is."""
    text = unicodedata.normalize("NFKC", word.text).casefold()
    return "".join(char for char in text if char.isalnum() or unicodedata.category(char)[0] == "M") or text.strip()


def edit_distances(left: Sequence[str], right: Sequence[str]) -> list[int]:
    """Levenshtein distances of `left` to each prefix of `right`, the empty one first."""
    row = list(range(len(right) + 1))
    for i, item in enumerate(left, 1):
        above, row = row, [i]
        for j, other in enumerate(right, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (item != other)))
    return row
