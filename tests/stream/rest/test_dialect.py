"""Whose dialect it is, from the most reliable sign to the least."""

import pytest

from stream.rest.dialect import told

PATH = "/v1/audio/transcriptions"


@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        ("/openai/v1/audio/transcriptions", "openai"),
        ("/mistral/v1/audio/transcriptions", "mistral"),
        ("/deepgram/v1/listen", "deepgram"),
        ("/v1/listen", "deepgram"),
        ("/v1/listen/", "deepgram"),
    ],
)
def test_a_path_settles_it(path: str, dialect: str):
    for agent in ("mistral-client-python/3.7.0", "OpenAI/Python 3.57.0"):
        assert told(path, [("diarize", "false"), ("response_format", "json")], user_agent=agent) == dialect


@pytest.mark.parametrize(
    ("agent", "dialect"),
    [
        ("mistral-client-python/3.7.0", "mistral"),
        ("OpenAI/Python 3.57.0", "openai"),
        ("AsyncOpenAI/Python 3.57.0", "openai"),
        ("OpenAI/JS 6.1.0", "openai"),
    ],
)
def test_a_client_counts_for_more_than_fields(agent: str, dialect: str):
    assert told(PATH, [("diarize", "false"), ("prompt", "x")], user_agent=agent) == dialect
    assert told(PATH, [], user_agent=agent, accept="text/event-stream") == dialect


@pytest.mark.parametrize(
    ("pairs", "dialect"),
    [
        ([("model", "base"), ("file_url", "http://x")], "mistral"),
        ([("model", "base"), ("file_id", "x")], "mistral"),
        ([("context_bias", "x"), ("prompt", "x")], "mistral"),
        ([("timestamp_granularities", "segment")], "mistral"),
        ([("timestamp_granularities", "segment"), ("response_format", "json")], "openai"),
        ([("timestamp_granularities[]", "segment")], "openai"),
        ([("include[]", "logprobs")], "openai"),
        ([("chunking_strategy[type]", "server_vad")], "openai"),
        ([("model", "whisper-1"), ("timestamp_granularities", "segment")], "openai"),
        ([("model", '"voxtral-mini-2507"')], "mistral"),
        ([("model", "base")], "openai"),
        ([], "openai"),
    ],
)
def test_fields_that_only_one_has(pairs: list[tuple[str, str]], dialect: str):
    assert told(PATH, pairs, user_agent="curl/8.5.0", accept="*/*") == dialect


def test_the_least_signs():
    assert told(PATH, [("model", "base")], accept="text/event-stream") == "mistral"
    assert told(PATH, [("model", "base")], x_api_key=True) == "mistral"
    assert told(PATH, [("model", "whisper-1")], x_api_key=True) == "openai"
