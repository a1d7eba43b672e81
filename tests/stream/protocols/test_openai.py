"""OpenAI's realtime transcription, without a session behind it and with one on the scripted model."""

import asyncio
import base64
import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.base import Word
from models.scripted import ledger_audio
from stream import events
from stream.audio import AudioFormat
from stream.errors import ClientError, Draining, Overloaded, Unsupported
from stream.events import Audio, Clear, Configure, Finalize, Limits, Reply, SessionOptions
from stream.protocols import openai
from stream.protocols.base import Request
from stream.protocols.openai import OpenAIProtocol
from tests.stream.inline import scripted_engine
from tests.stream.peer import Peer, session_for
from tests.wire.conversation import TURNS
from tests.wire.openai_items import TRANSCRIPTION, transcripts
from vad.endpointer import EndpointOptions

COMMIT = {"type": "input_audio_buffer.commit"}
CLEAR = {"type": "input_audio_buffer.clear"}
PCM_16K = {"type": "audio/pcm", "rate": 16_000}


def opened(*query: tuple[str, str], subprotocols: tuple[str, ...] = (), **headers: str) -> OpenAIProtocol:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return OpenAIProtocol.open(Request("/v1/realtime", query, subprotocols, names, "secret"), Limits())


def append(audio: bytes) -> dict[str, Any]:
    return {"type": "input_audio_buffer.append", "audio": base64.b64encode(audio).decode()}


def update(**of_input: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "transcription", "audio": {"input": of_input}}}


def received(protocol: OpenAIProtocol, message: Any) -> list[events.Command]:
    return list(protocol.receive(json.dumps(message)))


def said(protocol: OpenAIProtocol, event: events.Event) -> list[dict[str, Any]]:
    return [json.loads(message) for message in protocol.send(event, None, 0.0)]


def ready(options: SessionOptions) -> events.Ready:
    return events.Ready(session="s", token="t", model="m", options=options, resume_window_s=0, limits=Limits())


# -- opening ------------------------------------------------------------------------------------------------------


def test_a_session_begins_at_once_at_24_khz_with_turn_detection():
    start = opened(("intent", "transcription")).start
    assert start
    assert start.options == SessionOptions(audio=AudioFormat(sample_rate=24_000), endpointing=EndpointOptions())


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("gpt-4o-mini-transcribe", "gpt-4o-mini-transcribe"),
        ("gpt-realtime-whisper", "gpt-realtime-whisper"),
        ("base", "base"),
        ("gpt-realtime", None),
        ("gpt-4o-realtime-preview-2025-06-03", None),
        ("", None),
    ],
)
def test_the_model_of_the_url_is_the_one_that_transcribes_unless_it_holds_conversations(name: str, model: str | None):
    start = opened(("model", name)).start
    assert start
    assert start.options.model == model


def test_realtime_is_selected_where_it_is_offered_and_a_key_never():
    assert opened(subprotocols=("realtime", "openai-insecure-api-key.K")).subprotocol == "realtime"
    assert opened(subprotocols=("openai-insecure-api-key.K",)).subprotocol is None
    assert opened().subprotocol is None


def test_a_session_says_when_it_expires():
    request = Request("/v1/realtime", at=datetime(2026, 11, 25, tzinfo=UTC))
    [created] = said(OpenAIProtocol.open(request, Limits(session_s=60)), ready(SessionOptions()))
    assert created["session"]["expires_at"] == datetime(2026, 11, 25, 0, 1, tzinfo=UTC).timestamp()


def test_ids_have_their_prefixes_and_give_the_sessions_own_id_away_only_once():
    protocol = opened()
    [created] = said(protocol, ready(SessionOptions()))
    [started] = said(protocol, events.SpeechStarted(segment=0, channel=0, at=0))
    assert created["session"]["id"] == "sess_s"
    assert created["session"]["type"] == "transcription"
    assert started["event_id"].startswith("event_")
    assert started["item_id"].startswith("item_")
    assert "secret" not in json.dumps(started)


# -- messages to commands -----------------------------------------------------------------------------------------


def test_an_append_may_end_inside_a_sample():
    protocol = opened()
    assert received(protocol, append(b"abc")) == [Audio(b"ab")]
    assert received(protocol, append(b"")) == []
    assert received(protocol, append(b"d")) == [Audio(b"cd")]


