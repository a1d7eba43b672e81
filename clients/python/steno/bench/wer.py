"""Word error rate: normalisation, Levenshtein distance, and which words are the same in both texts.

Pure; knows nothing of audio.
"""

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


def alike(one: Sequence[str], other: Sequence[str]) -> int:
    """How many leading words both have."""
    shorter = min(len(one), len(other))
    return next((place for place in range(shorter) if one[place] != other[place]), shorter)


def kept(reference: Sequence[str], heard: Sequence[str]) -> list[tuple[int, int]]:
    """Places of the words that stay when one is made of the other with fewest errors, in order.

    Of several ways with as few errors, one that keeps most words.
    """
    head = alike(reference, heard)
    reference, heard = reference[head:], heard[head:]
    tail = alike(reference[::-1], heard[::-1])
    inner = _kept(reference[: len(reference) - tail], heard[: len(heard) - tail])
    ends = zip(range(len(reference) - tail, len(reference)), range(len(heard) - tail, len(heard)), strict=True)
    return [*((place, place) for place in range(head)), *((head + i, head + j) for i, j in (*inner, *ends))]


def _kept(reference: Sequence[str], heard: Sequence[str]) -> list[tuple[int, int]]:
    """`costs[i][j]` is what it takes from reference[i:] to heard[j:]: a word kept is worth less than any error."""
    rows, columns = len(reference), len(heard)
    error = min(rows, columns) + 1
    costs = [[error * (columns - j) for j in range(columns + 1)]]
    for i in reversed(range(rows)):
        below, row = costs[-1], [error * (rows - i)]
        for j in reversed(range(columns)):
            across = -1 if reference[i] == heard[j] else error
            row.append(min(below[j + 1] + across, below[j] + error, row[-1] + error))
        costs.append(row[::-1])
    costs.reverse()
    pairs, i, j = [], 0, 0
    while i < rows and j < columns:
        same = reference[i] == heard[j]
        if costs[i][j] == costs[i + 1][j + 1] + (-1 if same else error):
            pairs += [(i, j)] * same
            i, j = i + 1, j + 1
        elif costs[i][j] == costs[i + 1][j] + error:
            i += 1
        else:
            j += 1
    return pairs
