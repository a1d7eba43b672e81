"""Word error rate: normalisation and Levenshtein distance. Knows nothing of audio."""

from __future__ import annotations

import re
from collections.abc import Sequence

SPELLINGS = {"mr": "mister", "mrs": "missus"}


def normalized(text: str) -> list[str]:
    """Words in lower case, of letters, digits and apostrophes only."""
    words = re.findall(r"[^\W_]+(?:'[^\W_]+)*'?", text.lower().replace("’", "'"))
    return [SPELLINGS.get(word, word) for word in words]


def errors(reference: Sequence[str], heard: Sequence[str]) -> int:
    """Fewest words to replace, add or take away to make one of the other."""
    row = list(range(len(heard) + 1))
    for i, expected in enumerate(reference, 1):
        above, row = row, [i]
        for j, word in enumerate(heard, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (expected != word)))
    return row[-1]
