"""Forms as clients send them, cut anywhere; and forms as nobody should."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream import multipart
from stream.errors import BadRequest, StreamError, TooLarge
from stream.multipart import FileBegin, FilePiece, Form, Piece, Text

BOUNDARY = "steno-boundary"
TYPE = f'multipart/form-data; boundary="{BOUNDARY}"'


def part(disposition: str, value: bytes, *headers: str) -> bytes:
    lines = [f"--{BOUNDARY}", f"Content-Disposition: {disposition}", *headers, "", ""]
    return "\r\n".join(lines).encode() + value + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def read(body: bytes, *cuts: int, content_type: str = TYPE) -> list[Piece]:
    """All pieces of a form that arrives in as many chunks as there are cuts, and one; a file's pieces joined."""
    reader = Form(content_type)
    pieces: list[Piece] = []
    places = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    for start, end in pairwise(places):
        for piece in reader.push(body[start:end]):
            if isinstance(piece, FilePiece) and isinstance(pieces[-1], FilePiece):
                pieces[-1] = FilePiece(pieces[-1].content + piece.content)
            else:
                pieces.append(piece)
    reader.end()
    return pieces


UPLOAD = (
    part('form-data; name="visibility"', b"workspace"),
    part('form-data; name="purpose"', b"audio"),
    part('form-data; name="file"; filename="Übung \\"1\\".wav"', b"RIFF\r\n--steno\r\n", "Content-Type: audio/wav"),
    part('form-data; name="after"', "später".encode()),
)
PIECES = [
    Text("visibility", "workspace"),
    Text("purpose", "audio"),
    FileBegin("file", 'Übung "1".wav', "audio/wav"),
    FilePiece(b"RIFF\r\n--steno\r\n"),
    Text("after", "später"),
]


def test_a_form_is_read():
    assert read(form(*UPLOAD)) == PIECES


@given(st.lists(st.integers(min_value=0, max_value=2000), max_size=40))
def test_a_form_is_the_same_however_it_is_cut(cuts: list[int]):
    assert read(form(*UPLOAD), *cuts) == PIECES


@given(st.binary(max_size=300), st.lists(st.integers(min_value=0, max_value=600), max_size=5))
def test_a_file_comes_out_as_it_went_in(content: bytes, cuts: list[int]):
    body = form(part('form-data; name="file"; filename="a"', content))
    whole = b"".join(piece.content for piece in read(body, *cuts) if isinstance(piece, FilePiece))
    assert whole == content or BOUNDARY.encode() in content


def test_pieces_are_no_longer_than_what_arrived():
    reader = Form(TYPE)
    reader.push(form(*UPLOAD)[:-30].partition(b"RIFF")[0])
    pieces = [piece for _ in range(5) for piece in reader.push(b"x" * 1000)]
    assert pieces
    assert all(isinstance(piece, FilePiece) and len(piece.content) <= 1000 for piece in pieces)


@pytest.mark.parametrize("kept", range(1, 40, 3))
def test_a_form_that_breaks_off_is_refused(kept: int):
    body = form(*UPLOAD)
    with pytest.raises(BadRequest, match="breaks off"):
        read(body[: len(body) * kept // 40])


@pytest.mark.parametrize(
    "content_type",
    ["", "application/json", "multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed; boundary=x"],
)
def test_what_is_no_form_is_refused(content_type: str):
    with pytest.raises(BadRequest, match="multipart/form-data"):
        Form(content_type)


def test_a_boundary_may_not_be_endless():
    with pytest.raises(BadRequest, match="boundary"):
        Form(f"multipart/form-data; boundary={'x' * 5000}")


@pytest.mark.parametrize(
    "body",
    [
        b"nonsense",
        form(part("form-data", b"no name")),
        form(part('attachment; name="a"', b"")),
        form(b"--" + BOUNDARY.encode() + b"\r\n\r\nno headers\r\n"),
        form(part('form-data; name="a"', b"\xff")),
        form(b"--" + BOUNDARY.encode() + b"\r\nbad header\r\n\r\n\r\n"),
    ],
)
def test_what_cannot_be_read_is_refused(body: bytes):
    with pytest.raises(BadRequest):
        read(body)


FILE, VALUE = 'form-data; name="file"; filename="{}"', 'form-data; name="{}"'
LIMITS = {
    "parts": (multipart.MAX_PARTS, lambda many: [part(VALUE.format("a"), b"")] * many),
    "name": (multipart.MAX_NAME, lambda many: [part(VALUE.format("a" * many), b"")]),
    "filename": (multipart.MAX_FILENAME, lambda many: [part(FILE.format("a" * many), b"")]),
    "value": (multipart.MAX_VALUE, lambda many: [part(VALUE.format("a"), b"b" * many)]),
    "values": (
        multipart.MAX_VALUE,
        lambda many: [part(VALUE.format("a"), b"b" * (many // 2 + k)) for k in (0, many % 2)],
    ),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_each_limit_holds_to_the_byte(limit: str):
    most, parts = LIMITS[limit]
    assert read(form(*parts(most)))
    with pytest.raises(TooLarge):
        read(form(*parts(most + 1)))


def test_a_limit_is_told_before_the_field_ends():
    reader = Form(TYPE)
    reader.push(part(VALUE.format("a"), b"b" * multipart.MAX_VALUE)[:-2])
    with pytest.raises(TooLarge):
        reader.push(b"b")


@pytest.mark.parametrize("header", ["X: " + "a" * 5000, "X" * 5000, "\r\n".join(["X: a"] * 20)])
def test_headers_have_limits_too(header: str):
    with pytest.raises(StreamError):
        read(form(part(VALUE.format("a"), b"", header)))


def test_a_form_with_all_fields_in_use_is_within_the_overhead():
    name, headers, value = (
        "a" * multipart.MAX_NAME,
        "X: " + "y" * 500,
        b"b" * (multipart.MAX_VALUE // multipart.MAX_PARTS),
    )
    texts = [part(VALUE.format(name), value, headers)] * (multipart.MAX_PARTS - 1)
    whole = form(*texts, part(FILE.format("f" * multipart.MAX_FILENAME), b""))
    assert read(whole)
    assert len(whole) <= multipart.OVERHEAD