def test_an_update_is_a_configure_for_each_option_and_one_that_all_are_answered():
    protocol = opened()
    transcription = {"model": "whisper-1", "language": "en-US", "prompt": "Ada", "keywords": ["refund"]}
    turns = {"type": "server_vad", "silence_duration_ms": 700}
    assert received(
        protocol, update(format={"type": "audio/pcma"}, transcription=transcription, turn_detection=turns)
    ) == [
        Configure({"audio": AudioFormat("alaw", 8000)}),
        Configure({"languages": ("en",), "model": "whisper-1"}),
        Configure({"prompt": "Ada"}),
        Configure({"keywords": ("refund",)}),
        Configure({"endpointing": {"silence_ms": 700, "preroll_ms": 300}}),
        Configure({}),
    ]


def test_what_an_update_repeats_is_not_begun_anew():
    protocol = opened(("model", "whisper-1"))
    asked = update(format={"type": "audio/pcm", "rate": 24_000}, transcription={"model": "whisper-1"})
    assert received(protocol, asked) == [Configure({})]


def test_another_model_once_audio_has_come_is_ignored_and_another_format_is_an_error():
    protocol = opened()
    received(protocol, append(bytes(4800)))
    assert received(protocol, update(transcription={"model": "whisper-1"})) == [Configure({})]
    with pytest.raises(ClientError, match="audio has come"):
        received(protocol, update(format={"type": "audio/pcmu"}))


def test_commit_without_turn_detection_is_answered_at_once_and_takes_100_ms():
    protocol = opened()
    received(protocol, update(turn_detection=None))
    received(protocol, append(bytes(4798)))
    with pytest.raises(openai.EmptyCommit, match=r"99\.9"):
        received(protocol, COMMIT)
    received(protocol, append(bytes(2)))
    [reply, finalize] = received(protocol, COMMIT)
    assert isinstance(reply, Reply)
    kinds = [json.loads(message)["type"] for message in reply.messages]
    assert kinds == ["input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"]
    assert finalize == Finalize(json.loads(reply.messages[0])["item_id"])
    with pytest.raises(openai.EmptyCommit, match=r" 0\.00ms"):
        received(protocol, COMMIT)


def test_clear_takes_what_has_come_and_is_answered_even_where_nothing_has():
    protocol = opened()
    [reply] = received(protocol, CLEAR)
    assert isinstance(reply, Reply)
    received(protocol, append(bytes(9600)))
    assert received(protocol, CLEAR) == [Clear()]
    with pytest.raises(openai.EmptyCommit):
        received(protocol, COMMIT)


def test_text_that_comes_late_of_cleared_audio_is_not_told():
    protocol = opened()
    received(protocol, update(turn_detection=None))
    received(protocol, append(bytes(48_000)))
    said(protocol, events.SpeechStarted(segment=0, channel=0, at=0))
    spoken: Any = {"segment": 0, "channel": 0, "start": 0, "end": 9000, "language": "en"}
    two = (Word(" one", 0, 4000), Word(" two", 5000, 9000))
    [delta] = said(protocol, events.Partial(words=two, stable=1, lag=0, **spoken))
    assert delta["delta"] == "one"
    received(protocol, CLEAR)
    assert said(protocol, events.Partial(words=two, stable=2, lag=0, **spoken)) == []
    latency = events.Latency(endpoint=0, queue=0, decode=0, decoded_at=0)
    assert said(protocol, events.Final(words=two, reason="max_length", latency=latency, **spoken)) == []


@pytest.mark.parametrize("kind", ["response.create", "conversation.item.create", "output_audio_buffer.clear", "sing"])
def test_messages_of_conversations_are_named_with_the_clients_id(kind: str):
    protocol = opened()
    with pytest.raises(ClientError) as caught:
        received(protocol, {"type": kind, "event_id": "mine"})
    [message] = said(protocol, events.Failed(error=caught.value))
    assert kind in message["error"]["message"]
    assert message["error"]["event_id"] == "mine"
    assert message["error"]["type"] == "invalid_request_error"
    assert not caught.value.fatal


def test_what_can_not_be_honoured_is_logged_once(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "stream.protocols.openai")
    protocol = opened()
    wanted = update(noise_reduction={"type": "near_field"}, turn_detection={"type": "server_vad", "threshold": 0.9})
    received(protocol, wanted)
    received(protocol, wanted)
    assert [record.getMessage() for record in caplog.records] == [
        "session secret: ignored noise_reduction, turn_detection.threshold"
    ]


def test_a_hint_that_the_model_can_not_use_is_no_error(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "stream.protocols.openai")
    protocol = opened()
    received(protocol, update(transcription={"prompt": "Ada"}))
    assert said(protocol, events.Failed(error=Unsupported("takes no `prompt`"))) == []
    [updated] = said(protocol, events.Configured(options=SessionOptions()))
    assert updated["type"] == "session.updated"
    assert "transcription.prompt" in caplog.text
    assert "Ada" not in caplog.text


