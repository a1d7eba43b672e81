"""Voxtral end to end: a tiny one of random weights, in a real server. What it says means nothing, but it is told."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import soundfile

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from openai import BadRequestError, OpenAI  # noqa: E402

from steno.bench import wer  # noqa: E402
from tests.e2e.conftest import Server, natively  # noqa: E402
from tests.models.tiny_voxtral import build  # noqa: E402

CLIP = Path(__file__).parents[1] / "fixtures/clips/000000.flac"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def voxtral(start_server: Callable[..., Server], directory: Path) -> Server:
    return start_server("--model", f"voxtral:{directory}", "--device", "cpu")


@pytest.fixture(scope="module")
def client(voxtral: Server) -> OpenAI:
    return OpenAI(api_key="any", base_url=voxtral.http + "/v1", max_retries=0)


def test_a_recording_is_transcribed_under_the_vendors_name(voxtral: Server, client: OpenAI) -> None:
    told = client.audio.transcriptions.create(
        model="voxtral-mini-2507",
        file=CLIP,
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )
    assert told.words
    assert told.segments
    assert [word.word for word in told.words if word.start >= word.end] == []
    assert wer.normalized(told.text) == [text for word in told.words for text in wer.normalized(word.word)]


def test_a_live_session_has_partials_and_finals(voxtral: Server, directory: Path) -> None:
    samples, rate = soundfile.read(CLIP, dtype="int16")
    finals = natively(voxtral, samples.tobytes(), sample_rate=rate, language="en", words=True, mode="file")
    assert [final["language"] for final in finals] == ["en"] * len(finals)
    assert all(word["end"] <= final["end"] for final in finals for word in final["words"])
    assert "".join(final["text"] for final in finals)


def test_the_model_says_what_it_is(voxtral: Server) -> None:
    told = httpx.get(f"{voxtral.http}/v1/models/tiny").json()
    assert (told["kind"], told["word_times"], told["detects_language"]) == ("voxtral", "estimated", True)
    assert "voxtral-mini-2507" in told["aliases"]
    assert told["capabilities"]["completion_chat"] is True


def test_detection_among_some_languages_is_refused(client: OpenAI) -> None:
    with pytest.raises(BadRequestError, match="among some languages only"):
        client.audio.transcriptions.create(
            model="tiny", file=CLIP, extra_body={"languages": ["en", "de"]}, response_format="json"
        )


def test_a_recording_is_asked_about_and_answered_as_it_is_written(client: OpenAI) -> None:
    file = io.BytesIO()
    soundfile.write(file, *soundfile.read(CLIP), format="wav")
    audio = {"data": base64.b64encode(file.getvalue()).decode(), "format": "wav"}
    question = [{"type": "input_audio", "input_audio": audio}, {"type": "text", "text": "What is said?"}]
    asked = {"model": "voxtral-mini-2507", "messages": [{"role": "user", "content": question}], "temperature": 0}
    whole = client.chat.completions.create(**asked, max_tokens=20)
    pieces = client.chat.completions.create(**asked, max_tokens=20, stream=True)
    assert whole.choices[0].message.content
    assert whole.usage
    assert whole.usage.prompt_tokens > 375
    told = [choice.delta.content or "" for piece in pieces for choice in piece.choices]
    assert "".join(told) == whole.choices[0].message.content
