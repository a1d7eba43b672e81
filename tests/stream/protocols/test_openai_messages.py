"""OpenAI's messages: what is read, what is refused and why, and what the ends of items look like."""

import base64
import json

import pytest

from stream.errors import BadAudio, BadRequest, TooLarge
from stream.protocols import openai_messages as messages
from stream.protocols.openai_items import Item
from tests.stream.protocols.test_openai_items import final


def test_the_largest_append_that_their_clients_may_send_is_read():
    audio = bytes(messages.AUDIO_BYTES)
    text = json.dumps({"audio": base64.b64encode(audio).decode(), "type": "input_audio_buffer.append"})
    read = messages.read(text)
    assert isinstance(read, messages.Append)
    assert read.audio == audio
    with pytest.raises(TooLarge):
        messages.read(
            json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(audio + b"x").decode()})
        )


def test_other_messages_are_short():
    with pytest.raises(TooLarge):
        messages.read(json.dumps({"type": "input_audio_buffer.commit", "padding": "x" * messages.TEXT_CHARS}))


@pytest.mark.parametrize(
    ("message", "error", "named"),
    [
        (b"\0\0", BadAudio, "binary"),
        ("{", BadRequest, "truncated"),
        ("[]", BadRequest, "object"),
        ("{}", BadRequest, "type"),
        ('{"type": 3}', BadRequest, "type"),
        ('{"type": []}', BadRequest, "type"),
        ('{"type": "response.create"}', BadRequest, "response.create"),
        ('{"type": "input_audio_buffer.append"}', BadRequest, "audio"),
        ('{"type": "input_audio_buffer.append", "audio": "?"}', BadRequest, "base64"),
        ('{"type": "session.update", "session": {"audio": 1}}', BadRequest, r"session\.audio"),
        ("[" * 100_000, BadRequest, "array"),
    ],
)
def test_what_is_no_message_is_named(message: str | bytes, error: type[Exception], named: str):
    with pytest.raises(error, match=named):
        messages.read(message)


@pytest.mark.parametrize(
    ("message", "named"),
    [
        ('{"event_id": "mine", "type": 3}', "mine"),
        ('{"event_id": 3}', None),
        ("{", None),
        (b"", None),
    ],
)
def test_a_clients_id_is_read_however_wrong_its_message_is(message: str | bytes, named: str | None):
    assert messages.event_id(message) == named


def test_an_item_that_failed_without_a_word_has_no_transcript():
    failed = Item("a", 0, 16_000, failed=True)
    kind, fields = messages.completed(failed)
    assert kind.endswith(".failed")
    assert fields["error"]["code"] == "transcription_failed"
    failed.add(final(" some"))
    kind, fields = messages.completed(failed)
    assert kind.endswith(".completed")
    assert (fields["transcript"], fields["languages"]) == ("some", [{"code": "en"}])
    assert fields["usage"] == {"type": "duration", "seconds": 1.0}
