"""Reads a chat completion request of OpenAI's and Mistral's clients: messages with audio in them, and how to answer.

Knows nothing of HTTP, of files, nor of which model answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import msgspec

from models.chat import ChatOptions, Role
from stream.errors import BadRequest, TooLarge, Unsupported
from stream.rest import dialect
from stream.rest.dialect import Dialect
from stream.rest.fields import HEADER_NAME, NAMED, SHOWN, WrongField
from stream.rest.request import FileId, FileUrl, Upload

MAX_CLIPS = 16
"""Each is decoded in a process of its own, one after the other."""
MAX_TEXT = 262_144
"""Characters over all messages: more than any model's context, and little enough to be made tokens of at once."""
MARKS, MAX_MARKS = b'",[{', 1 << 20
"""Those in a body: no text that is taken has more, and what has would be millions of objects."""
PIECE = 1 << 20
"""What is looked at without letting other threads go on."""
MAX_STOPS, MAX_STOP = 16, 256
MAX_TOKENS = 1 << 31
TASTES = ("none", "auto", "default", "text")
"""Values of fields that ask for what is done anyway."""

MISTRALS = frozenset({"random_seed", "safe_prompt", "prompt_mode", "guardrails", "min_tokens", "repetition_penalty"})
OPENAIS = frozenset(
    {"seed", "max_completion_tokens", "stream_options", "modalities", "store", "user", "logit_bias", "verbosity"}
)
"""Fields that only one of the two has."""


@dataclass(frozen=True, slots=True)
class Inline:
    """A file in the request itself: its base64, or a data URL."""

    text: str


@dataclass(frozen=True, slots=True)
class Audio:
    """A clip in a message. `where`: its place in the request."""

    where: str
    source: Inline | Upload | FileUrl | FileId


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    content: tuple[str | Audio, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """One answer, asked for.

    model: a name as it was sent, None for the default. stop: texts before which the answer ends. include_usage: whether
    an answer that is streamed tells its usage. ignored: names of options that ask what this server can't do.
    """

    messages: tuple[Message, ...]
    options: ChatOptions
    dialect: Dialect = "openai"
    model: str | None = None
    stop: tuple[str, ...] = ()
    streamed: bool = False
    include_usage: bool = False
    ignored: tuple[str, ...] = ()

    @property
    def clips(self) -> tuple[Audio, ...]:
        """In the order in which they are heard."""
        return tuple(part for each in self.messages for part in each.content if isinstance(part, Audio))

    def put_away(self) -> ChatRequest:
        """This request without the files in it, whose bytes somebody else has now."""

        def bare(part: str | Audio) -> str | Audio:
            if isinstance(part, Audio) and isinstance(part.source, Inline):
                return Audio(part.where, Upload())
            return part

        return replace(self, messages=tuple(replace(m, content=tuple(map(bare, m.content))) for m in self.messages))


# -- what is sent -----------------------------------------------------------------------------------------------------


class _Text(msgspec.Struct, tag_field="type", tag="text"):
    text: str


class _Data(msgspec.Struct):
    """`format` is what the client takes it for; the file itself tells better."""

    data: str
    format: str | None = None


class _InputAudio(msgspec.Struct, tag_field="type", tag="input_audio"):
    input_audio: str | _Data


class _FileObject(msgspec.Struct):
    file_id: str


class _File(msgspec.Struct, tag_field="type", tag="file"):
    """Mistral's form has the id beside the type, OpenAI's in an object."""

    file_id: str | None = None
    file: _FileObject | None = None


class _Message(msgspec.Struct):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[_Text | _InputAudio | _File] | None = None
    tool_calls: list[Any] | None = None


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class _ResponseFormat(msgspec.Struct):
    type: str


_Tokens = Annotated[int, msgspec.Meta(ge=1, le=MAX_TOKENS)]
_Seed = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]


class _Body(msgspec.Struct):
    messages: Annotated[list[_Message], msgspec.Meta(min_length=1)]
    model: str | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    max_tokens: _Tokens | None = None
    max_completion_tokens: _Tokens | None = None
    stop: str | list[str] | None = None
    seed: _Seed | None = None
    random_seed: _Seed | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    n: int | None = None
    tools: list[Any] | None = None
    functions: list[Any] | None = None
    response_format: _ResponseFormat | None = None
    modalities: list[str] | None = None


