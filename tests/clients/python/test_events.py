import pytest

from steno.errors import ProtocolError
from steno.events import Done, Failed, Final, Finalized, Latencies, Partial, Quantiles, Warned, Word, decode

LATENCY = {"endpoint": 500, "queue": 1.5, "decode": 20.0, "send": 0.1, "total": 521.6}
FINAL = {
    "type": "final",
    "seq": 3,
    "segment": 0,
    "channel": 1,
    "start": 0.5,
    "end": 2,
    "text": "Hello you.",
    "language": "en",
    "confidence": None,
    "reason": "endpoint",
    "latency": LATENCY,
}


def test_a_final_with_words_becomes_typed_all_the_way_down():
    word = {"text": "Hello", "start": 0.5, "end": 1.0, "confidence": 0.9}
    final = decode({**FINAL, "words": [word]})
    assert isinstance(final, Final)
    assert final.words == (Word(text="Hello", start=0.5, end=1.0, confidence=0.9, stable=True),)
    assert final.latency.total == 521.6


def test_words_are_none_when_there_are_none():
    final = decode(FINAL)
    assert isinstance(final, Final)
    assert final.words is None


def test_a_partial_splits_where_its_stable_code_points_end():
    text = "naïve 👋🏽 wave"
    told = {"segment": 0, "channel": 0, "start": 0, "end": 1, "language": None, "lag_ms": 0}
    partial = decode({"type": "partial", "text": text, "stable": 8, **told})
    assert isinstance(partial, Partial)
    assert (partial.stable_text, partial.unstable_text) == ("naïve 👋🏽", " wave")


def test_done_holds_both_latencies():
    latency = {"partials": {"p50": 100, "p95": 300.5}, "finals": {"p50": None, "p95": None}}
    told = {"seq": 9, "received": 16_000, "audio_s": 1.0, "speech_s": 0.5, "segments": 1, "words": 2}
    done = decode({"type": "done", "latency": latency, **told})
    assert isinstance(done, Done)
    assert done.latency == Latencies(partials=Quantiles(p50=100, p95=300.5), finals=Quantiles(p50=None, p95=None))


def test_optional_fields_may_be_missing():
    assert decode({"type": "finalized", "seq": 1, "at": 5}) == Finalized(seq=1, at=5, id=None)
    assert decode({"type": "error", "code": "c", "message": "m", "fatal": False}) == Failed(
        code="c", message="m", fatal=False, hint=None
    )


def test_what_a_later_server_adds_is_ignored():
    assert decode({"type": "applause", "volume": 11}) is None
    assert decode({"type": "warning", "code": "behind", "message": "m", "since": 1}) == Warned(
        code="behind", message="m"
    )
    final = decode({**FINAL, "reason": "applause"})
    assert isinstance(final, Final)
    assert final.reason == "applause"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"text": None}, "text"),
        ({"text": 5}, "text"),
        ({"seq": "3"}, "seq"),
        ({"segment": True}, "segment"),
        ({"segment": 0.5}, "segment"),
        ({"start": "0.5"}, "start"),
        ({"latency": []}, "latency"),
        ({"latency": {}}, "endpoint"),
        ({"words": {}}, "words"),
        ({"words": [5]}, "words"),
        ({"words": [{"text": "a", "start": 0}]}, "end"),
    ],
)
def test_a_wrong_field_is_named(change, named):
    with pytest.raises(ProtocolError, match=named):
        decode({**FINAL, **change})


def test_a_missing_field_is_named():
    with pytest.raises(ProtocolError, match="`final` has no `text`"):
        decode({name: value for name, value in FINAL.items() if name != "text"})
