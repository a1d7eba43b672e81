import json

from steno.events import Final, Latency, Word
from steno.formats import FORMATS

FINAL = Final(
    seq=4,
    segment=2,
    channel=0,
    start=0.5,
    end=1.5,
    text="Grüße.",
    language="de",
    confidence=0.8,
    reason="stop",
    latency=Latency(endpoint=0, queue=0, decode=0, send=0, total=0),
    words=(Word(text="Grüße", start=0.5, end=1.5, confidence=0.8),),
)


def test_text_is_a_line_for_each_final():
    assert FORMATS["txt"]([FINAL, FINAL]) == "Grüße.\nGrüße.\n"


def test_json_holds_all_that_a_final_says():
    written = FORMATS["json"]([FINAL])
    assert "Grüße" in written
    (segment,) = json.loads(written)["segments"]
    assert (segment["text"], segment["start"], segment["language"]) == ("Grüße.", 0.5, "de")
    assert segment["words"] == [{"text": "Grüße", "start": 0.5, "end": 1.5, "confidence": 0.8, "stable": True}]


def test_every_format_can_say_nothing():
    assert [FORMATS[name]([]) for name in ("txt", "srt", "vtt")] == ["", "", "WEBVTT\n"]
    assert json.loads(FORMATS["json"]([])) == {"segments": []}
