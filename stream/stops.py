"""Ends an answer before the first of some texts in it, however the answer is cut into pieces.

Pure: knows nothing of models and tokens.
"""

from __future__ import annotations

from collections.abc import Sequence


class Stops:
    """Give it all pieces of an answer in order. `hit`: one of the texts has come, and nothing more is to be told."""

    def __init__(self, stops: Sequence[str]) -> None:
        self.hit = False
        self._stops = [stop for stop in stops if stop]
        self._held = ""

    def push(self, piece: str, *, last: bool = False) -> str:
        """What of the answer may be told now. What may be the beginning of a stop is held back until that is known."""
        text = self._held + piece
        found = [place for stop in self._stops if (place := text.find(stop)) >= 0]
        if found:
            self.hit = True
            told = min(found)
        else:
            told = len(text) - (0 if last else max((_begun(stop, text) for stop in self._stops), default=0))
        self._held = text[told:]
        return text[:told]


def _begun(stop: str, text: str) -> int:
    """How many characters at the end of `text` are the beginning of `stop`, though not all of it."""
    return next((size for size in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:size])), 0)
