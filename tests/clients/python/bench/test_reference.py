import pytest

from steno.bench.reference import BadReference, Reference, Span, offline_texts, references

LINES = [
    '{"file": "a.flac", "text": "Good morning.", "language": "en", "voice": "x",'
    ' "words": [{"word": "Good", "start": 0.5, "end": 1}, {"word": "morning.", "start": 1, "end": 1.5}],'
    ' "utterances": [{"start": 0.5, "end": 1.5, "text": "Good morning.", "speaker": "A"}]}',
    "",
    '{"file": "b.flac", "text": ""}',
]


def test_a_line_is_a_recording_and_what_is_said_in_it():
    assert references(LINES, "refs.jsonl") == [
        Reference(
            "a.flac",
            "Good morning.",
            "en",
            (Span("Good", 0.5, 1.0), Span("morning.", 1.0, 1.5)),
            (Span("Good morning.", 0.5, 1.5),),
        ),
        Reference("b.flac", ""),
    ]


def test_a_reference_can_be_moved_and_compared():
    first, _ = references(LINES, "refs.jsonl")
    assert first.said == ["good", "morning"]
    assert first.moved(2).words == (Span("Good", 2.5, 3.0), Span("morning.", 3.0, 3.5))
    assert first.moved(2).utterances == (Span("Good morning.", 2.5, 3.5),)


def test_offline_texts_are_by_file():
    assert offline_texts(LINES, "texts.jsonl") == {"a.flac": "Good morning.", "b.flac": ""}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"text": "a"}', "refs.jsonl, line 1: 'file' is missing"),
        ('{"file": "a"}', "refs.jsonl, line 1: 'text' is missing"),
        ("{", "refs.jsonl, line 1: "),
        ("[]", "refs.jsonl, line 1: "),
        ('{"file": "a", "text": "b", "words": [{"word": "b", "start": "x", "end": 1}]}', "line 1: could not convert"),
        ('{"file": "a", "text": "b", "words": [{"word": "b", "end": 1}]}', "line 1: 'start' is missing"),
    ],
)
def test_a_bad_line_is_named(line, told):
    with pytest.raises(BadReference, match=told):
        references([line], "refs.jsonl")