def test_audio_in_a_format_that_was_not_granted_ends_the_session():
    protocol = opened()
    received(protocol, {**update(format={"type": "audio/pcmu"}), "event_id": "mine"})
    [error] = said(protocol, events.Failed(error=Overloaded("full")))
    assert error["error"]["event_id"] == "mine"
    with pytest.raises(ClientError) as caught:
        received(protocol, append(bytes(800)))
    assert caught.value.fatal


def test_a_model_that_was_refused_is_not_asked_for_again():
    protocol = opened()
    received(protocol, update(transcription={"model": "nobody"}))
    said(protocol, events.Failed(error=Unsupported("no such model")))
    said(protocol, events.Configured(options=SessionOptions()))
    asked = received(protocol, update(transcription={"language": "de"}))
    assert asked[0] == Configure({"languages": ("de",), "model": None})


def test_a_session_that_fails_says_so_and_never_closes_like_one_that_is_done():
    protocol = opened()
    draining = Draining("the server is shutting down", fatal=True)
    [error] = said(protocol, events.Failed(error=draining))
    assert (error["type"], error["error"]["type"]) == ("error", "server_error")
    assert protocol.closing(draining)[0] not in (1000, 1001)
    assert protocol.closing(None)[0] == 1000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "format": JSON
        | st.fixed_dictionaries({"type": st.sampled_from(["audio/pcm", "audio/pcmu"])}, optional={"rate": JSON}),
        "transcription": JSON
        | st.dictionaries(st.sampled_from(["model", "language", "languages", "prompt", "keywords"]), JSON),
        "turn_detection": JSON
        | st.fixed_dictionaries(
            {"type": st.sampled_from(["server_vad", "semantic_vad"])},
            optional={"silence_duration_ms": JSON, "prefix_padding_ms": JSON, "eagerness": JSON},
        ),
    },
)
MESSAGES = (
    st.text()
    | st.binary()
    | JSON.map(json.dumps)
    | st.builds(lambda fields: json.dumps(update(**fields)), FIELDS)
    | st.builds(lambda flat: json.dumps({"type": "transcription_session.update", "session": flat}), JSON)
    | st.builds(lambda text: json.dumps({"type": "input_audio_buffer.append", "audio": text}), JSON)
    | st.builds(lambda audio: json.dumps(append(audio)), st.binary(max_size=9000))
    | st.sampled_from([json.dumps(COMMIT), json.dumps(CLEAR), '{"type": "\\ud800"}', "[" * 5000])
)


@given(st.lists(MESSAGES, max_size=8))
@settings(max_examples=150, deadline=None)
def test_a_message_is_commands_or_a_clients_error_and_audio_is_whole_samples(messages: list[str | bytes]):
    protocol = opened()
    for message in messages:
        before = protocol._audio.sample_bytes
        try:
            commands = protocol.receive(message)
        except ClientError as error:
            [told] = said(protocol, events.Failed(error=error))
            assert told["error"]["message"]
        else:
            assert all(len(each.payload) % before == 0 for each in commands if isinstance(each, Audio))


# -- with a session -----------------------------------------------------------------------------------------------


async def played(*messages: dict[str, Any], query: tuple[tuple[str, str], ...] = ()) -> list[dict[str, Any]]:
    """What the server says to these messages, each sent once all has happened that follows from the one before."""
    engine = await scripted_engine()
    peer = Peer()
    running = asyncio.create_task(session_for(peer, engine, query=query, dialect=OpenAIProtocol).run())
    for message in messages:
        peer.feed(message)
        for _ in range(TURNS):
            await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await engine.stop()
    return [peer.heard.get_nowait() for _ in range(peer.heard.qsize())]


def ledger(first: int, blocks: int) -> dict[str, Any]:
    return append(ledger_audio(first, blocks).tobytes())


def numbers(first: int, last: int) -> str:
    return " ".join(f"w{number}" for number in range(first, last))


HUSH = append(bytes(32_000))
NULL = update(format=PCM_16K, turn_detection=None)
VAD = update(format=PCM_16K, turn_detection={"type": "server_vad"})


async def test_an_item_of_turn_detection_comes_in_order():
    messages = await played(VAD, ledger(0, 20), HUSH)
    kinds = [
        message["type"].removeprefix("input_audio_buffer.").removeprefix("conversation.item.") for message in messages
    ]
    text = "input_audio_transcription"
    bare = [kind for kind in kinds[2:] if kind != f"{text}.delta"]
    assert bare == ["speech_started", "speech_stopped", "committed", "added", "done", f"{text}.completed"]
    assert kinds.index(f"{text}.delta") < kinds.index("speech_stopped")
    started, stopped = (message for message in messages if "speech" in message["type"])
    assert started["item_id"] == stopped["item_id"]
    assert (started["audio_start_ms"], stopped["audio_end_ms"]) == (0, pytest.approx(2000, abs=40))
    assert list(transcripts(messages).values()) == [numbers(0, 20)]
    assert messages[-1]["usage"] == {"type": "duration", "seconds": stopped["audio_end_ms"] / 1000}


