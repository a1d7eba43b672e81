"""What a request for the transcript of a recording asks, in OpenAI's or Mistral's words.

Knows nothing of HTTP, files and models. Deepgram's requests are read in `deepgram.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

from models.base import ModelCard, Task
from stream.events import SessionOptions
from stream.rest.dialect import Dialect
from stream.rest.fields import Fields, Pairs, WrongField, require_choice, shown

Format = Literal["json", "text", "srt", "verbose_json", "vtt"]
FORMATS: tuple[Format, ...] = ("json", "text", "srt", "verbose_json", "vtt")
STREAMED: tuple[Format, ...] = ("json", "text", "verbose_json")
Granularity = Literal["segment", "word"]
GRANULARITIES: tuple[Granularity, ...] = ("segment", "word")
KEYWORDS: dict[Dialect, str] = {"openai": "keywords", "mistral": "context_bias", "deepgram": "keyterm"}
"""What each calls the words to favour."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file in the request itself; whoever read the request has its bytes. `name` and `content_type` as claimed."""

    name: str = ""
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class FileUrl:
    """A file elsewhere, or one of ours by its signed URL."""

    url: str


@dataclass(frozen=True, slots=True)
class FileId:
    """A file that was uploaded before."""

    id: str


Source = Upload | FileUrl | FileId


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionRequest:
    """One transcript, asked for.

    model: a name as it was sent, None for the default. languages: codes that may occur, none to detect.
    granularities: which times the answer is to hold. ignored: names of options that ask what this server can't do.
    """

    source: Source
    dialect: Dialect = "openai"
    model: str | None = None
    languages: tuple[str, ...] = ()
    task: Task = "transcribe"
    prompt: str | None = None
    keywords: tuple[str, ...] = ()
    granularities: tuple[Granularity, ...] = ()
    format: Format = "json"
    streamed: bool = False
    ignored: tuple[str, ...] = ()

    def honoured_by(self, card: ModelCard) -> TranscriptionRequest:
        """This request, with the hints that a model can't use moved to `ignored`.

        A language or a task that it lacks stays, to be refused: without them the answer would be wrong.
        """
        request, ignored = self, list(self.ignored)
        if self.prompt is not None and not card.prompt:
            request, ignored = replace(request, prompt=None), [*ignored, "prompt"]
        if self.keywords and not card.keywords:
            request, ignored = replace(request, keywords=()), [*ignored, KEYWORDS[self.dialect]]
        return replace(request, ignored=tuple(ignored))

    def options(self, model: str) -> SessionOptions:
        """How `model`, the server's own name for it, is to be asked."""
        return SessionOptions(
            model=model,
            languages=self.languages,
            task=self.task,
            prompt=self.prompt,
            keywords=self.keywords,
            partials=False,
            words=True,
            mode="file",
        )


def read(
    pairs: Pairs, files: Sequence[tuple[str, Upload]] = (), *, dialect: Dialect = "openai", task: Task = "transcribe"
) -> TranscriptionRequest:
    """Read the fields of a form or of a JSON body (`fields.json_pairs`).

    files: the parts that are files, by their fields' names. Names of lists may have brackets or not, and values may be
    in quotes. Raises WrongField.
    """
    fields = Fields(pairs)
    source = _source(fields, files)
    format = cast(Format, fields.choice("response_format", FORMATS, "json"))
    granularities = fields.many("timestamp_granularities", split=True)
    for each in granularities:
        require_choice("timestamp_granularities", each, GRANULARITIES)
    if not granularities and format == "verbose_json":
        granularities = ("segment",)
    streamed = fields.flag("stream")
    if streamed and format not in STREAMED:
        raise WrongField(
            "stream",
            f"`{format}` can't be streamed",
            hint="leave out `stream`, or ask for `json`, `text`, `verbose_json`",
        )
    ignored = []
    if fields.number("temperature", 0.0, 1.0):  # all our decoding is at 0
        ignored.append("temperature")
    if fields.one("chunking_strategy") not in (None, "auto"):  # which is what is done: cut where voices pause
        ignored.append("chunking_strategy")
    return TranscriptionRequest(
        source=source,
        dialect=dialect,
        model=fields.one("model"),
        languages=tuple(dict.fromkeys(map(code, fields.many("language") + fields.many("languages", split=True)))),
        task=task,
        prompt=fields.whole("prompt"),
        # OpenAI's keywords come one by one and may hold commas; Mistral's documentation joins them.
        keywords=tuple(dict.fromkeys(fields.many("keywords") + fields.many("context_bias", split=True))),
        granularities=tuple(each for each in GRANULARITIES if each in granularities),
        format=format,
        streamed=streamed,
        ignored=(*ignored, *(name for name in fields.unread() if name not in ignored)),
    )


def code(tag: str) -> str:
    """The code of a language in a tag like `en-US`: models know no regions."""
    return tag.replace("_", "-").partition("-")[0].lower()


def _source(fields: Fields, files: Sequence[tuple[str, Upload]]) -> Source:
    uploads = [upload for name, upload in files if name in ("file", "file[]")]
    if (wrong := fields.one("file")) is not None:
        raise WrongField("file", f"`file` is the text {shown(wrong)}, not a file", hint="curl: `-F file=@talk.mp3`")
    if len(uploads) > 1:
        raise WrongField("file", f"{len(uploads)} files in one request", hint="send one request for each")
    sources: list[Source] = [*uploads]
    if url := fields.one("file_url"):
        sources.append(FileUrl(url))
    if id := fields.one("file_id"):
        sources.append(FileId(id))
    if len(sources) != 1:
        problem = "more than one of" if sources else "none of"
        raise WrongField("file", f"the request holds {problem} `file`, `file_url`, `file_id`", hint="send one of them")
    return sources[0]
