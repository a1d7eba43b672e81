"""Recordings over a real socket: the vendors' own clients, and the commands of their documentation, run by curl."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from deepgram import DeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.environment import DeepgramClientEnvironment
from mistralai.client import Mistral
from mistralai.client.errors import SDKError

from tests.e2e.conftest import Server, hear, say
from tests.stream.recordings import encoded
from tests.stream.rest.served import DURATION_S, RECORDING, TEXT

KEY = "recorded-5f3a91"
UTTERANCES = [" ".join(TEXT.split()[:20]), " " + " ".join(TEXT.split()[20:])]
WAV = ("talk.wav", RECORDING, "audio/x-wav")
MISTRALS_WAV: Any = {"file_name": "talk.wav", "content": RECORDING}


@pytest.fixture(scope="module")
def keyed(start_server: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Server:
    folder = str(tmp_path_factory.mktemp("data"))
    limits = ("--max-file-mb", "1", "--max-recording-h", "0.01", "--max-recordings-per-key", "30")
    return start_server("--model", "scripted", "--drain-s", "0", "--data-dir", folder, *limits, STENO_API_KEYS=KEY)


@pytest.fixture
def openais(keyed: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=KEY, base_url=keyed.http + "/v1", max_retries=0) as client:
        yield client


@pytest.fixture
def mistrals(keyed: Server) -> Iterator[Mistral]:
    with Mistral(api_key=KEY, server_url=keyed.http) as client:
        yield client


@pytest.fixture
def deepgrams(keyed: Server) -> Iterator[DeepgramClient]:
    address = DeepgramClientEnvironment(
        base=keyed.http, production=keyed.ws, agent=keyed.ws, agent_rest=keyed.http
    )  # fmt: skip
    with httpx.Client(timeout=30) as client:
        yield DeepgramClient(api_key=KEY, environment=address, httpx_client=client)


# -- OpenAI -------------------------------------------------------------------------------------------------------


def test_openais_client_transcribes_in_every_format(openais: openai.OpenAI):
    create = openais.audio.transcriptions.create
    assert create(file=WAV, model="gpt-4o-transcribe").text == TEXT
    assert create(file=WAV, model="whisper-1", response_format="text") == TEXT + "\n"
    assert "-->" in create(file=WAV, model="whisper-1", response_format="srt")
    assert create(file=WAV, model="whisper-1", response_format="vtt").startswith("WEBVTT")
    verbose = create(
        file=WAV, model="whisper-1", response_format="verbose_json", timestamp_granularities=["word", "segment"]
    )
    assert (verbose.text, verbose.duration, verbose.language) == (TEXT, DURATION_S, "english")
    assert [each.text for each in verbose.segments or []] == UTTERANCES
    assert [each.word for each in verbose.words or []] == TEXT.split()


def test_openais_client_iterates_events(openais: openai.OpenAI):
    with openais.audio.transcriptions.create(file=WAV, model="whisper-1", stream=True) as told:
        *deltas, done = told
    assert [each.delta for each in deltas] == UTTERANCES
    assert (done.type, done.text) == ("transcript.text.done", TEXT)


async def test_openais_asynchronous_client(keyed: Server):
    async with openai.AsyncOpenAI(api_key=KEY, base_url=keyed.http + "/openai/v1", max_retries=0) as client:
        assert (await client.audio.transcriptions.create(file=WAV, model="whisper-1")).text == TEXT
        told = await client.audio.transcriptions.create(file=WAV, model="whisper-1", stream=True)
        assert [event.type async for event in told][-1] == "transcript.text.done"


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
def test_openais_client_translates(openais: openai.OpenAI):
    assert openais.audio.translations.create(file=WAV, model="whisper-1").text == TEXT.upper()


def test_models_are_what_both_clients_list(openais: openai.OpenAI, mistrals: Mistral):
    listed = [each.id for each in openais.models.list()]
    assert listed[0] == "scripted"
    assert {"whisper-1", "gpt-4o-transcribe", "voxtral-mini-latest", "nova-3"} < set(listed)
    assert [each.id for each in mistrals.models.list().data or []] == listed
    assert openais.models.retrieve("whisper-1").id == mistrals.models.retrieve(model_id="whisper-1").id == "whisper-1"
    with pytest.raises(openai.NotFoundError) as missing:
        openais.models.retrieve("gpt-5")
    assert missing.value.code == "model_not_found"


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"model": "nobody"}, openai.NotFoundError),
        ({"response_format": "diarized_json"}, openai.BadRequestError),
        ({"file": ("a.wav", RECORDING[:-30_000])}, openai.UnprocessableEntityError),
        ({"file": ("a.wav", b"no audio")}, openai.APIStatusError),
        ({"file": ("a.wav", bytes(1_100_000))}, openai.APIStatusError),
    ],
)
def test_openais_client_raises_its_own_errors(openais: openai.OpenAI, asked: dict[str, Any], error: Any):
    with pytest.raises(error) as caught:
        openais.audio.transcriptions.create(**{"file": WAV, "model": "whisper-1", **asked})
    assert caught.value.status_code in (400, 404, 413, 415, 422)
    assert caught.value.message


def test_a_wrong_key_is_an_authentication_error(keyed: Server):
    with (
        openai.OpenAI(api_key="wrong", base_url=keyed.http + "/v1", max_retries=0) as stranger,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        stranger.audio.transcriptions.create(file=WAV, model="whisper-1")
    assert caught.value.code == "invalid_api_key"


def test_a_recording_that_breaks_off_is_an_error_whether_or_not_text_was_told(
    openais: openai.OpenAI, mistrals: Mistral
):
    broken = RECORDING[:-30_000]
    with pytest.raises(openai.APIError, match="recording"):
        list(openais.audio.transcriptions.create(file=("a.wav", broken), model="whisper-1", stream=True))
    file: Any = {"file_name": "a.wav", "content": broken}
    # An event that has no type is how its client is told.
    with pytest.raises(Exception, match=r"recording|bad_m"):
        list(mistrals.audio.transcriptions.stream(model="voxtral-mini-latest", file=file))


# -- Mistral ------------------------------------------------------------------------------------------------------


def test_mistrals_client_transcribes_a_file_a_url_and_an_upload(mistrals: Mistral):
    complete = mistrals.audio.transcriptions.complete
    made = mistrals.files.upload(file=MISTRALS_WAV, purpose="audio")
    url = mistrals.files.get_signed_url(file_id=made.id, expiry=1).url
    for source in ({"file": MISTRALS_WAV}, {"file_url": url}, {"file_id": made.id}):
        told = complete(model="voxtral-mini-2507", timestamp_granularities=["segment"], **source)
        assert (told.text, told.model, told.language) == (TEXT, "scripted", "en")
        assert [each.text for each in told.segments or []] == UTTERANCES
        assert told.usage.prompt_audio_seconds == 5
        assert told.usage.total_tokens == 30 + 375
    assert complete(model="voxtral-mini-latest", file=MISTRALS_WAV).segments == []


def test_mistrals_client_iterates_events(mistrals: Mistral):
    told = list(mistrals.audio.transcriptions.stream(model="voxtral-mini-latest", file=MISTRALS_WAV, language="en"))
    assert [each.event for each in told] == [
        "transcription.language", *["transcription.text.delta"] * 2, "transcription.done"
    ]  # fmt: skip
    assert "".join(each.data.text for each in told[1:3]) == told[-1].data.text == TEXT


def test_mistrals_client_raises_its_own_errors(mistrals: Mistral):
    complete = mistrals.audio.transcriptions.complete
    for asked, status, told in (
        ({"model": "nobody", "file": MISTRALS_WAV}, 404, "nobody"),
        ({"model": "voxtral-mini-latest", "file_url": "https://example.com/a.mp3"}, 400, "--fetch-urls"),
        ({"model": "voxtral-mini-latest", "file_id": "nothing"}, 404, "no such file"),
    ):
        with pytest.raises(SDKError, match=told) as caught:
            complete(**asked)
        assert caught.value.status_code == status


# -- Deepgram -----------------------------------------------------------------------------------------------------


def test_deepgrams_client_transcribes_bytes_and_a_url(deepgrams: DeepgramClient, mistrals: Mistral):
    url = mistrals.files.get_signed_url(file_id=mistrals.files.upload(file=MISTRALS_WAV, purpose="audio").id).url
    media = deepgrams.listen.v1.media
    asked: Any = {"model": "nova-3", "smart_format": True, "utterances": True, "paragraphs": True}
    for told in (media.transcribe_file(request=RECORDING, **asked), media.transcribe_url(url=url, **asked)):
        [alternative] = told.results.channels[0].alternatives
        assert alternative.transcript == TEXT
        assert [word.word for word in alternative.words] == TEXT.split()
        assert [each.transcript for each in told.results.utterances] == [each.strip() for each in UTTERANCES]
        assert told.metadata.duration == DURATION_S


def test_deepgrams_client_raises_its_own_errors(deepgrams: DeepgramClient):
    for asked, status in (({"request": RECORDING, "model": "nobody"}, 404), ({"request": b"no audio"}, 415)):
        with pytest.raises(ApiError) as caught:
            deepgrams.listen.v1.media.transcribe_file(**asked)
        assert caught.value.status_code == status


# -- curl, as the documentation has it ----------------------------------------------------------------------------

VENDOR = "https://api.mistral.ai"
WITH_A_FILE = """
curl --location 'https://api.mistral.ai/v1/audio/transcriptions' \\
  --header "x-api-key: $MISTRAL_API_KEY" \\
  --form 'file=@"{file}"' \\
  --form 'model="voxtral-mini-2507"'
