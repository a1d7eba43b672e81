import json

import numpy as np
import pytest
import soundfile

from steno.bench.corpus import read
from steno.bench.load import load
from steno.bench.measure import Workload, find_largest, measure
from steno.bench.plan import Seat
from steno.bench.slo import Slo
from steno.errors import IncompleteError, RefusedError

REFUSAL = '{"error":{"code":"overloaded","message":"all sessions are taken"}}'


@pytest.fixture
def entries(tmp_path, monkeypatch):
    """20 ms each of a number of its own, at 8 kHz, and no more than that of silence behind it."""
    monkeypatch.setattr("steno.bench.load.PAUSE_S", 0.02)
    monkeypatch.setattr("steno.bench.plan.PAUSE_S", 0.02)
    languages = ("en", "en", "de")
    for number in range(len(languages)):
        soundfile.write(tmp_path / f"{number}.wav", np.full(160, number + 1, np.int16), 8000)
    word = {"word": "Hi.", "start": 0.0, "end": 0.01}
    rows = [
        {"file": f"{number}.wav", "text": "Hi.", "language": language, "words": [word]}
        for number, language in enumerate(languages)
    ]
    (tmp_path / "refs.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return read(tmp_path)


def listening(heard):
    """A server that hears a session to its end and says "Hi." at once; `heard` gets each session's start and audio."""

    async def script(peer):
        start, audio = await peer.open(), b""
        await peer.tell("speech_started", segment=0, channel=0, at=0.0)
        await peer.tell("speech_ended", segment=0, channel=0, at=0.02, reason="endpoint")
        await peer.final(0, "Hi.", 0.0, 0.02)
        while isinstance(frame := await peer.hear(), bytes):
            audio += frame
        heard.append((start, np.frombuffer(audio, np.int16)))
        await peer.say("ack", received=len(audio) // 2, durable=len(audio) // 2)
        await peer.tell(
            "done",
            received=len(audio) // 2,
            audio_s=len(audio) / 16_000,
            speech_s=0.02,
            segments=1,
            words=1,
            latency={"partials": {"p50": None, "p95": None}, "finals": {"p50": None, "p95": None}},
        )

    return script


async def test_a_session_plays_its_recordings_with_silence_behind_each(server, entries):
    heard = []
    async with server(listening(heard)) as url:
        told = await load(url, [Seat(0.0, ((entries[0], entries[1]),))], api_key=None, options={"words": True})
    [(start, audio)] = heard
    assert start == {"type": "start", "words": True, "sample_rate": 8000, "language": "en"}
    assert audio.tolist() == [1] * 160 + [0] * 160 + [2] * 160 + [0] * 160
    assert [(play.reference.file, play.text) for play in told.plays] == [("0.wav", "Hi."), ("1.wav", "")]
    assert [attempt.error for attempt in told.attempts] == [None]


async def test_sessions_of_a_seat_follow_each_other(server, entries):
    heard = []
    async with server(listening(heard)) as url:
        told = await load(url, [Seat(0.0, tuple((entry,) for entry in entries))], api_key=None, options={})
    assert [(start["language"], len(audio)) for start, audio in heard] == [("en", 320), ("en", 320), ("de", 320)]
    first, second, third = told.plays
    assert 0 <= first.began < second.began < third.began


async def test_a_seat_that_is_refused_stays_empty(server, entries):
    def refuse(connection, request):
        if request.path != "/metrics":
            answer = connection.respond(503, REFUSAL)
            answer.headers["Retry-After"] = "10"
            return answer
        return connection.respond(404, "")

    seats = [Seat(0.0, ((entry,), (entry,))) for entry in entries]
    async with server(None, process_request=refuse) as url:
        told = await load(url, seats, api_key=None, options={})
    assert [(error.status, error.retry_after) for error in (a.error for a in told.attempts)] == [(503, 10.0)] * 3
    assert all(isinstance(attempt.error, RefusedError) for attempt in told.attempts)
    assert told.plays == []


async def test_what_a_session_that_broke_off_has_heard_does_not_count(server, entries):
    async def script(peer):
        await peer.open()
        await peer.tell("speech_started", segment=0, channel=0, at=0.0)
        peer.socket.transport.abort()

    async with server(script) as url:
        told = await load(url, [Seat(0.0, ((entries[0],), (entries[1],)))], api_key=None, options={})
    [attempt] = told.attempts
    assert isinstance(attempt.error, IncompleteError)
    assert told.plays == []


async def test_a_point_is_measured_with_so_many_sessions_at_once(server, entries):
    heard = []
    workload = Workload(entries=entries, options={}, ramp_s=0, offline={f"{n}.wav": "Ho." for n in range(3)})
    async with server(listening(heard)) as url:
        point = await measure(url, None, workload, 2, Slo())
    assert (point.report.at_once, point.report.sessions.done, len(heard)) == (2, 3, 3)
    assert point.report.losses.any is False
    assert point.report.tax.offline_wer == 100
    assert len(point.lags.words) == point.report.latency.word_to_shown.count > 0
    assert point.report.usage is None


async def test_the_largest_number_is_searched_by_what_was_missed(server, entries):
    tried = []

    async def measured(sessions):
        tried.append(sessions)
        async with server(listening([])) as url:
            slo = Slo(word_s=-9.0 if sessions > 3 else 9.0, final_s=9.0)
            return await measure(url, None, Workload(entries=entries, options={}, ramp_s=0), sessions, slo)

    assert await find_largest(measured, first=1, most=8) == 3
    assert tried == [1, 2, 4, 3]