def decode(body: bytes) -> dict[str, Any]:
    """The fields of a body. Raises BadRequest for one that is no JSON object, TooLarge for one with too many values."""
    pieces = (body[start : start + PIECE] for start in range(0, len(body), PIECE))
    if sum(len(piece) - len(piece.translate(None, MARKS)) for piece in pieces) > MAX_MARKS:
        raise TooLarge("the body holds too many values")
    try:
        fields = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadRequest(f"the body is not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise BadRequest("the body is not a JSON object")
    return fields


def told(path: str, fields: dict[str, Any], **headers: Any) -> Dialect:
    """Whose dialect it is. headers: as `dialect.told` takes them."""
    model = fields.get("model")
    pairs = [(name, model if name == "model" and isinstance(model, str) else "") for name in fields]
    return dialect.told(path, pairs, mistrals=MISTRALS, openais=OPENAIS, **headers)


def read(fields: dict[str, Any], dialect: Dialect = "openai") -> ChatRequest:
    """Read a request's fields. Raises WrongField, Unsupported for what would make another answer of it, TooLarge."""
    try:
        body = msgspec.convert(fields, _Body)
    except (msgspec.ValidationError, RecursionError) as error:
        raise _wrong(str(error)) from None
    _require_supported(body)
    messages = tuple(_message(number, each) for number, each in enumerate(body.messages))
    if messages[-1].role != "user":
        raise WrongField("messages", f"the last message is the {messages[-1].role}'s; it is the user that is answered")
    request = ChatRequest(
        messages=messages,
        dialect=dialect,
        model=body.model or None,
        options=ChatOptions(
            temperature=body.temperature or 0.0,
            top_p=1.0 if body.top_p is None else body.top_p,
            max_tokens=body.max_completion_tokens or body.max_tokens,
            seed=body.random_seed if body.seed is None else body.seed,
        ),
        stop=_stops(body.stop),
        streamed=bool(body.stream),
        include_usage=dialect == "mistral" or bool(body.stream_options and body.stream_options.include_usage),
        ignored=tuple(_ignored(fields))[:NAMED],
    )
    if len(request.clips) > MAX_CLIPS:
        raise TooLarge(f"{len(request.clips)} clips; a conversation may have {MAX_CLIPS}", param="messages")
    if sum(len(part) for each in messages for part in each.content if isinstance(part, str)) > MAX_TEXT:
        raise TooLarge(f"the texts of the messages may have {MAX_TEXT} characters", param="messages")
    return request


def _message(number: int, sent: _Message) -> Message:
    where = f"messages[{number}]"
    if sent.tool_calls:
        raise Unsupported(f"`{where}.tool_calls`: this server calls no tools", param="messages")
    role: Role = "system" if sent.role == "developer" else sent.role
    parts = [_Text(sent.content)] if isinstance(sent.content, str) else sent.content or []
    content = tuple(_content(f"{where}.content[{place}]", part) for place, part in enumerate(parts))
    if role != "user" and any(isinstance(part, Audio) for part in content):
        raise WrongField("messages", f"`{where}` is the {role}'s; only the user's messages may hold audio")
    content = tuple(part for part in content if part)
    if not content:
        raise WrongField("messages", f"`{where}` holds nothing")
    return Message(role, content)


def _content(where: str, part: _Text | _InputAudio | _File) -> str | Audio:
    match part:
        case _Text(text=text):
            return text
        case _InputAudio(input_audio=sent):
            value = sent if isinstance(sent, str) else sent.data
            is_url = value[:8].lower().startswith(("http://", "https://"))
            return Audio(where, FileUrl(value) if is_url else Inline(value))
        case _File(file_id=file_id, file=file):
            if id := file_id or (file and file.file_id):
                return Audio(where, FileId(id))
            raise WrongField("messages", f"`{where}` has no `file_id`")


def _require_supported(body: _Body) -> None:
    """Raises Unsupported for what a client can't do without."""
    if body.n not in (None, 1):
        raise Unsupported(f"`n` is {body.n}; a request has one answer", param="n")
    for name in ("tools", "functions"):
        if getattr(body, name):
            raise Unsupported("this server calls no tools", hint=f"leave out `{name}`", param=name)
    if body.response_format and body.response_format.type != "text":
        raise Unsupported("answers are plain text", hint="leave out `response_format`", param="response_format")
    if body.modalities and body.modalities != ["text"]:
        raise Unsupported("answers are plain text", hint="leave out `modalities`", param="modalities")


def _stops(sent: str | list[str] | None) -> tuple[str, ...]:
    stops = [sent] if isinstance(sent, str) else sent or []
    if len(stops) > MAX_STOPS or any(len(stop) > MAX_STOP for stop in stops):
        raise WrongField("stop", f"`stop` may be {MAX_STOPS} texts of {MAX_STOP} characters")
    return tuple(stop for stop in stops if stop)


def _ignored(fields: dict[str, Any]) -> Iterator[str]:
    """Fields that ask for something and are not read."""
    for name, value in fields.items():
        if name not in _Body.__struct_fields__ and value and value not in TASTES and HEADER_NAME.fullmatch(name):
            yield name


def _wrong(problem: str) -> WrongField:
    """msgspec's words for it, which end in a path."""
    what, at, where = problem.rpartition(" - at `$")
    if not at:
        missing = re.search(r"`(\w+)`", problem)
        return WrongField(missing[1] if missing else "messages", problem[:SHOWN])
    where = where.strip(".`")
    hint = "a part is `text`, `input_audio` or `file`" if where.endswith("].type") else None
    return WrongField(re.split(r"[.\[]", where)[0], f"`{where}`: {what[:SHOWN]}", hint=hint)
