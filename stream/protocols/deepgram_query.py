"""What the query of a Deepgram live request asks.

Knows nothing of messages, sessions or models.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.base import SAMPLE_RATE
from stream.audio import CHANNELS, SAMPLE_RATES, AudioFormat, Encoding
from stream.errors import Unsupported
from stream.events import SessionOptions
from stream.rest import deepgram_words
from stream.rest.fields import Fields, Pairs, WrongField, shown
from vad.endpointer import RANGES, EndpointOptions

RAW: dict[str, Encoding] = {"linear16": "pcm_s16le", "linear32": "pcm_f32le", "mulaw": "mulaw", "alaw": "alaw"}
CONTAINED = ("opus", "ogg-opus", "flac")
"""What is looked for in a container, as is all that comes without an `encoding`."""
SHORTEST_PAUSE_MS = 200
"""Less is no pause between words but one within them, as before a plosive. Deepgram's default is 10."""
LONGEST_PAUSE_MS = RANGES["silence_ms"][1]
FEATURES = ("punctuate", "smart_format")
"""Either makes text come as the model writes it; otherwise it is words in lower case without punctuation."""
LONGEST_GAP_MS = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenQuery:
    """A live transcription asked for in Deepgram's words.

    mixed: how the client's channels come where they are to be mixed; the session is then offered one. gap: samples at
    16 kHz without a word after which UtteranceEnd is told, None for never. ignored: names of what can't be done.
    """

    options: SessionOptions
    mixed: AudioFormat | None = None
    multilingual: bool = False
    vad_events: bool = False
    gap: int | None = None
    tags: tuple[str, ...] = ()
    features: frozenset[str] = frozenset()
    ignored: tuple[str, ...] = ()


def read(query: Pairs) -> ListenQuery:
    """Raises WrongField, and Unsupported for an encoding that is not decoded."""
    fields = Fields(query)
    for name in ("mip_opt_out", "version", "no_delay"):  # nothing is kept, nor held back, and there is one version
        fields.one(name)
    client = _raw(fields)
    multichannel = fields.flag("multichannel")
    mixed = client if client and client.channels > 1 and not multichannel else None
    offered = AudioFormat(sample_rate=mixed.sample_rate) if mixed else client or AudioFormat()
    languages, multilingual = deepgram_words.languages(fields)
    keywords, unwanted = deepgram_words.favoured(fields)
    options = SessionOptions(
        audio=offered,
        container=client is None,
        model=fields.one("model"),
        languages=languages,
        keywords=keywords,
        lenient=True,
        partials=fields.flag("interim_results"),
        words=True,
        endpointing=_endpointing(fields),
    )
    punctuation = frozenset(name for name in FEATURES if fields.flag(name))
    vad_events, gap, tags = fields.flag("vad_events"), _gap(fields), fields.many("tag")
    ignored = [*(["keywords"] if unwanted else []), *(["multichannel"] if multichannel and client is None else [])]
    return ListenQuery(
        options=options,
        mixed=mixed,
        multilingual=multilingual,
        vad_events=vad_events,
        gap=gap,
        tags=tags,
        features=punctuation,
        ignored=(*ignored, *fields.unread()),
    )


def _raw(fields: Fields) -> AudioFormat | None:
    """How samples come; None for a container, which says so itself."""
    encoding, rate, channels = fields.one("encoding"), fields.one("sample_rate"), fields.one("channels")
    if encoding is None or encoding in CONTAINED:
        return None
    if encoding not in RAW:
        known = ", ".join(f"`{each}`" for each in (*RAW, *CONTAINED))
        raise Unsupported(f"`encoding` is {shown(encoding)}, which is not decoded", hint=known, param="encoding")
    if rate is None:
        raise WrongField("sample_rate", "`sample_rate` is missing", hint="samples without a container need one")
    return AudioFormat(
        RAW[encoding],
        _whole("sample_rate", rate, SAMPLE_RATES),
        1 if channels is None else _whole("channels", channels, CHANNELS),
    )


def _whole(name: str, value: str, allowed: range) -> int:
    if not value.isdecimal() or len(value) > 6 or int(value) not in allowed:
        raise WrongField(name, f"`{name}` is {shown(value)}; it is a whole number from {allowed[0]} to {allowed[-1]}")
    return int(value)


def _endpointing(fields: Fields) -> EndpointOptions | None:
    """Pauses are at least as long as one between words. "true" is the default."""
    value = (fields.one("endpointing") or "true").lower()
    if value == "false":
        return None
    pause_ms = 0.0 if value == "true" else fields.number("endpointing", 0, float("inf")) or 0.0
    return EndpointOptions(silence_ms=int(min(max(pause_ms, SHORTEST_PAUSE_MS), LONGEST_PAUSE_MS)))


def _gap(fields: Fields) -> int | None:
    if (fields.one("utterance_end_ms") or "").lower() == "false":
        return None
    gap_ms = fields.number("utterance_end_ms", 0, LONGEST_GAP_MS)
    return None if gap_ms is None else int(gap_ms) * SAMPLE_RATE // 1000