"""
WITH_A_URL = """
curl --location 'https://api.mistral.ai/v1/audio/transcriptions' \\
  --header "x-api-key: $MISTRAL_API_KEY" \\
  --form 'file_url="{url}"' \\
  --form 'model="voxtral-mini-2507"'
"""
WITH_TIMES = """
curl --location 'https://api.mistral.ai/v1/audio/transcriptions' \\
  --header "x-api-key: $MISTRAL_API_KEY" \\
  --form 'file_url="{url}"' \\
  --form 'model="voxtral-mini-2507"' \\
  --form 'timestamp_granularities="segment"'
"""
UPLOAD = """
curl --location https://api.mistral.ai/v1/files \\
  --header "Authorization: Bearer $MISTRAL_API_KEY" \\
  --form purpose="audio" \\
  --form file="@{file}"
"""
SIGN = """
curl --location "https://api.mistral.ai/v1/files/{id}/url?expiry=24" \\
  --header "Accept: application/json" \\
  --header "Authorization: Bearer $MISTRAL_API_KEY"
"""
IN_JSON = """
curl -X POST https://api.mistral.ai/v1/audio/transcriptions \\
  -H "Authorization: Bearer $MISTRAL_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{{"model": "voxtral-mini-latest", "file_id": "{id}"}}'
