"""The vendors' own clients, answered by the pure parts of the REST API instead of a server on a socket."""

from __future__ import annotations

import email
import email.policy
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import httpx
import msgspec
from deepgram import DeepgramClient
from deepgram.environment import DeepgramClientEnvironment
from mistralai.client import Mistral
from openai import OpenAI

from models.base import ModelCard, Word
from stream.errors import StreamError
from stream.events import Final, Latency
from stream.rest import answer, deepgram, dialect, names, sse
from stream.rest.envelope import envelope
from stream.rest.fields import json_pairs
from stream.rest.request import TranscriptionRequest, Upload, read

CARDS = {"base": ModelCard(kind="whisper", languages=("en", "de"), prompt=True, keywords=True)}
ABOUT = deepgram.About(
    request_id=uuid.UUID(int=7), sha256="ab" * 32, created=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), kind="whisper"
)
S = 16_000


def final(*words: Word, language: str | None = "en") -> Final:
    return Final(
        segment=0,
        channel=0,
        start=words[0].start,
        end=words[-1].end,
        words=words,
        language=language,
        reason="silence",
        latency=Latency(endpoint=0, queue=0, decode=0, decoded_at=0),
    )


SAID = (
    final(Word(" Good", S // 2, S, 0.9), Word(" morning.", S, 2 * S, 0.8)),
    final(Word(" Can", 3 * S, 4 * S, 0.5), Word(" you", 4 * S, 5 * S, 1.0), Word(" hear?", 5 * S, 6 * S, 0.5)),
)
TEXT = "Good morning. Can you hear?"
DURATION = 31 * S + 1


def form(request: httpx.Request) -> tuple[list[tuple[str, str]], list[tuple[str, Upload]]]:
    """The fields and the files of a body, whatever its type."""
    kind = request.headers.get("content-type", "")
    body = request.read()
    if kind.startswith("application/json"):
        return json_pairs(body), []
    if kind.startswith("application/x-www-form-urlencoded"):
        return parse_qsl(body.decode(), keep_blank_values=True), []
    pairs, files = [], []
    message = email.message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body, policy=email.policy.HTTP)
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        if part.get_filename() is not None:
            files.append((name, Upload(part.get_filename(), part.get_content_type())))
        else:
            pairs.append((name, part.get_payload(decode=True).decode()))
    return pairs, files


@dataclass
class Server:
    """What `httpx.MockTransport` calls. `asked` are the requests as they were read."""

    finals: tuple[Final, ...] = SAID
    breaks: StreamError | None = None
    asked: list[TranscriptionRequest | deepgram.ListenRequest] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        spoken = dialect.told(request.url.path, user_agent=request.headers["user-agent"])
        try:
            path = request.url.path.removeprefix("/openai").removeprefix("/mistral")
            if path == "/v1/models":
                return _json({"object": "list", "data": names.entries(CARDS, 1)})
            if path.startswith("/v1/models/"):
                return _json(names.entry(path.removeprefix("/v1/models/"), CARDS, 1))
            return self._listened(request) if path == "/v1/listen" else self._transcribed(request)
        except StreamError as error:
            return httpx.Response(error.status, json=envelope(error, spoken, "r"))

    def _transcribed(self, request: httpx.Request) -> httpx.Response:
        pairs, files = form(request)
        spoken = dialect.told(request.url.path, pairs, user_agent=request.headers["user-agent"])
        task = "translate" if request.url.path.endswith("translations") else "transcribe"
        asked = read(pairs, files, dialect=spoken, task=task)
        model = names.resolve(asked.model, CARDS, asked.task)
        self.asked.append(asked)
        if asked.streamed:
            events = sse.EventStream(asked, model)
            told = [events.final(each) for each in self.finals]
            told.append(events.failed(self.breaks) if self.breaks else events.done(DURATION))
            return httpx.Response(200, headers={"content-type": sse.MEDIA_TYPE}, content=iter(told))
        answered = answer.Answer(asked, model, self.finals, DURATION)
        kind, body = answer.respond(answered)
        return httpx.Response(200, headers={"content-type": kind}, content=body)

    def _listened(self, request: httpx.Request) -> httpx.Response:
        is_json = request.headers.get("content-type", "").startswith("application/json")
        query = list(request.url.params.multi_items())
        asked = deepgram.read(query, request.read() if is_json else None)
        model = names.resolve(asked.transcription.model, CARDS)
        self.asked.append(asked)
        answered = answer.Answer(asked.transcription, model, self.finals, DURATION)
        return _json(deepgram.answer_body(asked, answered, ABOUT))

    def client(self) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(self))

    def openai(self) -> OpenAI:
        return OpenAI(api_key="k", base_url="http://steno/v1", http_client=self.client(), max_retries=0)

    def mistral(self) -> Mistral:
        return Mistral(api_key="k", server_url="http://steno", client=self.client())

    def deepgram(self) -> DeepgramClient:
        address = DeepgramClientEnvironment(
            base="http://steno", production="ws://steno", agent="ws://steno", agent_rest="http://steno"
        )
        return DeepgramClient(api_key="k", environment=address, httpx_client=self.client())


def _json(body: object) -> httpx.Response:
    return httpx.Response(200, headers={"content-type": "application/json"}, content=msgspec.json.encode(body))
