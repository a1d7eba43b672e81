"""What a Deepgram live request may ask in its query."""

from __future__ import annotations

import pytest

from stream.audio import AudioFormat
from stream.errors import ClientError, Unsupported
from stream.events import SessionOptions
from stream.protocols.deepgram_query import ListenQuery, read
from stream.rest.fields import WrongField
from vad.endpointer import EndpointOptions

RAW = [("encoding", "linear16"), ("sample_rate", "16000")]


def asked(*query: tuple[str, str]) -> ListenQuery:
    return read([*RAW, *query])


def test_what_the_vendors_client_sends():
    query = read(
        [
            *(("channels", "1"), ("diarize", "true"), ("encoding", "linear16"), ("endpointing", "300")),
            *(("interim_results", "true"), ("keyterm", "Ada"), ("keyterm", "Bob"), ("language", "en-US")),
            *(("model", "nova-3"), ("punctuate", "true"), ("sample_rate", "24000"), ("smart_format", "true")),
            *(("tag", "t1"), ("tag", "t2"), ("utterance_end_ms", "1000"), ("vad_events", "true")),
        ]
    )
    assert query == ListenQuery(
        options=SessionOptions(
            audio=AudioFormat("pcm_s16le", 24_000, 1),
            model="nova-3",
            languages=("en",),
            keywords=("Ada", "Bob"),
            partials=True,
            words=True,
            endpointing=EndpointOptions(silence_ms=300),
            lenient=True,
        ),
        vad_events=True,
        gap=16_000,
        tags=("t1", "t2"),
        features=frozenset({"punctuate", "smart_format"}),
        ignored=("diarize",),
    )


@pytest.mark.parametrize(
    ("encoding", "ours"),
    [("linear16", "pcm_s16le"), ("linear32", "pcm_f32le"), ("mulaw", "mulaw"), ("alaw", "alaw")],
)
def test_encodings_of_samples(encoding: str, ours: str):
    options = read([("encoding", encoding), ("sample_rate", "8000")]).options
    assert (options.audio.encoding, options.audio.sample_rate, options.container) == (ours, 8000, False)


@pytest.mark.parametrize("encoding", [None, "opus", "ogg-opus", "flac"])
def test_what_comes_in_a_container_says_itself_how(encoding: str | None):
    query = [] if encoding is None else [("encoding", encoding)]
    options = read([*query, ("sample_rate", "48000"), ("channels", "2")]).options
    assert (options.container, options.audio) == (True, AudioFormat())


def test_channels():
    apart = asked(("channels", "2"), ("multichannel", "true"))
    assert (apart.options.audio.channels, apart.mixed) == (2, None)
    together = asked(("channels", "2"))
    assert (together.options.audio, together.mixed) == (AudioFormat(), AudioFormat(channels=2))
    assert asked(("multichannel", "true")).options.audio.channels == 1
    assert read([("multichannel", "true")]).ignored == ("multichannel",), "how many there are is known too late"


@pytest.mark.parametrize(
    ("value", "silence_ms"),
    [
        (None, 200),
        ("true", 200),
        ("10", 200),
        ("0", 200),
        ("500", 500),
        ("300.7", 300),
        ("99999999", 10_000),
        ("false", None),
    ],
)
def test_pauses_that_end_speech(value: str | None, silence_ms: int | None):
    endpointing = asked(*([] if value is None else [("endpointing", value)])).options.endpointing
    assert endpointing == (silence_ms and EndpointOptions(silence_ms=silence_ms))


@pytest.mark.parametrize(("value", "gap"), [("1000", 16_000), ("False", None), ("", None), ("1500", 24_000)])
def test_gaps_that_end_utterances(value: str, gap: int | None):
    assert asked(("utterance_end_ms", value)).gap == gap


def test_flags_are_read_as_people_write_them():
    assert asked(("interim_results", "True")).options.partials
    assert not asked(("interim_results", "FALSE")).options.partials
    assert not asked().options.partials


def test_languages():
    assert asked().options.languages == ()
    mixed = asked(("language", "multi"), ("language_hint", "de"), ("language_hint", "en-GB"))
    assert (mixed.options.languages, mixed.multilingual) == (("de", "en"), True)


def test_words_to_favour():
    query = asked(("keyterm", "Ada Lovelace"), ("keywords", "Bob:2"), ("keywords", "um:-3"))
    assert (query.options.keywords, query.ignored) == (("Ada Lovelace", "Bob"), ("keywords",))


def test_what_is_not_offered_is_named_and_never_an_error():
    query = asked(
        ("diarize_model", "v1"), ("callback", "https://x"), ("extra[a]", "b"), ("replace", "a:b"), ("numerals", "false")
    )
    assert query.ignored == ("diarize_model", "callback", "extra", "replace")
    assert asked(("no_delay", "true"), ("mip_opt_out", "true"), ("version", "latest")).ignored == ()


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ([("encoding", "linear16")], "sample_rate"),
        ([("encoding", "linear16"), ("sample_rate", "16k")], "sample_rate"),
        ([("encoding", "linear16"), ("sample_rate", "7999")], "sample_rate"),
        ([("encoding", "mulaw"), ("sample_rate", "8000"), ("channels", "9")], "channels"),
        ([*RAW, ("endpointing", "soon")], "endpointing"),
        ([*RAW, ("endpointing", "-1")], "endpointing"),
        ([*RAW, ("endpointing", "nan")], "endpointing"),
        ([*RAW, ("utterance_end_ms", "x")], "utterance_end_ms"),
        ([*RAW, ("punctuate", "perhaps")], "punctuate"),
        ([*RAW, ("model", "a"), ("model", "b")], "model"),
        ([("encoding", "amr-nb"), ("sample_rate", "8000")], "encoding"),
    ],
)
def test_a_wrong_value_is_named(query: list[tuple[str, str]], param: str):
    with pytest.raises(ClientError) as caught:
        read(query)
    assert isinstance(caught.value, WrongField | Unsupported)
    assert caught.value.param == param
