"""A form as it comes in (multipart/form-data, RFC 7578): bytes in, its fields and one file's pieces out, within limits.

Pure; knows nothing of what the fields mean, nor where a file goes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from stream.errors import BadRequest, TooLarge

MAX_PARTS = 256
"""A hundred words to favour come as a hundred fields."""
MAX_NAME = 100
"""Bytes of a field's name."""
MAX_VALUE = 16_384
"""Bytes of all values that are no file."""
MAX_FILENAME = 255
OVERHEAD = 262_144
"""Bytes that a form may be longer than the file in it: all of the above, and the lines between."""


@dataclass(frozen=True, slots=True)
class Text:
    """A field that is no file, whole."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class FileBegin:
    name: str
    filename: str
    mimetype: str | None


@dataclass(frozen=True, slots=True)
class FilePiece:
    content: bytes


Piece = Text | FileBegin | FilePiece


@dataclass(slots=True)
class _Part:
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    name: bytes = b""
    value: bytes = b""
    filename: bytes | None = None


class Form:
    """Push what arrives, in order, then `end`. Nothing is to be pushed once it has raised.

    Raises BadRequest for a content type or a form that can't be read, TooLarge at the first byte over a limit.
    """

    def __init__(self, content_type: str) -> None:
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            raise BadRequest("the body must be multipart/form-data with a boundary", hint="send it as a form")
        self._pieces: list[Piece] = []
        self._part = _Part()
        self._parts = 0
        self._values = 0
        self._header = (bytearray(), bytearray())
        self._ended = False
        try:
            self._parser = MultipartParser(
                options[b"boundary"],
                {
                    "on_part_begin": self._on_part_begin,
                    "on_header_field": self._on_header_name,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_part_data": self._on_part_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
            )
        except FormParserError as error:
            raise BadRequest(f"the form's boundary is not one: {error}") from None

    def push(self, received: bytes) -> list[Piece]:
        """What has become clear with these bytes; a file's pieces are at most as long as they are."""
        try:
            self._parser.write(received)
        except FormParserError as error:
            raise BadRequest(f"the form can't be read: {error}") from None
        pieces, self._pieces = self._pieces, []
        return pieces

    def end(self) -> None:
        """All has arrived; raises BadRequest if the form breaks off."""
        if not self._ended:
            raise BadRequest("the form breaks off before its last boundary")

    def _on_part_begin(self) -> None:
        self._part = _Part()
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise TooLarge(f"a form may have {MAX_PARTS} fields")

    def _on_header_name(self, received: bytes, start: int, end: int) -> None:
        self._header[0].extend(received[start:end])

    def _on_header_value(self, received: bytes, start: int, end: int) -> None:
        self._header[1].extend(received[start:end])

    def _on_header_end(self) -> None:
        name, value = (bytes(each) for each in self._header)
        self._header = (bytearray(), bytearray())
        self._part.headers.append((name.lower(), value))

    def _on_headers_finished(self) -> None:
        part, headers = self._part, dict(self._part.headers)
        disposition, options = parse_options_header(headers.get(b"content-disposition", b"").decode("latin-1"))
        if disposition != b"form-data" or b"name" not in options:
            raise BadRequest("a part of the form has no name")
        part.name, part.filename = options[b"name"], options.get(b"filename")
        if len(part.name) > MAX_NAME:
            raise TooLarge(f"a field's name may have {MAX_NAME} bytes")
        if part.filename is None:
            return
        if len(part.filename) > MAX_FILENAME:
            raise TooLarge(f"a file's name may have {MAX_FILENAME} bytes", param=_text(part.name))
        mimetype = headers.get(b"content-type", b"").decode("latin-1").strip() or None
        self._pieces.append(FileBegin(_text(part.name), _text(part.filename), mimetype))

    def _on_part_data(self, received: bytes, start: int, end: int) -> None:
        part = self._part
        if part.filename is not None:
            self._pieces.append(FilePiece(received[start:end]))
            return
        self._values += end - start
        if self._values > MAX_VALUE:
            raise TooLarge(f"a form's values may have {MAX_VALUE} bytes", param=_text(part.name))
        part.value += received[start:end]

    def _on_part_end(self) -> None:
        if self._part.filename is None:
            self._pieces.append(Text(_text(self._part.name), _text(self._part.value)))

    def _on_end(self) -> None:
        self._ended = True


def _text(received: bytes) -> str:
    try:
        return received.decode()
    except UnicodeDecodeError:
        raise BadRequest("the form is not UTF-8") from None
