"""Whisper end to end: a conversation over a real socket, with words that mean something."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mistralai.client import Mistral

from steno.bench import wer
from tests.e2e.conftest import Server, hear, say
from tests.e2e.test_faults import check_order
from tests.e2e.test_mistral_live import heard, joined
from tests.micro.corpus import Clip, read

FIXTURES = Path(__file__).parents[1] / "fixtures"
MICRO = FIXTURES / "whisper-micro"


@pytest.fixture(scope="module")
def micro(start_server: Callable[..., Server]) -> Server:
    return start_server("--model", str(MICRO))


def transcribe(server: Server, clip: Clip, **options: Any) -> list[dict[str, Any]]:
    with server.connect() as socket:
        say(socket, type="start", mode="file", **options)
        audio = clip.samples.tobytes()
        for at in range(0, len(audio), 32_000):
            socket.send(audio[at : at + 32_000])
        say(socket, type="stop")
        return hear(socket, "done")


@pytest.mark.parametrize("clip", read(FIXTURES / "conversations"), ids=lambda clip: clip.file)
def test_a_conversation_is_heard_rightly(micro: Server, clip: Clip):
    # Sent at once, a segment is heard in one window, and this model is weak where one holds many sentences.
    messages = transcribe(micro, clip, words=True, endpointing={"silence_ms": 200, "max_segment_s": 6})
    finals = [message for message in messages if message["type"] == "final"]
    heard = wer.normalized(" ".join(final["text"] for final in finals))
    assert wer.errors(wer.normalized(clip.text), heard) <= 0.1 * len(clip.words)
    assert {final["language"] for final in finals} == {clip.language}
    check_order(messages)
    for first, last in clip.utterances:
        start, end = clip.words[first].start, clip.words[last - 1].end
        assert any(final["start"] < end and start < final["end"] for final in finals)


def test_what_the_model_was_not_trained_for_is_refused_at_the_start(micro: Server):
    for options in ({"task": "translate"}, {"language": "fr"}):
        with micro.connect() as socket:
            say(socket, type="start", **options)
            assert hear(socket, "error")[-1]["code"] == "unsupported"


async def test_text_told_to_mistrals_client_is_never_taken_back(micro: Server):
    clip = read(FIXTURES / "clips")[0]
    events = await heard(Mistral(api_key="any", server_url=micro.http), clip.samples.tobytes())
    assert events[-1].text == joined(events)
    assert wer.errors(wer.normalized(clip.text), wer.normalized(events[-1].text)) <= 0.1 * len(clip.words)