"""
OPENAIS = """
curl https://api.mistral.ai/v1/audio/transcriptions \\
  -H "Authorization: Bearer $MISTRAL_API_KEY" \\
  -H "Content-Type: multipart/form-data" \\
  -F file="@{file}" \\
  -F "timestamp_granularities[]=segment" \\
  -F model="whisper-1" \\
  -F response_format="verbose_json"
"""
DEEPGRAMS = """
curl --request POST --header 'Authorization: Token '"$MISTRAL_API_KEY" --header 'Content-Type: audio/wav' \\
  --data-binary @{file} --url 'https://api.mistral.ai/v1/listen?model=nova-3&smart_format=true'
"""


def run(server: Server, command: str) -> dict[str, Any]:
    """What the command prints, with nothing changed but the address."""
    if shutil.which("curl") is None:
        pytest.skip("needs the curl command")
    ran = subprocess.run(
        ["bash", "-c", command.replace(VENDOR, server.http)],
        capture_output=True,
        env={**os.environ, "MISTRAL_API_KEY": KEY, "no_proxy": "*"},
        timeout=60,
        check=True,
    )
    told: dict[str, Any] = json.loads(ran.stdout)
    return told


def test_the_commands_of_the_vendors_pages(keyed: Server, tmp_path: Path):
    file = tmp_path / "audio.mp3"
    file.write_bytes(RECORDING)
    told = run(keyed, WITH_A_FILE.format(file=file))
    assert (told["text"], told["segments"]) == (TEXT, [])
    assert run(keyed, OPENAIS.format(file=file))["segments"][1]["text"] == UTTERANCES[1]
    assert run(keyed, DEEPGRAMS.format(file=file))["results"]["channels"][0]["alternatives"][0]["transcript"] == TEXT
    made = run(keyed, UPLOAD.format(file=file))
    assert run(keyed, IN_JSON.format(id=made["id"]))["text"] == TEXT
    url = run(keyed, SIGN.format(id=made["id"]))["url"]
    assert run(keyed, WITH_A_URL.format(url=url))["text"] == TEXT
    assert [each["text"] for each in run(keyed, WITH_TIMES.format(url=url))["segments"]] == UTTERANCES
    refused = run(keyed, WITH_A_URL.format(url="https://docs.mistral.ai/audio/obama.mp3"))
    assert "--fetch-urls" in refused["message"]


# -- what else there is to it -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("container", "codec"), [("flac", "flac"), ("mp3", "libmp3lame"), ("ogg", "libopus"), ("mp4", "aac")]
)
def test_what_people_record_in(keyed: Server, container: str, codec: str):
    """The scripted model hears a word every 250 ms in sounds that are none of its numbers."""
    file = encoded(container, codec, seconds=2.0)
    answer = httpx.post(
        keyed.http + "/v1/audio/transcriptions",
        files={"file": (f"a.{container}", file)},
        headers={"x-api-key": KEY},
        timeout=30,
    )
    assert answer.status_code == 200
    assert answer.json()["duration"] == pytest.approx(2.0, abs=0.1)


def test_a_recording_in_flight_is_finished_before_the_server_leaves(
    start_server: Callable[..., Server], tmp_path: Path
):
    server = start_server("--model", "scripted", "--drain-s", "20", "--data-dir", str(tmp_path))
    with httpx.Client(base_url=server.http, timeout=30) as client:
        request = {"files": {"file": WAV}, "data": {"stream": "true", "prompt": "slow=0.3"}}
        with client.stream("POST", "/v1/audio/transcriptions", **request) as answer:
            pieces = answer.iter_text()
            told = next(pieces)
            server.process.terminate()
            told += "".join(pieces)
    assert '"transcript.text.done"' in told
    server.process.join(20)
    assert server.process.exitcode == 0
    assert server.log.read_text() == ""


def test_a_live_session_goes_on_while_recordings_come_in(keyed: Server):
    with keyed.connect(additional_headers={"x-api-key": KEY}) as socket:
        say(socket, type="start")
        hear(socket, "ready")
        for _ in range(3):
            answer = httpx.post(
                keyed.http + "/v1/listen", content=RECORDING, headers={"x-api-key": KEY}, timeout=30
            )  # fmt: skip
            assert answer.status_code == 200
        began = time.monotonic()
        say(socket, type="stop")
        hear(socket, "done")
        assert time.monotonic() - began < 10


def test_nothing_that_was_said_is_in_the_log(keyed: Server):
    log = keyed.log.read_text()
    assert "w19" not in log
    assert KEY not in log
