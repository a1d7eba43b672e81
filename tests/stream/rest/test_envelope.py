"""Each vendor's client raises its own class for an error, and can say what was wrong."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from deepgram.core.api_error import ApiError
from deepgram.errors import BadRequestError
from mistralai.client.errors import SDKError

from stream.errors import BadRequest, Overloaded, QuotaExceeded, StreamError, TooLarge, Unauthorized, UnknownModel
from stream.rest.envelope import envelope
from stream.rest.fields import WrongField
from tests.stream.rest.vendors import Server

WAV = ("a.wav", b"RIFF", "audio/x-wav")
MISTRALS_WAV: Any = {"file_name": "a.wav", "content": b"RIFF"}


def test_openais_client_raises_its_own():
    transcriptions = Server().openai().audio.transcriptions
    with pytest.raises(openai.NotFoundError) as missing:
        transcriptions.create(file=WAV, model="nobody")
    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
    assert "no model `nobody`: this server has `base`" in missing.value.message
    with pytest.raises(openai.BadRequestError) as wrong:
        transcriptions.create(file=WAV, model="whisper-1", response_format="diarized_json")
    assert (wrong.value.param, wrong.value.type) == ("response_format", "invalid_request_error")


def test_mistrals_client_raises_its_own():
    with pytest.raises(SDKError, match="no model `nobody`") as missing:
        Server().mistral().audio.transcriptions.complete(model="nobody", file=MISTRALS_WAV)
    assert missing.value.status_code == 404


def test_deepgrams_client_raises_its_own():
    media = Server().deepgram().listen.v1.media
    with pytest.raises(BadRequestError) as wrong:
        media.transcribe_file(request=b"RIFF", model="nova-3", utt_split=-1.0)
    assert wrong.value.body["request_id"] == "r"
    with pytest.raises(ApiError) as missing:
        media.transcribe_file(request=b"RIFF", model="nobody")
    assert missing.value.status_code == 404


@pytest.mark.parametrize(
    ("error", "kind", "code", "err_code"),
    [
        (BadRequest("m"), "invalid_request_error", "bad_request", "BAD_REQUEST"),
        (TooLarge("m"), "invalid_request_error", "too_large", "TOO_LARGE"),
        (Unauthorized("m"), "authentication_error", "invalid_api_key", "INVALID_AUTH"),
        (QuotaExceeded("m"), "rate_limit_error", "rate_limit_exceeded", "TOO_MANY_REQUESTS"),
        (UnknownModel("m"), "invalid_request_error", "model_not_found", "UNKNOWN_MODEL"),
        (Overloaded("m"), "server_error", "overloaded", "OVERLOADED"),
    ],
)
def test_types_and_codes(error: StreamError, kind: str, code: str, err_code: str):
    told = envelope(error, "openai")["error"]
    assert (told["type"], told["code"], told["message"]) == (kind, code, "m")
    assert envelope(error, "deepgram")["err_code"] == err_code
    assert envelope(error)["code"] == envelope(error)["error"]["code"] == error.code


def test_the_forms():
    error = WrongField("stream", "wrong", hint="do better")
    fields = {
        "message": "wrong: do better", "type": "invalid_request_error", "param": "stream", "code": "bad_request"
    }  # fmt: skip
    assert envelope(error, "openai") == {"object": "error", **fields, "error": fields}
    assert envelope(error, "mistral") == envelope(error, "openai")
    plain = fields | {"message": "wrong"}
    assert envelope(error) == {"object": "error", **plain, "error": plain | {"hint": "do better"}}
    assert envelope(error, "deepgram", "7") == {
        "err_code": "BAD_REQUEST",
        "err_msg": "wrong: do better",
        "category": "BAD_REQUEST",
        "message": "wrong",
        "details": "do better",
        "request_id": "7",
    }