async def test_two_utterances_are_two_items_and_the_second_starts_with_its_padding():
    messages = await played(VAD, ledger(0, 10), HUSH, ledger(10, 10), HUSH)
    assert list(transcripts(messages).values()) == [numbers(0, 10), numbers(10, 20)]
    starts = [message["audio_start_ms"] for message in messages if "audio_start_ms" in message]
    assert starts == [0, pytest.approx(2000 - 300, abs=40)]


async def test_a_commit_of_more_than_any_segment_holds_is_one_item():
    messages = await played(NULL, ledger(0, 250), ledger(250, 250), COMMIT)
    assert list(transcripts(messages).values()) == [numbers(0, 500)]
    assert messages[-1]["usage"]["seconds"] == 50.0
    assert not any("speech" in message["type"] for message in messages)


async def test_a_commit_ends_what_turn_detection_has_open_and_is_no_item_of_its_own():
    messages = await played(VAD, ledger(0, 10), COMMIT)
    assert list(transcripts(messages).values()) == [numbers(0, 10)]


async def test_what_is_said_behind_a_commit_belongs_to_the_next():
    pieces = [message for first in range(0, 60, 10) for message in (ledger(first, 10), COMMIT)]
    messages = await played(NULL, *pieces)
    assert list(transcripts(messages).values()) == [numbers(first, first + 10) for first in range(0, 60, 10)]


async def test_cleared_audio_is_in_no_item():
    for mode in (NULL, VAD):
        messages = await played(mode, ledger(0, 10), CLEAR, ledger(10, 10), COMMIT)
        assert list(transcripts(messages).values()) == [numbers(10, 20)]
        assert sum(message["type"] == "input_audio_buffer.cleared" for message in messages) == 1


async def test_turn_detection_may_come_and_go_without_losing_a_word():
    messages = await played(
        NULL, ledger(0, 10), VAD, ledger(10, 10), HUSH, ledger(20, 10), NULL, ledger(30, 10), COMMIT
    )
    assert list(transcripts(messages).values()) == [numbers(first, first + 10) for first in range(0, 40, 10)]


async def test_an_update_and_all_that_follows_may_come_at_once():
    """Clients don't wait for `session.updated`."""
    engine = await scripted_engine()
    peer = Peer()
    running = asyncio.create_task(session_for(peer, engine, dialect=OpenAIProtocol).run())
    peer.feed(NULL, ledger(0, 10), COMMIT, ledger(10, 10), COMMIT)
    messages = await peer.until(f"{TRANSCRIPTION}.completed")
    messages += await peer.until(f"{TRANSCRIPTION}.completed")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await engine.stop()
    assert list(transcripts(messages).values()) == [numbers(0, 10), numbers(10, 20)]


async def test_decoding_that_is_given_up_fails_the_item():
    messages = await played(update(transcription={"prompt": "raise@1"}), NULL, ledger(0, 5), COMMIT)
    assert messages[-1]["type"] == f"{TRANSCRIPTION}.failed"
    assert messages[-1]["error"]["type"] == "server_error"


STEPS = st.lists(
    st.sampled_from([NULL, VAD, HUSH, COMMIT, CLEAR, append(bytes(1000)), {"type": "response.create"}])
    | st.integers(1, 12),
    max_size=12,
)


@given(STEPS)
@settings(max_examples=20, deadline=None)
def test_whatever_a_client_does_no_item_is_lost_doubled_or_out_of_order(steps: list[Any]):
    said_so_far = 0
    script: list[dict[str, Any]] = [NULL]
    for step in steps:
        if isinstance(step, int):
            script.append(ledger(said_so_far, step))
            said_so_far += step
        else:
            script.append(step)
    script += [HUSH, COMMIT]
    messages = asyncio.run(played(*script))
    told = transcripts(messages)
    committed = {message["item_id"] for message in messages if message["type"] == "input_audio_buffer.committed"}
    assert told.keys() == committed
    words = [word for text in told.values() for word in text.split()]
    assert words == sorted(set(words), key=lambda word: int(word.strip("w?")))
    if CLEAR not in steps:  # what is shorter than an onset is silence, on either side of a cut
        assert len(words) >= said_so_far - 2 * len(steps)
