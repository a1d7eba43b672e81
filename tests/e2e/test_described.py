"""The API's description, held to what the server does with requests made up from it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation.modes import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.e2e.conftest import Server
from tests.stream.rest.served import RECORDING

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 12


@pytest.fixture(scope="module")
def described(start_server: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Server:
    folder = str(tmp_path_factory.mktemp("data"))
    both = ("--model", "scripted", "--model", "scripted-chat")
    return start_server(*both, "--drain-s", "0", "--data-dir", folder, "--max-file-mb", "1")


def with_nothing_changed(_: Any) -> None:
    pass


def with_a_recording(case: Any) -> None:
    """Else what is made up is never one, and every answer an error."""
    if isinstance(case.body, dict) and case.media_type == "multipart/form-data":
        case.body = {name: value for name, value in case.body.items() if name not in ("file_url", "file_id", "model")}
        case.body["file"] = RECORDING
    elif case.media_type == "application/octet-stream":
        case.body = RECORDING
    elif isinstance(case.body, dict) and case.operation.path == CHAT:
        said = {"type": "input_audio", "input_audio": base64.b64encode(RECORDING).decode()}
        case.body = {**case.body, "messages": [{"role": "user", "content": [said]}], "model": "scripted-chat"}
    for name in ("model", "language"):
        case.query.pop(name, None)


def can_be_wrong(operation: Any) -> bool:
    """Not where all there is to say is a name in the path: any text is one."""
    return bool(operation.body) or any(parameter.location != "path" for parameter in operation.iter_parameters())


@pytest.mark.parametrize(
    ("changed", "mode"),
    [
        (with_nothing_changed, GenerationMode.POSITIVE),
        (with_nothing_changed, GenerationMode.NEGATIVE),
        (with_a_recording, GenerationMode.POSITIVE),
    ],
)
def test_every_answer_is_one_that_is_described(described: Server, changed: Callable[[Any], None], mode: GenerationMode):
    """Whether or not the request is as the description has it."""
    schema = schemathesis.openapi.from_url(described.http + "/openapi.json")
    file_id = httpx.post(described.http + "/v1/files", files={"file": ("talk.wav", RECORDING)}).json()["id"]
    answered: dict[str, set[int]] = {}
    for found in schema.get_all_operations():
        operation = found.ok()
        if changed is with_a_recording and operation.path not in RECORDED:
            continue
        if mode is GenerationMode.NEGATIVE and not can_be_wrong(operation):
            continue

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        def ask(case: Any) -> None:
            changed(case)
            if "file_id" in case.path_parameters and case.method != "DELETE":
                case.path_parameters["file_id"] = file_id
            answer = case.call_and_validate(checks=CHECKS)
            answered.setdefault(f"{case.method} {case.operation.path}", set()).add(answer.status_code)

        ask()
    assert answered.keys() >= {f"POST {path}" for path in RECORDED}
    if changed is with_a_recording:
        assert all(200 in statuses for statuses in answered.values()), answered
    elif mode is GenerationMode.POSITIVE:
        assert len(answered) >= 15
        assert 200 in answered["GET /v1/files/{file_id}"]
    assert described.log.read_text() == ""


CHAT = "/v1/chat/completions"
RECORDED = ("/v1/audio/transcriptions", "/v1/audio/translations", "/v1/listen", CHAT)
