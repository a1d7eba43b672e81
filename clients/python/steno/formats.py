"""A session's finals as one document: text, JSON, SRT or WebVTT.

Knows nothing of files or sessions.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from steno.captions import srt, vtt
from steno.events import Final


def text(finals: Sequence[Final]) -> str:
    """A line for each final."""
    return "".join(f"{final.text}\n" for final in finals)


def json_document(finals: Sequence[Final]) -> str:
    """`{"segments": […]}`, each with the fields of Final."""
    return json.dumps({"segments": [asdict(final) for final in finals]}, ensure_ascii=False, indent=2) + "\n"


FORMATS = {"txt": text, "json": json_document, "srt": srt, "vtt": vtt}
WITH_WORDS = ("json", "srt", "vtt")
"""Formats that can tell when each word was said."""
